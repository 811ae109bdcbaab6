import type { LineageSource } from '../lineage/index.ts'
import { listRunsById } from './runs.store.ts'

/** What runs say of themselves to the lineage graph. */
export const runLineage: LineageSource = {
  kinds: ['run'],
  describe: async (ctx, project, _kind, ids) =>
    new Map(
      (await listRunsById(ctx.db, project, ids)).map((row) => [row.id, { label: row.name, project: row.project }]),
    ),
}
