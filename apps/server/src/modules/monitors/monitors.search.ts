import type { Ctx } from '@kiban/kit/context'
import { searchMonitors } from './monitors.store.ts'

/** Finds monitors by a part of their name, for the search box. */
export async function monitorSearch(ctx: Ctx, text: string, project: string | undefined) {
  const rows = await searchMonitors(ctx, text, project)
  return rows.map(({ id, name, project: of }) => ({
    kind: 'monitor',
    id,
    name,
    project: of,
    path: `/p/${of}/monitors/${name}`,
  }))
}
