import type { LineageSource } from '../lineage/index.ts'
import { findJobRow } from './jobs.store.ts'

/** What jobs say of themselves to the lineage graph. */
export const jobLineage: LineageSource = {
  kinds: ['job'],
  describe: async (ctx, _project, _kind, ids) => {
    const rows = await Promise.all(ids.map((id) => findJobRow(ctx.db, id)))
    return new Map(rows.flatMap((row) => (row ? [[row.id, { label: row.name, project: row.project }] as const] : [])))
  },
}
