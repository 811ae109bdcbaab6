import type { Ctx } from '@kiban/kit/context'
import { searchPipelineRows } from './pipelines.store.ts'

/** Finds pipelines by a part of their name, for the search box. */
export async function pipelineSearch(ctx: Ctx, text: string, project: string | undefined) {
  const rows = await searchPipelineRows(ctx, text, project)
  return rows.map((row) => ({
    kind: 'pipeline',
    id: row.id,
    name: row.name,
    project: row.project,
    path: `/p/${row.project}/pipelines/${row.name}`,
  }))
}
