import type { Ctx } from '@kiban/kit/context'
import { AppError } from '@kiban/kit/errors'
import { newId } from '@kiban/kit/ids'
import type { SignalName } from '@kiban/contract/monitors'

export type AlertRow = {
  id: string
  project: string
  monitor_id: string
  monitor: string
  /** What it is about: with the window it opened in, its identity. */
  rule: string
  signal: SignalName
  metric: string
  severity: 'error' | 'warn'
  state: 'open' | 'acknowledged' | 'resolved'
  reason: string
  value: number | null
  limit_value: number | null
  window_id: string
  window_label: string
  window_start_at: number
  window_end_at: number
  last_window_start_at: number
  windows: number
  opened_at: number
  last_seen_at: number
  acknowledged_by: string | null
  acknowledged_at: number | null
  silenced_until_at: number | null
  resolved_at: number | null
}

export type AlertEventRow = {
  id: string
  alert_id: string
  at: number
  actor: string
  kind: 'opened' | 'seen_again' | 'acknowledged' | 'silenced' | 'resolved'
  note: string
}

declare module '@kiban/kit/database' {
  interface Tables {
    alerts: AlertRow
    alert_events: AlertEventRow
  }
}

export async function listAlertRows(
  ctx: Ctx,
  of: { project: string; state?: AlertRow['state'] | undefined; monitor?: string | undefined; limit: number },
): Promise<AlertRow[]> {
  let query = ctx.db.selectFrom('alerts').selectAll().where('project', '=', of.project)
  if (of.state !== undefined) query = query.where('state', '=', of.state)
  if (of.monitor !== undefined) query = query.where('monitor', '=', of.monitor)
  return query.orderBy('opened_at', 'desc').orderBy('id', 'desc').limit(of.limit).execute()
}

export async function listAlertsOfMonitor(ctx: Ctx, monitorId: string): Promise<AlertRow[]> {
  return ctx.db.selectFrom('alerts').selectAll().where('monitor_id', '=', monitorId).orderBy('id').execute()
}

/** Throws `alert_not_found`. */
export async function getAlertRow(ctx: Ctx, project: string, id: string): Promise<AlertRow> {
  const row = await ctx.db
    .selectFrom('alerts')
    .selectAll()
    .where('id', '=', id)
    .where('project', '=', project)
    .executeTakeFirst()
  if (!row)
    throw new AppError('alert_not_found', {
      message: `${project} has no alert ${JSON.stringify(id)}. List its alerts with: kiban alert list`,
    })
  return row
}

export async function insertAlert(ctx: Ctx, row: AlertRow): Promise<void> {
  await ctx.db.insertInto('alerts').values(row).execute()
}

export async function updateAlert(ctx: Ctx, id: string, set: Partial<AlertRow>): Promise<void> {
  await ctx.db.updateTable('alerts').set(set).where('id', '=', id).execute()
}

export async function insertAlertEvent(ctx: Ctx, event: Omit<AlertEventRow, 'id'>): Promise<void> {
  await ctx.db
    .insertInto('alert_events')
    .values({ id: newId('ale'), ...event })
    .execute()
}

export async function listAlertEvents(ctx: Ctx, alertId: string): Promise<AlertEventRow[]> {
  return ctx.db
    .selectFrom('alert_events')
    .selectAll()
    .where('alert_id', '=', alertId)
    .orderBy('at')
    .orderBy('id')
    .execute()
}

/** Alerts that are not resolved, by monitor. */
export async function countOpenAlerts(
  ctx: Ctx,
  project: string,
): Promise<Map<string, { total: number; errors: number }>> {
  const rows = await ctx.db
    .selectFrom('alerts')
    .select(['monitor_id', 'severity'])
    .where('project', '=', project)
    .where('state', '<>', 'resolved')
    .execute()
  const counts = new Map<string, { total: number; errors: number }>()
  for (const row of rows) {
    const count = counts.get(row.monitor_id) ?? { total: 0, errors: 0 }
    counts.set(row.monitor_id, { total: count.total + 1, errors: count.errors + (row.severity === 'error' ? 1 : 0) })
  }
  return counts
}
