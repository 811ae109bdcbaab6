import type { Ctx } from '@kiban/kit/context'
import { findMonitorByName, listWindowRows } from './monitors.store.ts'
import { listValues } from './signal-values.store.ts'

export type WatchedWindow = {
  readonly id: string
  readonly label: string
  readonly startAt: number
  readonly endAt: number
  /** Of the one signal that was asked for: fail before warn before ok; null while nothing could be judged. */
  readonly status: 'ok' | 'warn' | 'fail' | null
  readonly reason: string
  readonly value: number | null
  readonly direction: 'above' | 'below' | null
}

/** Computed windows of a monitor that begin at or after an instant, oldest first, with the verdict of one signal. */
export async function listWindowsOfMonitor(
  ctx: Ctx,
  of: { project: string; monitor: string; signal: string; fromAt: number },
): Promise<WatchedWindow[]> {
  const monitor = await findMonitorByName(ctx, of.project, of.monitor)
  if (!monitor) return []
  const rows = await listWindowRows(ctx, { monitorId: monitor.id, grain: 'window', fromAt: of.fromAt, limit: 100 })
  const found: WatchedWindow[] = []
  for (const row of rows.reverse()) {
    if (row.state !== 'done') continue
    const ruled = (await listValues(ctx, row.id)).filter((value) => value.signal === of.signal && value.rule !== null)
    const worst =
      ruled.find(({ status }) => status === 'fail') ??
      ruled.find(({ status }) => status === 'warn') ??
      ruled.find(({ status }) => status === 'ok')
    const status = worst?.status === 'fail' || worst?.status === 'warn' || worst?.status === 'ok' ? worst.status : null
    found.push({
      id: row.id,
      label: row.label,
      startAt: row.start_at,
      endAt: row.end_at,
      status,
      reason: worst?.reason ?? row.reason,
      value: worst?.value ?? null,
      direction: worst?.direction ?? null,
    })
  }
  return found
}
