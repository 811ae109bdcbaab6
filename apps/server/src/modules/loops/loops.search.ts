import type { Ctx } from '@kiban/kit/context'
import { searchLoops } from './loops.store.ts'

/** Finds loops by a part of their name, for the search box; a loop is shown with its monitors. */
export async function loopSearch(ctx: Ctx, text: string, project: string | undefined) {
  const rows = await searchLoops(ctx, text, project)
  return rows.map(({ id, name, project: of }) => ({ kind: 'loop', id, name, project: of, path: `/p/${of}/monitors` }))
}
