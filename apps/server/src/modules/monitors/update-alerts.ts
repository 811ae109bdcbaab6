import { emit, wake } from '@kiban/kit/context'
import type { Ctx } from '@kiban/kit/context'
import { newId } from '@kiban/kit/ids'
import { alertEpisodes, episodeReason } from './alert-episodes.ts'
import type { Episode, RulePoint } from './alert-episodes.ts'
import { insertAlert, insertAlertEvent, listAlertsOfMonitor, updateAlert } from './alerts.store.ts'
import type { AlertRow } from './alerts.store.ts'
import { listWindowsByIds } from './monitors.store.ts'
import type { MonitorRow } from './monitors.store.ts'
import { notify } from './notify.ts'
import { listRuleValues } from './signal-values.store.ts'

/**
 * Makes a monitor's alerts what its windows say, in the transaction that wrote a window: one alert an episode of a rule, opened once,
 * kept while it lasts, resolved by the first window that is fine. Computing windows again changes alerts only where verdicts changed.
 * `nowMs` is the project's time.
 */
export async function updateAlerts(ctx: Ctx, monitor: MonitorRow, nowMs: number): Promise<void> {
  const values = await listRuleValues(ctx, monitor.id)
  const windows = new Map(
    (await listWindowsByIds(ctx, [...new Set(values.map(({ window_id }) => window_id))])).map((row) => [row.id, row]),
  )
  const byRule = new Map<string, RulePoint[]>()
  for (const value of values) {
    const window = windows.get(value.window_id)
    if (value.rule === null || window === undefined) continue
    // The same rule at the daily grain is another alert: an outage of a day must not hide in a month that is fine.
    const rule = window.grain === 'day' ? `${value.rule} (by day)` : value.rule
    const points = byRule.get(rule) ?? []
    points.push({ window, value })
    byRule.set(rule, points)
  }
  const alerts = await listAlertsOfMonitor(ctx, monitor.id)
  const kept = new Set<string>()
  for (const [rule, points] of byRule) {
    points.sort((a, b) => a.window.start_at - b.window.start_at)
    const known = alerts.filter((alert) => alert.rule === rule)
    for (const episode of alertEpisodes(points)) {
      const id = await settleEpisode(ctx, { monitor, rule, episode, known, nowMs })
      kept.add(id)
    }
  }
  for (const alert of alerts)
    if (alert.state !== 'resolved' && !kept.has(alert.id))
      await resolve(
        ctx,
        alert,
        nowMs,
        'Computed again, the signal is fine, or its rule is no longer in the project file.',
      )
}

type Settling = { monitor: MonitorRow; rule: string; episode: Episode; known: readonly AlertRow[]; nowMs: number }

async function settleEpisode(ctx: Ctx, { monitor, rule, episode, known, nowMs }: Settling): Promise<string> {
  const { first, opened, last, ended } = episode
  const inside = known.filter(
    (alert) => alert.window_start_at >= first.window.start_at && alert.window_start_at <= last.window.start_at,
  )
  const current = inside.findLast((alert) => alert.state !== 'resolved') ?? inside.at(-1)
  const reason = episodeReason(episode)
  if (current === undefined) return open(ctx, { monitor, rule, episode, at: opened, nowMs })
  if (current.state === 'resolved') {
    // Closed by hand (or by a fine window that has since become a failing one): the next failing window opens it anew.
    const seen = current.last_window_start_at >= last.window.start_at
    return seen || ended !== undefined ? current.id : open(ctx, { monitor, rule, episode, at: last, nowMs })
  }
  const changed = current.last_window_start_at !== last.window.start_at || current.reason !== reason
  if (changed) {
    await updateAlert(ctx, current.id, {
      reason,
      value: last.value.value,
      limit_value: last.value.limit_value,
      severity: last.value.severity,
      last_window_start_at: last.window.start_at,
      windows: episode.windows,
      last_seen_at: nowMs,
    })
    if (current.last_window_start_at < last.window.start_at)
      await insertAlertEvent(ctx, {
        alert_id: current.id,
        at: nowMs,
        actor: ctx.actor.id,
        kind: 'seen_again',
        note: reason,
      })
    emit(ctx, { topic: `projects/${monitor.project}/alerts`, kind: 'alert.changed', id: current.id })
  }
  if (ended !== undefined)
    await resolve(ctx, { ...current, reason }, nowMs, `${ended.value.reason} in ${ended.window.label}.`)
  return current.id
}

async function open(
  ctx: Ctx,
  of: { monitor: MonitorRow; rule: string; episode: Episode; at: RulePoint; nowMs: number },
): Promise<string> {
  const { monitor, rule, episode, at, nowMs } = of
  const { value } = episode.last
  const reason = episodeReason(episode)
  const over = episode.ended !== undefined
  const alert: AlertRow = {
    id: newId('alr'),
    project: monitor.project,
    monitor_id: monitor.id,
    monitor: monitor.name,
    rule,
    signal: value.signal,
    metric: value.metric,
    severity: value.severity,
    state: over ? 'resolved' : 'open',
    reason,
    value: value.value,
    limit_value: value.limit_value,
    window_id: at.window.id,
    window_label: at.window.label,
    window_start_at: at.window.start_at,
    window_end_at: at.window.end_at,
    last_window_start_at: episode.last.window.start_at,
    windows: episode.windows,
    opened_at: nowMs,
    last_seen_at: nowMs,
    acknowledged_by: null,
    acknowledged_at: null,
    silenced_until_at: null,
    resolved_at: over ? nowMs : null,
  }
  await insertAlert(ctx, alert)
  await insertAlertEvent(ctx, { alert_id: alert.id, at: nowMs, actor: ctx.actor.id, kind: 'opened', note: reason })
  emit(ctx, { topic: `projects/${monitor.project}/alerts`, kind: 'alert.opened', id: alert.id })
  if (over) {
    await insertAlertEvent(ctx, {
      alert_id: alert.id,
      at: nowMs,
      actor: ctx.actor.id,
      kind: 'resolved',
      note: `It was over when it was found: ${episode.ended?.window.label ?? ''} is fine.`,
    })
    return alert.id
  }
  await notify(ctx, {
    project: monitor.project,
    kind: 'alert_opened',
    title: `${monitor.name}: ${value.signal.replaceAll('_', ' ')}${value.severity === 'warn' ? ' warns' : ' fails'}`,
    body: reason,
    target: { kind: 'alert', id: alert.id, name: monitor.name },
  })
  wake(ctx, 'loops')
  return alert.id
}

async function resolve(ctx: Ctx, alert: AlertRow, nowMs: number, note: string): Promise<void> {
  await updateAlert(ctx, alert.id, { state: 'resolved', resolved_at: nowMs })
  await insertAlertEvent(ctx, { alert_id: alert.id, at: nowMs, actor: ctx.actor.id, kind: 'resolved', note })
  emit(ctx, { topic: `projects/${alert.project}/alerts`, kind: 'alert.resolved', id: alert.id })
  if (alert.silenced_until_at !== null && alert.silenced_until_at > nowMs) return
  await notify(ctx, {
    project: alert.project,
    kind: 'alert_resolved',
    title: `${alert.monitor}: ${alert.signal.replaceAll('_', ' ')} is fine again`,
    body: note,
    target: { kind: 'alert', id: alert.id, name: alert.monitor },
  })
}
