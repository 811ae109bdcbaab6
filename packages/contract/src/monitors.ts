import { z } from 'zod'
import { defineEndpoint } from './endpoint.ts'
import { Instant, Name, PageQuery, ProjectParams } from './primitives.ts'

/** What a monitor can compute (project-file §2, `monitors.signals`). */
export const SignalName = z.enum(['data_quality', 'data_drift', 'prediction_drift', 'performance', 'operations'])
export type SignalName = z.infer<typeof SignalName>

/** Outcome of one value against its limit. `no_data`: too few rows or labels to say; `no_limit`: recorded, never judged. */
export const SignalStatus = z.enum(['ok', 'warn', 'fail', 'no_data', 'no_limit'])
export type SignalStatus = z.infer<typeof SignalStatus>

export const MonitorState = z.enum(['waiting', 'ok', 'warning', 'firing', 'failed', 'archived'])
export const WindowState = z.enum(['waiting', 'computing', 'done', 'failed', 'empty'])
export const AlertState = z.enum(['open', 'acknowledged', 'resolved'])
export const AlertSeverity = z.enum(['warn', 'error'])

/** One number a window yielded. `feature` and `slice` are null for a number of the whole window; `limit` is what it was held against. */
export const SignalValue = z.object({
  signal: SignalName,
  metric: z.string(),
  feature: z.string().nullable(),
  slice: z.string().nullable(),
  modelVersion: z.string().nullable(),
  value: z.number().nullable(),
  limit: z.number().nullable(),
  /** Which side of the limit is bad. */
  direction: z.enum(['above', 'below']).nullable(),
  status: SignalStatus,
  severity: AlertSeverity,
  /** Rows the value rests on. */
  rows: z.number().int(),
  /** The rule in words, with its numbers. */
  reason: z.string(),
})
export type SignalValue = z.infer<typeof SignalValue>

export const MonitorWindow = z.object({
  id: z.string(),
  monitor: z.string(),
  grain: z.enum(['window', 'day']),
  /** As people say it: `2013-07`, `2013-07-31`. */
  label: z.string(),
  startAt: Instant,
  endAt: Instant,
  state: WindowState,
  reason: z.string(),
  rows: z.number().int(),
  labelledRows: z.number().int(),
  /** Share of rows whose label has arrived; null without labels. */
  labelCoverage: z.number().nullable(),
  /** How often late labels or rows made it compute anew. */
  recomputed: z.number().int(),
  computedAt: Instant.nullable(),
  signals: z.array(z.object({ signal: SignalName, status: SignalStatus, summary: z.string() })),
  versions: z.array(z.object({ version: z.string(), rows: z.number().int() })),
})
export type MonitorWindow = z.infer<typeof MonitorWindow>

export const Monitor = z.object({
  id: z.string(),
  name: Name,
  description: z.string().nullable(),
  endpoint: z.string(),
  reference: z.string(),
  timestamp: z.string().nullable(),
  window: z.string(),
  timeZone: z.string(),
  latenessMs: z.number().int(),
  recomputeForMs: z.number().int(),
  minRows: z.number().int(),
  labels: z.object({ dataset: z.string(), column: z.string(), key: z.string(), withinMs: z.number().int() }).nullable(),
  signals: z.array(SignalName),
  checks: z.array(z.object({ signal: SignalName, rule: z.string() })),
  state: MonitorState,
  reason: z.string(),
  lastWindow: MonitorWindow.nullable(),
  openAlerts: z.number().int(),
  createdAt: Instant,
  createdBy: z.string(),
})
export type Monitor = z.infer<typeof Monitor>

/** One bar of a histogram: a numeric bin [from, to) or a category. Shares sum to 1 for each side over all bars, nulls apart. */
export const HistogramBar = z.object({
  from: z.number().nullable(),
  to: z.number().nullable(),
  category: z.string().nullable(),
  reference: z.number(),
  current: z.number(),
})
export type HistogramBar = z.infer<typeof HistogramBar>

/** A feature in one window, as its table row: sorted by `rank`, importance × drift. */
export const MonitorFeature = z.object({
  feature: z.string(),
  kind: z.enum(['numeric', 'categorical']),
  rank: z.number().int(),
  /** Share of the model's total importance, 0 to 1; null while unknown. */
  importance: z.number().nullable(),
  test: z.string(),
  value: z.number().nullable(),
  limit: z.number().nullable(),
  status: SignalStatus,
  reason: z.string(),
  nullShare: z.number(),
  referenceNullShare: z.number(),
  newCategories: z.array(z.string()),
  /** Drift value of every window so far, oldest first: the sparkline. */
  history: z.array(
    z.object({ label: z.string(), startAt: Instant, value: z.number().nullable(), status: SignalStatus }),
  ),
})
export type MonitorFeature = z.infer<typeof MonitorFeature>

export const Alert = z.object({
  id: z.string(),
  monitor: z.string(),
  signal: SignalName,
  metric: z.string(),
  severity: AlertSeverity,
  state: AlertState,
  /** One sentence with the numbers that led to it. */
  reason: z.string(),
  value: z.number().nullable(),
  limit: z.number().nullable(),
  windowId: z.string(),
  windowLabel: z.string(),
  windowStartAt: Instant,
  windowEndAt: Instant,
  /** Windows in a row it has now lasted. */
  windows: z.number().int(),
  openedAt: Instant,
  lastSeenAt: Instant,
  acknowledgedBy: z.string().nullable(),
  acknowledgedAt: Instant.nullable(),
  silencedUntilAt: Instant.nullable(),
  resolvedAt: Instant.nullable(),
})
export type Alert = z.infer<typeof Alert>

export const AlertEvent = z.object({
  at: Instant,
  actor: z.string(),
  kind: z.enum(['opened', 'seen_again', 'acknowledged', 'silenced', 'resolved']),
  note: z.string(),
})

export const Notification = z.object({
  id: z.string(),
  kind: z.enum(['alert_opened', 'alert_resolved', 'loop_ended', 'loop_waits']),
  title: z.string(),
  body: z.string(),
  /** Where it leads. */
  target: z.object({ kind: z.string(), id: z.string(), name: z.string() }),
  createdAt: Instant,
  acknowledgedAt: Instant.nullable(),
  acknowledgedBy: z.string().nullable(),
})
export type Notification = z.infer<typeof Notification>

const MonitorParams = ProjectParams.extend({ monitor: Name })
const AlertParams = ProjectParams.extend({ alert: z.string().max(64) })

export const listMonitors = defineEndpoint({
  name: 'listMonitors',
  method: 'GET',
  path: '/projects/:project/monitors',
  summary: "The project's monitors with their state and the window closed last",
  action: 'project.read',
  params: ProjectParams,
  response: z.object({ monitors: z.array(Monitor) }),
  errors: ['project_not_found'],
})

export const getMonitor = defineEndpoint({
  name: 'getMonitor',
  method: 'GET',
  path: '/projects/:project/monitors/:monitor',
  summary: 'One monitor by name',
  action: 'project.read',
  params: MonitorParams,
  response: Monitor,
  errors: ['monitor_not_found'],
})

export const listMonitorWindows = defineEndpoint({
  name: 'listMonitorWindows',
  method: 'GET',
  path: '/projects/:project/monitors/:monitor/windows',
  summary: 'Windows of event time, newest first; grain=day lists the days inside',
  action: 'project.read',
  params: MonitorParams,
  query: z.object({
    grain: z.enum(['window', 'day']).default('window'),
    fromAt: z.coerce.number().int().optional(),
    toAt: z.coerce.number().int().optional(),
    limit: z.coerce.number().int().min(1).max(1000).default(100),
  }),
  response: z.object({ windows: z.array(MonitorWindow) }),
  errors: ['monitor_not_found'],
})

export const getMonitorWindow = defineEndpoint({
  name: 'getMonitorWindow',
  method: 'GET',
  path: '/projects/:project/monitors/:monitor/windows/:window',
  summary: 'One window with every value it yielded; the window by id or label',
  action: 'project.read',
  params: MonitorParams.extend({ window: z.string().max(64) }),
  response: MonitorWindow.extend({ values: z.array(SignalValue) }),
  errors: ['monitor_not_found', 'monitor_window_not_found'],
})

export const listMonitorSeries = defineEndpoint({
  name: 'listMonitorSeries',
  method: 'GET',
  path: '/projects/:project/monitors/:monitor/series',
  summary: "Every signal's numbers over the windows on one time axis, with their limits; without feature values",
  action: 'project.read',
  params: MonitorParams,
  query: z.object({ grain: z.enum(['window', 'day']).default('window') }),
  response: z.object({
    series: z.array(
      z.object({
        signal: SignalName,
        metric: z.string(),
        modelVersion: z.string().nullable(),
        points: z.array(
          z.object({
            windowId: z.string(),
            label: z.string(),
            startAt: Instant,
            endAt: Instant,
            value: z.number().nullable(),
            limit: z.number().nullable(),
            status: SignalStatus,
            rows: z.number().int(),
          }),
        ),
      }),
    ),
  }),
  errors: ['monitor_not_found'],
})

export const listMonitorFeatures = defineEndpoint({
  name: 'listMonitorFeatures',
  method: 'GET',
  path: '/projects/:project/monitors/:monitor/features',
  summary: 'Features of one window ranked by importance × drift; none is silenced',
  action: 'project.read',
  params: MonitorParams,
  query: z.object({ window: z.string().max(64).optional() }),
  response: z.object({
    window: MonitorWindow.nullable(),
    features: z.array(MonitorFeature),
    importanceSource: z.string().nullable(),
  }),
  errors: ['monitor_not_found', 'monitor_window_not_found'],
})

export const getMonitorFeature = defineEndpoint({
  name: 'getMonitorFeature',
  method: 'GET',
  path: '/projects/:project/monitors/:monitor/features/:feature',
  summary: 'One feature in one window: reference and current on the same bins, and its history',
  action: 'project.read',
  params: MonitorParams.extend({ feature: z.string().max(200) }),
  query: z.object({ window: z.string().max(64).optional() }),
  response: MonitorFeature.extend({
    window: MonitorWindow,
    histogram: z.array(HistogramBar),
    reference: z.object({
      rows: z.number().int(),
      mean: z.number().nullable(),
      sd: z.number().nullable(),
      name: z.string(),
    }),
    current: z.object({ rows: z.number().int(), mean: z.number().nullable(), sd: z.number().nullable() }),
    daily: z.array(z.object({ label: z.string(), startAt: Instant, nullShare: z.number(), rows: z.number().int() })),
  }),
  errors: ['monitor_not_found', 'monitor_window_not_found', 'monitor_feature_not_found'],
})

export const recomputeMonitorWindow = defineEndpoint({
  name: 'recomputeMonitorWindow',
  method: 'POST',
  path: '/projects/:project/monitors/:monitor/windows/:window/recompute',
  summary: 'Computes a closed window anew; alerts follow what it finds',
  action: 'monitor.write',
  audit: 'each',
  params: MonitorParams.extend({ window: z.string().max(64) }),
  response: MonitorWindow,
  errors: ['monitor_not_found', 'monitor_window_not_found'],
})

export const listAlerts = defineEndpoint({
  name: 'listAlerts',
  method: 'GET',
  path: '/projects/:project/alerts',
  summary: 'Alerts, newest first',
  action: 'project.read',
  params: ProjectParams,
  query: z.object({
    state: AlertState.optional(),
    monitor: Name.optional(),
    limit: z.coerce.number().int().min(1).max(1000).default(100),
  }),
  response: z.object({ alerts: z.array(Alert) }),
  errors: ['project_not_found'],
})

export const getAlert = defineEndpoint({
  name: 'getAlert',
  method: 'GET',
  path: '/projects/:project/alerts/:alert',
  summary: 'One alert with its history',
  action: 'project.read',
  params: AlertParams,
  response: Alert.extend({ events: z.array(AlertEvent) }),
  errors: ['alert_not_found'],
})

export const acknowledgeAlert = defineEndpoint({
  name: 'acknowledgeAlert',
  method: 'POST',
  path: '/projects/:project/alerts/:alert/acknowledge',
  summary: 'Says that somebody looks after it; it stays until its signal is fine again',
  action: 'monitor.write',
  audit: 'each',
  params: AlertParams,
  body: z.object({ note: z.string().max(2000).default('') }),
  response: Alert,
  errors: ['alert_not_found', 'alert_resolved'],
})

export const silenceAlert = defineEndpoint({
  name: 'silenceAlert',
  method: 'POST',
  path: '/projects/:project/alerts/:alert/silence',
  summary: 'No notifications about it until an instant; it is still counted and shown',
  action: 'monitor.write',
  audit: 'each',
  params: AlertParams,
  body: z.object({ untilAt: Instant, note: z.string().max(2000).default('') }),
  response: Alert,
  errors: ['alert_not_found', 'alert_resolved', 'bad_request'],
})

export const resolveAlert = defineEndpoint({
  name: 'resolveAlert',
  method: 'POST',
  path: '/projects/:project/alerts/:alert/resolve',
  summary: 'Closes it by hand; the next window that fails opens a new one',
  action: 'monitor.write',
  audit: 'each',
  params: AlertParams,
  body: z.object({ note: z.string().max(2000).default('') }),
  response: Alert,
  errors: ['alert_not_found', 'alert_resolved'],
})

export const listNotifications = defineEndpoint({
  name: 'listNotifications',
  method: 'GET',
  path: '/projects/:project/notifications',
  summary: "The project's inbox, newest first",
  action: 'project.read',
  params: ProjectParams,
  query: PageQuery.extend({ unread: z.enum(['true', 'false']).default('false') }),
  response: z.object({
    notifications: z.array(Notification),
    unread: z.number().int(),
    nextCursor: z.string().nullable(),
  }),
  errors: ['project_not_found'],
})

export const acknowledgeNotification = defineEndpoint({
  name: 'acknowledgeNotification',
  method: 'POST',
  path: '/projects/:project/notifications/:notification/acknowledge',
  summary: 'Marks one notification as seen; `all` marks every one',
  action: 'monitor.write',
  audit: { none: 'a mark of having read, of no effect on anything' },
  params: ProjectParams.extend({ notification: z.string().max(64) }),
  response: z.object({ unread: z.number().int() }),
  errors: ['notification_not_found'],
})
