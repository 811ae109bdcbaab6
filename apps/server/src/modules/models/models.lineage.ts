import type { LineageSource } from '../lineage/index.ts'
import { listVersionsById } from './versions.store.ts'

/** What the registry says of model versions to the lineage graph. */
export const modelLineage: LineageSource = {
  kinds: ['model_version'],
  describe: async (ctx, _project, _kind, ids) =>
    new Map(
      (await listVersionsById(ctx.db, ids)).map((row) => [
        row.id,
        { label: `${row.name} v${row.number}`, project: row.project },
      ]),
    ),
}
