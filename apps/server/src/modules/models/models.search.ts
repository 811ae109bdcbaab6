import type { Ctx } from '@kiban/kit/context'
import { searchModelNames } from './models.store.ts'

/** Registered models whose name holds the text. */
export async function modelSearch(ctx: Ctx, text: string, project: string | undefined) {
  const rows = await searchModelNames(ctx.db, text, project ?? ctx.actor.project)
  return rows.map((row) => ({
    kind: 'model',
    id: row.id,
    name: row.name,
    project: row.project,
    path: `/p/${row.project}/models/${encodeURIComponent(row.name)}`,
  }))
}
