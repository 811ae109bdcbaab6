import type {
  Alert,
  AlertEvent,
  Monitor,
  MonitorFeature,
  MonitorWindow,
  Notification,
  SignalName,
  SignalValue,
} from '@kiban/contract/monitors'
import type { z } from 'zod'
import { describeCheck } from '@kiban/kit/statistics/checks'
import type { AlertEventRow, AlertRow } from './alerts.store.ts'
import { settingsOf, specOf } from './monitor-spec.ts'
import type { MonitorRow, WindowRow } from './monitors.store.ts'
import type { NotificationRow } from './notifications.store.ts'
import type { FeaturePoint, FeatureRow, SignalValueRow } from './signal-values.store.ts'
import type { FeatureResult } from './window-task.ts'

type Of<T extends z.ZodType> = z.infer<T>

export function presentWindow(row: WindowRow, monitor: string, nowMs: number): MonitorWindow {
  const isComputing = row.due === 1 && row.lease_until !== null && row.lease_until > nowMs
  return {
    id: row.id,
    monitor,
    grain: row.grain,
    label: row.label,
    startAt: row.start_at,
    endAt: row.end_at,
    state: isComputing ? 'computing' : row.state,
    reason: isComputing ? 'is being computed' : row.reason,
    rows: row.rows,
    labelledRows: row.labelled,
    labelCoverage: row.has_labels === 1 && row.rows > 0 ? row.labelled / row.rows : null,
    recomputed: row.recomputed,
    computedAt: row.computed_at,
    signals: JSON.parse(row.signals_json) as MonitorWindow['signals'], // written by compute-window.ts
    versions: JSON.parse(row.versions_json) as MonitorWindow['versions'], // written by compute-window.ts
  }
}

export type MonitorFacts = {
  readonly last: WindowRow | undefined
  readonly alerts: { readonly total: number; readonly errors: number }
  readonly nowMs: number
}

export function presentMonitor(row: MonitorRow, { last, alerts, nowMs }: MonitorFacts): Of<typeof Monitor> {
  const spec = specOf(row)
  const settings = settingsOf(row)
  const { state, reason } = stateOf(row, last, alerts)
  const signals = Object.keys(settings.signals) as SignalName[] // keys of Partial<Record<SignalName, …>>
  return {
    id: row.id,
    name: row.name,
    description: spec.description ?? null,
    endpoint: settings.endpoint,
    reference: typeof spec.reference === 'string' ? spec.reference : `predictions, ${spec.reference.window} before`,
    timestamp: spec.timestamp ?? null,
    window: spec.window,
    timeZone: settings.timeZone,
    latenessMs: settings.latenessMs,
    recomputeForMs: settings.recomputeForMs,
    minRows: settings.minRows,
    labels: settings.labels
      ? {
          dataset: settings.labels.dataset,
          column: settings.labels.column,
          key: settings.labels.key?.join(', ') ?? "the model's key",
          withinMs: settings.labels.withinMs,
        }
      : null,
    signals,
    checks: signals.flatMap((signal) =>
      (settings.signals[signal]?.checks ?? []).map((check) => ({ signal, rule: describeCheck(check) })),
    ),
    state,
    reason,
    lastWindow: last ? presentWindow(last, row.name, nowMs) : null,
    openAlerts: alerts.total,
    createdAt: row.created_at,
    createdBy: row.created_by,
  }
}

function stateOf(
  row: MonitorRow,
  last: WindowRow | undefined,
  alerts: MonitorFacts['alerts'],
): Pick<Monitor, 'state' | 'reason'> {
  if (row.archived_at !== null) return { state: 'archived', reason: 'It left the project file.' }
  if (row.state_reason !== null) return { state: 'failed', reason: row.state_reason }
  if (last?.state === 'failed') return { state: 'failed', reason: `${last.label}: ${last.reason}` }
  if (alerts.errors > 0)
    return { state: 'firing', reason: `${alerts.errors} alert${alerts.errors > 1 ? 's are' : ' is'} open` }
  if (alerts.total > 0)
    return { state: 'warning', reason: `${alerts.total} warning${alerts.total > 1 ? 's are' : ' is'} open` }
  if (last === undefined) return { state: 'waiting', reason: 'No window has closed since the first prediction.' }
  return { state: 'ok', reason: last.reason }
}

export function presentValue(row: SignalValueRow): SignalValue {
  return {
    signal: row.signal,
    metric: row.metric,
    feature: row.feature,
    slice: row.slice,
    modelVersion: row.model_version,
    value: row.value,
    limit: row.limit_value,
    direction: row.direction,
    status: row.status,
    severity: row.severity,
    rows: row.rows,
    reason: row.reason,
  }
}

export function featureResult(row: FeatureRow): FeatureResult {
  return JSON.parse(row.detail_json) as FeatureResult // written by signal-values.store.ts
}

export function presentFeature(
  row: FeatureRow,
  points: readonly FeaturePoint[],
  windows: ReadonlyMap<string, WindowRow>,
): MonitorFeature {
  const {
    feature,
    kind,
    importance,
    test,
    value,
    limit,
    status,
    reason,
    nullShare,
    referenceNullShare,
    newCategories,
  } = featureResult(row)
  const history = points
    .flatMap((point) => {
      const window = windows.get(point.window_id)
      return window && window.grain === 'window'
        ? [{ label: window.label, startAt: window.start_at, value: point.value, status: point.status }]
        : []
    })
    .sort((a, b) => a.startAt - b.startAt)
  return {
    feature,
    kind,
    rank: row.rank,
    importance,
    test,
    value,
    limit,
    status,
    reason,
    nullShare,
    referenceNullShare,
    newCategories: [...newCategories],
    history,
  }
}

export function presentAlert(row: AlertRow): Alert {
  return {
    id: row.id,
    monitor: row.monitor,
    signal: row.signal,
    metric: row.metric,
    severity: row.severity,
    state: row.state,
    reason: row.reason,
    value: row.value,
    limit: row.limit_value,
    windowId: row.window_id,
    windowLabel: row.window_label,
    windowStartAt: row.window_start_at,
    windowEndAt: row.window_end_at,
    windows: row.windows,
    openedAt: row.opened_at,
    lastSeenAt: row.last_seen_at,
    acknowledgedBy: row.acknowledged_by,
    acknowledgedAt: row.acknowledged_at,
    silencedUntilAt: row.silenced_until_at,
    resolvedAt: row.resolved_at,
  }
}

export function presentAlertEvent(row: AlertEventRow): Of<typeof AlertEvent> {
  return { at: row.at, actor: row.actor, kind: row.kind, note: row.note }
}

export function presentNotification(row: NotificationRow): Notification {
  return {
    id: row.id,
    kind: row.kind,
    title: row.title,
    body: row.body,
    target: { kind: row.target_kind, id: row.target_id, name: row.target_name },
    createdAt: row.created_at,
    acknowledgedAt: row.acknowledged_at,
    acknowledgedBy: row.acknowledged_by,
  }
}
