import type { Ctx } from '@kiban/kit/context'
import { searchEndpoints } from './endpoints.store.ts'

/** Finds endpoints by a part of their name, for the search box. */
export async function endpointSearch(ctx: Ctx, text: string, project: string | undefined) {
  const rows = await searchEndpoints(ctx, text, project)
  return rows.map((row) => ({
    kind: 'endpoint',
    id: row.id,
    name: row.name,
    project: row.project,
    path: `/p/${row.project}/endpoints/${row.name}`,
  }))
}
