import type { Ctx } from '@kiban/kit/context'
import { emit, inTransaction } from '@kiban/kit/context'
import { newId } from '@kiban/kit/ids'
import { withDuckdb } from '../datasets/index.ts'
import { calendarWindow } from './calendar.ts'
import type { Span } from './calendar.ts'
import type { MonitorSettings } from './monitor-settings.ts'
import type { MonitorSources, WatchedEndpoint } from './monitor-sources.ts'
import { findLastWindow, insertWindow } from './monitors.store.ts'
import type { MonitorRow, WindowRow } from './monitors.store.ts'
import { parquet } from './window-tables.ts'

const DAY = { months: 0, ms: 86_400_000 }
/** A monitor that is new to a long log catches up in passes. */
const MAX_NEW = 200

export type Planning = {
  readonly monitor: MonitorRow
  readonly settings: MonitorSettings
  readonly endpoint: WatchedEndpoint
  readonly sources: MonitorSources
  readonly nowMs: number
  /** What is known of each monitor's first event, and when (machine time) the log was asked last. */
  readonly firstEvents: Map<string, { readonly at: number | null; readonly askedAt: number }>
}

/** Asking the log closes its open segment: not too often while nothing has been predicted. */
const ASK_AGAIN_MS = 10_000

/**
 * Makes a row for every calendar window, and every day inside, that closed: its end and the lateness have passed on the project's clock.
 * The first is that of the first prediction. Returns how many are new.
 */
export async function planWindows(ctx: Ctx, planning: Planning): Promise<number> {
  const { monitor, settings } = planning
  const isLong = settings.window.months > 0 || settings.window.ms > DAY.ms
  const grains = [
    { grain: 'window' as const, duration: settings.window },
    ...(isLong && settings.signals.data_quality ? [{ grain: 'day' as const, duration: DAY }] : []),
  ]
  const spans: { grain: 'window' | 'day'; span: Span }[] = []
  let firstEvent: number | null | undefined
  for (const { grain, duration } of grains) {
    const last = await findLastWindow(ctx, monitor.id, grain)
    let at = last?.end_at
    if (at === undefined) {
      firstEvent ??= await firstEventTime(ctx, planning)
      if (firstEvent === null || firstEvent === undefined) continue
      at = firstEvent
    }
    for (let i = 0; i < MAX_NEW; i++) {
      const span = calendarWindow(at, duration, settings.timeZone)
      if (span.endMs + settings.latenessMs > planning.nowMs) break
      spans.push({ grain, span })
      at = span.endMs
    }
  }
  if (spans.length === 0) return 0
  await inTransaction(ctx, async (ctx) => {
    for (const { grain, span } of spans) await insertWindow(ctx, newWindow(ctx, monitor, grain, span))
    emit(ctx, { topic: `projects/${monitor.project}/monitors`, kind: 'monitor.windows', id: monitor.id })
  })
  return spans.length
}

function newWindow(ctx: Ctx, monitor: MonitorRow, grain: 'window' | 'day', span: Span): WindowRow {
  return {
    id: newId('mw'),
    monitor_id: monitor.id,
    project: monitor.project,
    grain,
    label: span.label,
    start_at: span.startMs,
    end_at: span.endMs,
    state: 'waiting',
    reason: 'closed, waits to be computed',
    due: 1,
    attempts: 0,
    retry_at: null,
    rows: 0,
    labelled: 0,
    has_labels: 0,
    label_version_id: null,
    importance_source: null,
    reference_name: null,
    reference_rows: 0,
    versions_json: '[]',
    signals_json: '[]',
    recomputed: 0,
    computed_at: null,
    created_at: ctx.clock.now(),
    lease_token: null,
    lease_until: null,
  }
}

async function firstEventTime(ctx: Ctx, planning: Planning): Promise<number | null> {
  const known = planning.firstEvents.get(planning.monitor.id)
  const now = ctx.clock.now()
  if (known && (known.at !== null || now - known.askedAt < ASK_AGAIN_MS)) return known.at
  const at = await askFirstEvent(ctx, planning)
  planning.firstEvents.set(planning.monitor.id, { at, askedAt: now })
  return at
}

async function askFirstEvent(ctx: Ctx, { endpoint, sources, nowMs }: Planning): Promise<number | null> {
  const paths = await sources.predictionFiles(ctx, endpoint.id, { fromMs: 0, toMs: nowMs })
  if (paths.length === 0) return null
  const [row] = await withDuckdb({ readable: paths, signal: ctx.signal }, (duckdb) =>
    duckdb.rows(`SELECT min(event_time) AS first FROM ${parquet(paths)} WHERE status <> 'shadow' AND event_time > 0`),
  )
  return typeof row?.['first'] === 'number' ? row['first'] : null
}
