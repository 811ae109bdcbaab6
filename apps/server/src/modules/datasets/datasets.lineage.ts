import type { LineageSource } from '../lineage/index.ts'
import { listVersionsById } from './datasets.store.ts'

/** What datasets say of their versions to the lineage graph. */
export const datasetLineage: LineageSource = {
  kinds: ['dataset_version'],
  describe: async (ctx, _project, _kind, ids) =>
    new Map(
      (await listVersionsById(ctx, ids)).map((row) => [
        row.id,
        { label: `${row.name} v${row.number}`, project: row.project },
      ]),
    ),
}
