import type { MonitorWindow } from '@kiban/contract/monitors'
import { inTransaction, wake } from '@kiban/kit/context'
import type { Ctx } from '@kiban/kit/context'
import { recordAudit } from '../audit/index.ts'
import { presentWindow } from './monitors.present.ts'
import { getMonitorByName, getWindowRow, updateWindow } from './monitors.store.ts'

/** Asks for a closed window to be computed anew. Throws `monitor_not_found`, `monitor_window_not_found`. */
export async function recomputeWindow(
  ctx: Ctx,
  input: { project: string; monitor: string; window: string },
): Promise<MonitorWindow> {
  return inTransaction(ctx, async (ctx) => {
    const monitor = await getMonitorByName(ctx, input.project, input.monitor)
    const row = await getWindowRow(ctx, monitor, input.window)
    const change = { due: 1, attempts: 0, retry_at: null, reason: 'asked to be computed again' }
    await updateWindow(ctx, row.id, change)
    await recordAudit(ctx, {
      action: 'monitor.write',
      resource: { kind: 'monitor_window', id: row.id },
      project: input.project,
      details: { monitor: monitor.name, window: row.label, recompute: true },
    })
    wake(ctx, 'monitors')
    return presentWindow({ ...row, ...change }, monitor.name, ctx.clock.now())
  })
}
