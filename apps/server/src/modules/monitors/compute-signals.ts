import { quoteName, withDuckdb } from '../datasets/index.ts'
import type { Duckdb } from '../datasets/index.ts'
import { scoreReference } from './score-reference.ts'
import { columnDrift, histogramOf, momentsOf, newCategories, show } from './window-drift.ts'
import type { ColumnPair } from './window-drift.ts'
import { nullLimit, qualityValues } from './window-quality.ts'
import type { ColumnQuality } from './window-quality.ts'
import { driftValues, judgeSignal, operationsValues, performanceValues } from './window-signals.ts'
import type { LabelledRows } from './window-signals.ts'
import { openTables } from './window-tables.ts'
import type { FeatureColumn, WindowTables } from './window-tables.ts'
import type { FeatureResult, WindowResult, WindowTask, WindowValue } from './window-task.ts'
import type { SignalSettings } from './monitor-settings.ts'

const AUTO: SignalSettings = {
  columns: null,
  test: 'auto',
  threshold: 'default',
  checks: [],
  severity: 'warn',
  forWindows: 1,
}

/** Computes every signal of one window from its files. Pure but for reading them: same files, same result. */
export async function computeSignals(task: WindowTask, signal?: AbortSignal): Promise<WindowResult> {
  const paths = [...task.predictionPaths, ...(task.reference?.paths ?? []), ...(task.labels?.paths ?? [])]
  return withDuckdb({ readable: [...new Set(paths)], ...(signal ? { signal } : {}) }, (duckdb) =>
    computeIn(duckdb, task),
  )
}

async function computeIn(duckdb: Duckdb, task: WindowTask): Promise<WindowResult> {
  const tables = await openTables(duckdb, task)
  const { signals, minRows } = task.settings
  const [counts] = await duckdb.rows('SELECT count(*) AS total, count(label) AS labelled FROM win')
  const rows = Number(counts?.['total'] ?? 0)
  const labelled = Number(counts?.['labelled'] ?? 0)
  const versions = await duckdb.rows('SELECT version, count(*) AS n FROM win GROUP BY 1 ORDER BY 2 DESC, 1')
  const values: WindowValue[] = []
  const { features, quality } = await columnResults(duckdb, task, tables)

  if (signals.data_quality) values.push(...qualityValues(signals.data_quality, quality, rows, minRows))
  if (signals.data_drift) values.push(...driftValues(signals.data_drift, features, rows, minRows))
  if (signals.prediction_drift)
    values.push(...(await predictionDrift(duckdb, task, signals.prediction_drift, tables, rows)))
  if (signals.performance)
    values.push(...performanceValues(task, signals.performance, await labelledRows(duckdb, task), rows))
  if (signals.operations) values.push(...(await operations(duckdb, signals.operations, minRows)))
  const [reference] = tables.hasReference ? await duckdb.rows('SELECT count(*) AS n FROM ref') : []
  return {
    rows,
    labelled,
    versions: versions.map((row) => ({
      version: task.versionLabels[String(row['version'])] ?? String(row['version']),
      rows: Number(row['n']),
    })),
    referenceName: task.reference?.name ?? null,
    referenceRows: Number(reference?.['n'] ?? 0),
    values,
    features,
  }
}

async function columnResults(
  duckdb: Duckdb,
  task: WindowTask,
  tables: WindowTables,
): Promise<{ features: FeatureResult[]; quality: ColumnQuality[] }> {
  const settings = task.settings.signals.data_drift ?? AUTO
  const totalDrop = (task.importances ?? []).reduce((sum, { drop }) => sum + Math.max(0, drop), 0)
  const drops = new Map((task.importances ?? []).map(({ feature, drop }) => [feature, drop]))
  const features: FeatureResult[] = []
  const quality: ColumnQuality[] = []
  for (const column of tables.features) {
    const { pair, nulls } = await readColumn(duckdb, column, tables)
    const drift = columnDrift(pair, settings, task.settings.minRows)
    const unseen = tables.hasReference ? newCategories(pair) : []
    const current = momentsOf(pair.current)
    const importance =
      task.importances === null || totalDrop === 0 ? null : Math.max(0, drops.get(column.name) ?? 0) / totalDrop
    quality.push({
      feature: column.name,
      nullShare: nulls.current,
      nullLimit: nullLimit(nulls.chunks),
      newCategories: unseen,
      newShare:
        pair.kind === 'categorical' && current.rows > 0
          ? unseen.reduce((sum, name) => sum + (pair.current.get(name) ?? 0), 0) / current.rows
          : 0,
    })
    if (settings.columns !== null && !settings.columns.includes(column.name)) continue
    features.push({
      feature: column.name,
      kind: column.kind,
      importance,
      ...drift,
      nullShare: nulls.current,
      referenceNullShare: nulls.reference,
      newCategories: unseen.slice(0, 50),
      histogram: histogramOf(pair),
      reference: momentsOf(pair.reference),
      current,
    })
  }
  // Importance × drift; drift counts in units of its limit, so that tests with different scales can be compared. A feature the model
  // makes nothing of alone may still matter with others (correlated features hide each other): it keeps a small weight, and its place.
  const weight = (f: FeatureResult): number => ((f.importance ?? 0) + 0.001) * ((f.value ?? 0) / (f.limit || 1))
  const relative = (f: FeatureResult): number =>
    f.test === 'ks' || f.test === 'chi_square' || f.test === 'z' ? 1 - (f.value ?? 1) : weight(f)
  return { features: features.sort((a, b) => relative(b) - relative(a)), quality }
}

type Nulls = { readonly current: number; readonly reference: number; readonly chunks: readonly number[] }

async function readColumn(
  duckdb: Duckdb,
  column: FeatureColumn,
  tables: WindowTables,
): Promise<{ pair: ColumnPair; nulls: Nulls }> {
  const name = quoteName(column.name)
  const valid =
    column.kind === 'numeric' ? `${name} IS NOT NULL AND isfinite(CAST(${name} AS DOUBLE))` : `${name} IS NOT NULL`
  const [share] = await duckdb.rows(`SELECT coalesce(avg(CASE WHEN ${valid} THEN 0 ELSE 1 END), 0) AS s FROM win`)
  const chunkShares = tables.hasReference
    ? await duckdb.rows(
        `SELECT chunk, avg(CASE WHEN ${valid} THEN 0 ELSE 1 END) AS s, count(*) AS n FROM ref GROUP BY 1 ORDER BY 1`,
      )
    : []
  const total = chunkShares.reduce((sum, row) => sum + Number(row['n']), 0)
  const nulls = {
    current: Number(share?.['s'] ?? 0),
    reference: total === 0 ? 0 : chunkShares.reduce((sum, row) => sum + Number(row['s']) * Number(row['n']), 0) / total,
    chunks: chunkShares.map((row) => Number(row['s'])),
  }
  if (column.kind === 'numeric') {
    const sorted = async (table: string): Promise<readonly (readonly unknown[])[]> =>
      duckdb.columns(
        `SELECT CAST(${name} AS DOUBLE), ${table === 'ref' ? 'CAST(chunk AS INTEGER)' : '0'} FROM ${table} WHERE ${valid} ORDER BY 2, 1`,
      )
    const [current] = await sorted('win')
    const [reference, chunk] = tables.hasReference ? await sorted('ref') : []
    const values = Float64Array.from((reference ?? []) as number[]) // CAST AS DOUBLE gives numbers
    const chunks = splitChunks(values, (chunk ?? []) as number[]) // CAST AS INTEGER gives numbers
    return {
      nulls,
      pair: {
        kind: 'numeric',
        current: Float64Array.from((current ?? []) as number[]),
        reference: values.slice().sort(),
        chunks,
      },
    }
  }
  const counts = async (table: string): Promise<readonly (readonly unknown[])[]> =>
    duckdb.columns(
      `SELECT CAST(${name} AS VARCHAR), CAST(count(*) AS DOUBLE), ${table === 'ref' ? 'CAST(chunk AS INTEGER)' : '0'} FROM ${table} WHERE ${valid} GROUP BY 1, 3 ORDER BY 1, 3`,
    )
  const current = countMaps(await counts('win'))
  const reference = countMaps(tables.hasReference ? await counts('ref') : [[], [], []])
  return {
    nulls,
    pair: { kind: 'categorical', current: current.all, reference: reference.all, chunks: reference.chunks },
  }
}

function splitChunks(values: Float64Array, chunk: readonly number[]): Float64Array[] {
  const chunks: Float64Array[] = []
  let from = 0
  for (let i = 1; i <= values.length; i++)
    if (i === values.length || chunk[i] !== chunk[from]) {
      chunks.push(values.slice(from, i))
      from = i
    }
  return chunks
}

function countMaps(columns: readonly (readonly unknown[])[]): {
  all: Map<string, number>
  chunks: Map<string, number>[]
} {
  const [names = [], counts = [], chunk = []] = columns
  const all = new Map<string, number>()
  const chunks: Map<string, number>[] = []
  names.forEach((value, i) => {
    const name = String(value)
    const n = Number(counts[i])
    all.set(name, (all.get(name) ?? 0) + n)
    const at = Number(chunk[i])
    const map = (chunks[at] ??= new Map<string, number>())
    map.set(name, n)
  })
  return { all, chunks: chunks.filter((map) => map !== undefined) }
}

async function predictionDrift(
  duckdb: Duckdb,
  task: WindowTask,
  settings: SignalSettings,
  tables: WindowTables,
  rows: number,
): Promise<WindowValue[]> {
  const [current] = await duckdb.columns(
    'SELECT CAST(prediction AS DOUBLE) FROM win WHERE prediction IS NOT NULL AND isfinite(CAST(prediction AS DOUBLE)) ORDER BY 1',
  )
  const values = Float64Array.from((current ?? []) as number[]) // CAST AS DOUBLE gives numbers
  const reference = task.onnxPath !== null && tables.hasReference ? await scoreReference(duckdb, task.onnxPath) : null
  const drift =
    reference === null || reference.all.length === 0
      ? {
          test: 'none',
          value: null,
          limit: null,
          status: 'no_data' as const,
          reason:
            'there are no predictions for the reference: the model has no ONNX file or the reference lacks one of its inputs',
        }
      : columnDrift(
          { kind: 'numeric', reference: reference.all, current: values, chunks: reference.chunks },
          settings,
          task.settings.minRows,
        )
  const value: WindowValue = {
    signal: 'prediction_drift',
    metric: 'prediction_drift',
    slice: null,
    modelVersion: null,
    value: drift.value,
    limit: drift.limit,
    direction: drift.value === null ? null : 'above',
    status: drift.status === 'warn' && settings.severity === 'error' ? 'fail' : drift.status,
    severity: settings.severity,
    rows: values.length,
    reason:
      drift.value === null
        ? drift.reason
        : `predictions: ${drift.reason}; mean ${show(momentsOf(values).mean ?? 0)} against ${show(momentsOf(reference?.all ?? values).mean ?? 0)} on the reference`,
    rule: 'prediction_drift',
    forWindows: settings.forWindows,
  }
  return [
    value,
    ...judgeSignal(settings, {
      signal: 'prediction_drift',
      metrics: { mean_prediction: momentsOf(values).mean ?? Number.NaN },
      rows,
      minRows: task.settings.minRows,
    }),
  ]
}

async function labelledRows(duckdb: Duckdb, task: WindowTask): Promise<LabelledRows> {
  const known = new Set((await duckdb.rows('DESCRIBE win')).map((row) => String(row['column_name'])))
  const wanted = new Set(task.settings.slices)
  for (const check of task.settings.signals.performance?.checks ?? []) {
    if (check.slice !== undefined) wanted.add(check.slice)
    const group = typeof check.bootstrap === 'string' ? check.bootstrap : check.bootstrap?.group
    if (group !== undefined) wanted.add(group)
  }
  const slices = [...wanted].filter((name) => known.has(name))
  const extra = slices.map((name) => `CAST(${quoteName(name)} AS VARCHAR)`)
  const zone = task.settings.timeZone.replaceAll("'", '')
  // `day` is the local day of the event, for checks that resample by day.
  const day =
    wanted.has('day') && !known.has('day')
      ? [`strftime(timezone('${zone}', make_timestamptz(event_ms * 1000)), '%Y-%m-%d')`]
      : []
  const columns = await duckdb.columns(
    `SELECT label, CAST(prediction AS DOUBLE), version ${[...extra, ...day].map((sql) => `, ${sql}`).join('')} FROM win WHERE label IS NOT NULL AND prediction IS NOT NULL ORDER BY event_ms, id`,
  )
  const [y = [], p = [], version = [], ...rest] = columns
  const names = [...slices, ...(day.length > 0 ? ['day'] : [])]
  return {
    y: Float64Array.from(y as number[]), // labels are cast to DOUBLE in labelsSql
    p: Float64Array.from(p as number[]), // CAST AS DOUBLE gives numbers
    versions: version.map((id) => task.versionLabels[String(id)] ?? String(id)),
    columns: Object.fromEntries(names.map((name, i) => [name, rest[i] ?? []])),
  }
}

async function operations(duckdb: Duckdb, settings: SignalSettings, minRows: number): Promise<WindowValue[]> {
  const [latency] = await duckdb.columns(
    'SELECT CAST(latency_ms AS DOUBLE) FROM calls WHERE latency_ms IS NOT NULL ORDER BY 1',
  )
  const statuses = await duckdb.rows('SELECT status, count(*) AS n FROM calls GROUP BY 1')
  return operationsValues(
    settings,
    Float64Array.from((latency ?? []) as number[]),
    new Map(statuses.map((row) => [String(row['status']), Number(row['n'])])),
    minRows,
  )
}
