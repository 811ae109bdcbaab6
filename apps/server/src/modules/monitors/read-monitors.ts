import type { Ctx } from '@kiban/kit/context'
import { AppError } from '@kiban/kit/errors'
import type { ResponseOf } from '@kiban/contract'
import type { monitors as contract } from '@kiban/contract'
import { getProject } from '../projects/index.ts'
import { countOpenAlerts } from './alerts.store.ts'
import { featureResult, presentFeature, presentMonitor, presentValue, presentWindow } from './monitors.present.ts'
import {
  findLastWindow,
  getMonitorByName,
  getWindowRow,
  listMonitorRows,
  listWindowRows,
  listWindowsByIds,
} from './monitors.store.ts'
import type { MonitorRow, WindowRow } from './monitors.store.ts'
import { findFeature, listFeaturePoints, listFeatures, listValues, listValuesOfWindows } from './signal-values.store.ts'

const MAX_WINDOWS = 1000

export async function readMonitors(ctx: Ctx, project: string): Promise<ResponseOf<typeof contract.listMonitors>> {
  await getProject(ctx, project)
  const alerts = await countOpenAlerts(ctx, project)
  const rows = await listMonitorRows(ctx, project)
  return { monitors: await Promise.all(rows.map((row) => present(ctx, row, alerts))) }
}

export async function readMonitor(
  ctx: Ctx,
  project: string,
  name: string,
): Promise<ResponseOf<typeof contract.getMonitor>> {
  return present(ctx, await getMonitorByName(ctx, project, name), await countOpenAlerts(ctx, project))
}

async function present(ctx: Ctx, row: MonitorRow, alerts: Awaited<ReturnType<typeof countOpenAlerts>>) {
  const last = await lastComputed(ctx, row)
  return presentMonitor(row, { last, alerts: alerts.get(row.id) ?? { total: 0, errors: 0 }, nowMs: ctx.clock.now() })
}

/** The newest window with a result, else the newest. */
async function lastComputed(ctx: Ctx, row: MonitorRow): Promise<WindowRow | undefined> {
  const rows = await listWindowRows(ctx, { monitorId: row.id, grain: 'window', limit: 12 })
  return rows.find((window) => window.computed_at !== null) ?? findLastWindow(ctx, row.id, 'window')
}

export async function readWindow(
  ctx: Ctx,
  project: string,
  name: string,
  ref: string,
): Promise<ResponseOf<typeof contract.getMonitorWindow>> {
  const monitor = await getMonitorByName(ctx, project, name)
  const row = await getWindowRow(ctx, monitor, ref)
  return {
    ...presentWindow(row, monitor.name, ctx.clock.now()),
    values: (await listValues(ctx, row.id)).map(presentValue),
  }
}

export async function readSeries(
  ctx: Ctx,
  project: string,
  name: string,
  grain: 'window' | 'day',
): Promise<ResponseOf<typeof contract.listMonitorSeries>> {
  const monitor = await getMonitorByName(ctx, project, name)
  const windows = (await listWindowRows(ctx, { monitorId: monitor.id, grain, limit: MAX_WINDOWS })).reverse()
  const order = new Map(windows.map((window, i) => [window.id, i]))
  const values = (await listValuesOfWindows(ctx, [...order.keys()])).sort(
    (a, b) => (order.get(a.window_id) ?? 0) - (order.get(b.window_id) ?? 0),
  )
  type Series = ResponseOf<typeof contract.listMonitorSeries>['series'][number]
  const series = new Map<string, Series>()
  for (const value of values) {
    const window = windows[order.get(value.window_id) ?? -1]
    if (!window) continue
    const key = JSON.stringify([value.signal, value.metric, value.model_version])
    const line = series.get(key) ?? {
      signal: value.signal,
      metric: value.metric,
      modelVersion: value.model_version,
      points: [],
    }
    // A metric with a check comes before the same metric without: one point a window.
    if (line.points.at(-1)?.windowId !== window.id)
      line.points.push({
        windowId: window.id,
        label: window.label,
        startAt: window.start_at,
        endAt: window.end_at,
        value: value.value,
        limit: value.limit_value,
        status: value.status,
        rows: value.rows,
      })
    series.set(key, line)
  }
  return { series: [...series.values()] }
}

export async function readFeatures(
  ctx: Ctx,
  project: string,
  name: string,
  ref: string | undefined,
): Promise<ResponseOf<typeof contract.listMonitorFeatures>> {
  const monitor = await getMonitorByName(ctx, project, name)
  const window = ref === undefined ? await lastComputed(ctx, monitor) : await getWindowRow(ctx, monitor, ref)
  if (!window) return { window: null, features: [], importanceSource: null }
  const windows = await windowsById(ctx, monitor)
  const byFeature = Map.groupBy(await listFeaturePoints(ctx, monitor.id), (point) => point.feature)
  const rows = await listFeatures(ctx, window.id)
  return {
    window: presentWindow(window, monitor.name, ctx.clock.now()),
    features: rows.map((row) => presentFeature(row, byFeature.get(row.feature) ?? [], windows)),
    importanceSource: window.importance_source,
  }
}

export async function readFeature(
  ctx: Ctx,
  project: string,
  name: string,
  feature: string,
  ref: string | undefined,
): Promise<ResponseOf<typeof contract.getMonitorFeature>> {
  const monitor = await getMonitorByName(ctx, project, name)
  const window = ref === undefined ? await lastComputed(ctx, monitor) : await getWindowRow(ctx, monitor, ref)
  const row = window && (await findFeature(ctx, window.id, feature))
  if (!window || !row)
    throw new AppError('monitor_feature_not_found', {
      message: `${monitor.name} has no feature ${JSON.stringify(feature.slice(0, 200))}${window ? ` in ${window.label}` : ': no window is computed yet'}.`,
    })
  const points = await listFeaturePoints(ctx, monitor.id, feature)
  const days = new Map(
    (
      await listWindowsByIds(
        ctx,
        points.map((point) => point.window_id),
      )
    ).map((one) => [one.id, one]),
  )
  const detail = featureResult(row)
  return {
    ...presentFeature(row, points, days),
    window: presentWindow(window, monitor.name, ctx.clock.now()),
    histogram: [...detail.histogram],
    reference: { ...detail.reference, name: window.reference_name ?? 'none' },
    current: detail.current,
    daily: points
      .flatMap((point) => {
        const day = days.get(point.window_id)
        const inside = day?.grain === 'day' && day.start_at >= window.start_at && day.start_at < window.end_at
        return day && inside
          ? [{ label: day.label, startAt: day.start_at, nullShare: point.null_share, rows: point.rows }]
          : []
      })
      .sort((a, b) => a.startAt - b.startAt),
  }
}

async function windowsById(ctx: Ctx, monitor: MonitorRow): Promise<Map<string, WindowRow>> {
  const rows = await listWindowRows(ctx, { monitorId: monitor.id, grain: 'window', limit: MAX_WINDOWS })
  return new Map(rows.map((row) => [row.id, row]))
}
