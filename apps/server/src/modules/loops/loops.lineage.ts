import type { LineageSource } from '../lineage/index.ts'
import { listFiringsByIds } from './loops.store.ts'

/** What loops say of their firings to the lineage graph. */
export const loopLineage: LineageSource = {
  kinds: ['loop_run'],
  describe: async (ctx, _project, _kind, ids) =>
    new Map(
      (await listFiringsByIds(ctx, ids)).map((row) => [
        row.id,
        { label: `${row.loop} #${row.number}`, project: row.project },
      ]),
    ),
}
