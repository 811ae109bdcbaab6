import type { LineageSource } from '../lineage/index.ts'
import { getMonitorById, listWindowsByIds } from './monitors.store.ts'

/** What monitors say of their windows to the lineage graph. */
export const monitorLineage: LineageSource = {
  kinds: ['monitor_window'],
  describe: async (ctx, _project, _kind, ids) => {
    const rows = await listWindowsByIds(ctx, ids)
    const named = await Promise.all(
      rows.map(async (row) => {
        const monitor = await getMonitorById(ctx, row.monitor_id)
        return [row.id, { label: `${monitor.name} ${row.label}`, project: row.project }] as const
      }),
    )
    return new Map(named)
  },
}
