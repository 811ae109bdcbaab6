import { addDuration } from '@kiban/contract/project-file'
import type { Ctx } from '@kiban/kit/context'
import { withDuckdb } from '../datasets/index.ts'
import type { MonitorSettings } from './monitor-settings.ts'
import type { MonitorSources, WatchedEndpoint, WatchedVersion } from './monitor-sources.ts'
import type { MonitorRow, WindowRow } from './monitors.store.ts'
import type { WindowTask } from './window-task.ts'
import { parquet } from './window-tables.ts'

export type WindowInputs = {
  readonly task: WindowTask
  readonly labelVersionId: string | null
}

export type Gathering = {
  readonly monitor: MonitorRow
  readonly window: WindowRow
  readonly settings: MonitorSettings
  readonly endpoint: WatchedEndpoint
  readonly sources: MonitorSources
  readonly nowMs: number
}

/**
 * Everything that the computation of a window reads, as paths; null when it has no prediction. With several versions in a window, the
 * one that answered most is the reference: what it was trained on is what the window is compared with.
 */
export async function gatherInputs(ctx: Ctx, of: Gathering): Promise<WindowInputs | null> {
  const { monitor, window, settings, endpoint, sources } = of
  const span = { startMs: window.start_at, endMs: window.end_at, label: window.label }
  const paths = await sources.predictionFiles(ctx, endpoint.id, { fromMs: span.startMs, toMs: span.endMs })
  if (paths.length === 0) return null
  const counts = await withDuckdb({ readable: paths, signal: ctx.signal }, (duckdb) =>
    duckdb.rows(
      `SELECT version, count(*) AS n FROM ${parquet(paths)} WHERE event_time >= ${span.startMs} AND event_time < ${span.endMs} AND status <> 'shadow' GROUP BY 1 ORDER BY 2 DESC`,
    ),
  )
  if (counts.length === 0) return null
  const versions: WatchedVersion[] = []
  for (const row of counts) {
    const version = await sources.findVersion(ctx, String(row['version']))
    if (version) versions.push(version)
  }
  const [main] = versions
  const labels = settings.labels ? await sources.datasetFiles(ctx, monitor.project, settings.labels.dataset) : null
  return {
    labelVersionId: labels?.versionId ?? null,
    task: {
      span,
      settings,
      predictionPaths: paths,
      reference: await referenceOf(ctx, of, main),
      labels: labels ? { paths: labels.paths } : null,
      versionLabels: Object.fromEntries(versions.map(({ id, label }) => [id, label])),
      features: main?.features ?? null,
      notFeatures: main?.notFeatures ?? [],
      importances: main?.importances ?? null,
      importanceSource: main?.importances ? `permutation importance of ${main.label} on its hold-out` : null,
      threshold: main?.threshold ?? 0.5,
      onnxPath: main?.onnxPath ?? null,
      nowMs: of.nowMs,
      task: main?.task ?? 'classification',
    },
  }
}

async function referenceOf(
  ctx: Ctx,
  of: Gathering,
  main: WatchedVersion | undefined,
): Promise<WindowTask['reference']> {
  const { settings, monitor, window, sources, endpoint } = of
  const { reference } = settings
  const timestamp = main?.timestamp ?? null
  if (reference === 'training') {
    if (!main?.training || main.training.paths.length === 0) return null
    return { paths: main.training.paths, name: main.training.name, span: null, timestamp }
  }
  if (typeof reference === 'string') {
    const dataset = await sources.datasetFiles(ctx, monitor.project, reference)
    return dataset ? { paths: dataset.paths, name: reference, span: null, timestamp } : null
  }
  const endMs = reference.offset ? addDuration(window.start_at, reference.offset, -1) : window.start_at
  const startMs = addDuration(endMs, reference.window, -1)
  const paths = await sources.predictionFiles(ctx, endpoint.id, { fromMs: startMs, toMs: endMs })
  const label = `${new Date(startMs).toISOString().slice(0, 10)}..${new Date(endMs).toISOString().slice(0, 10)}`
  return paths.length === 0
    ? null
    : { paths, name: `predictions of ${label}`, span: { startMs, endMs, label }, timestamp }
}
