import type { Ctx } from '@kiban/kit/context'
import { searchDatasets } from './datasets.store.ts'

/** Finds datasets by a part of their name, for the search box. */
export async function datasetSearch(ctx: Ctx, text: string, project: string | undefined) {
  const rows = await searchDatasets(ctx, text, project)
  return rows.map((row) => ({
    kind: 'dataset',
    id: row.id,
    name: row.name,
    project: row.project,
    path: `/p/${row.project}/datasets/${row.name}`,
  }))
}
