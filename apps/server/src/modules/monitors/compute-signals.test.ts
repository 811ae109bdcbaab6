import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { MonitorSpec } from '@kiban/contract/project-file'
import { classifierModel } from '@kiban/testkit/onnx-model'
import { DuckDBInstance } from '@duckdb/node-api'
import { calendarWindow } from './calendar.ts'
import { computeDay } from './compute-day.ts'
import { computeSignals } from './compute-signals.ts'
import { monitorSettings } from './monitor-settings.ts'
import { runTask } from './run-task.ts'
import type { WindowTask } from './window-task.ts'

// Real rows: the features of examples/flights, from its months of 2013, as a reference and as a prediction log.
const flights = join(import.meta.dirname, '../../../../../examples/flights')
const folder = mkdtempSync(join(tmpdir(), 'kiban-monitor-test-'))
const reference = join(folder, 'reference.parquet')
const outcomes = join(folder, 'outcomes.parquet')
const log = (month: number): string => join(folder, `log-${month}.parquet`)
const MONTHS = [4, 7, 12]

beforeAll(async () => {
  const connection = await (await DuckDBInstance.create(':memory:')).connect()
  await connection.run("SET TimeZone='UTC'")
  await connection.run(`CREATE VIEW flights AS SELECT * FROM read_parquet('${flights}/data/flights-*.parquet')`)
  await connection.run(`CREATE VIEW weather AS SELECT * FROM read_parquet('${flights}/data/weather-*.parquet')`)
  const statements = readFileSync(join(flights, 'features.sql'), 'utf8')
  const build = async (from: string, until: string, into: string): Promise<void> => {
    // One statement at a time: parsed together, DuckDB takes the windows of one for those of another.
    const bound = statements.replaceAll('$from_day', `'${from}'`).replaceAll('$until_day', `'${until}'`)
    for (const statement of bound.split(/;\n/)) if (statement.trim() !== '') await connection.run(statement)
    await connection.run(`COPY (${into})`)
    for (const table of [
      'span',
      'flown',
      'asked',
      'weather_then',
      'moments',
      'traffic_then',
      'overall_then',
      'carrier_then',
      'route_then',
      'flight_then',
      'features',
    ])
      await connection.run(`DROP TABLE IF EXISTS ${table}`)
  }
  const asLog = `SELECT flight_id || '-0' AS id, epoch_ms(sched) AS received_at, epoch_ms(sched) AS event_time, flight_id AS key, 'ep' AS endpoint,
    CASE WHEN month(day) = 7 AND hash(flight_id) % 10 = 0 THEN 'mv2' ELSE 'mv1' END AS version, 'running' AS variant,
    CASE WHEN hash(flight_id) % 200 = 0 THEN 'error' ELSE 'ok' END AS status, 1.5 + weekday AS latency_ms,
    CAST(least(0.9, greatest(0.05, 0.1 + 0.6 * coalesce(apt_late_2h, 0.2))) AS DOUBLE) AS prediction, '{}' AS output, * EXCLUDE (late, day) FROM features`
  await build('2013-01-01', '2013-04-01', `SELECT * FROM features) TO '${reference}' (FORMAT parquet`)
  for (const month of MONTHS)
    await build(
      `2013-${String(month).padStart(2, '0')}-01`,
      month === 12 ? '2014-01-01' : `2013-${String(month + 1).padStart(2, '0')}-01`,
      `${asLog}) TO '${log(month)}' (FORMAT parquet`,
    )
  await connection.run(`COPY (SELECT strftime(make_date(year, month, day), '%Y-%m-%d') || '-' || carrier || '-' || flight || '-' || origin AS flight_id, CAST(arr_delay > 15 AS INTEGER) AS late,
    timezone('America/New_York', make_timestamp(year, month, day, 6, 0, 0) + INTERVAL 1 DAY) AS available_at FROM flights WHERE arr_delay IS NOT NULL) TO '${outcomes}' (FORMAT parquet)`)
  connection.closeSync()
}, 240_000)
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const SPEC = {
  endpoint: 'delay',
  reference: 'training',
  window: '1mo',
  timeZone: 'America/New_York',
  lateness: '1h',
  recomputeFor: '30d',
  minRows: 100,
  labels: { dataset: 'datasets:/outcomes', column: 'late', key: 'flight_id', within: '2d' },
  signals: {
    data_quality: null,
    data_drift: null,
    prediction_drift: null,
    performance: { test: 'auto', checks: [{ metric: 'ece', max: 0.05, for: 2, tolerance: 0, severity: 'error' }] },
    operations: null,
  },
} as const

const task = (month: number, change: Record<string, unknown> = {}): WindowTask => ({
  span: calendarWindow(Date.UTC(2013, month - 1, 15), { months: 1, ms: 0 }, 'America/New_York'),
  settings: monitorSettings('delays', { ...SPEC, ...change } as unknown as MonitorSpec),
  predictionPaths: [log(month)],
  reference: { paths: [reference], name: 'training of delay v1', span: null, timestamp: 'sched' },
  labels: { paths: [outcomes] },
  versionLabels: { mv1: 'delay v1', mv2: 'delay v2' },
  features: null,
  notFeatures: ['flight_id', 'sched'],
  importances: [
    { feature: 'apt_late_2h', drop: 0.014 },
    { feature: 'flight_rel', drop: 0.013 },
    { feature: 'temp', drop: 0.0003 },
  ],
  importanceSource: 'permutation',
  threshold: 0.3,
  onnxPath: null,
  nowMs: Date.UTC(2014, 0, 10),
  task: 'classification',
})

test("drift against the first quarter gives the figures of the example, by Evidently's defaults", async () => {
  const april = await computeSignals(task(4))
  const july = await computeSignals(task(7))
  // Half a percent of the calls failed and gave no answer.
  expect(july.rows).toBeLessThan(29425)
  expect(july.rows).toBeGreaterThan(29425 * 0.99)
  expect(april.features).toHaveLength(25)
  const drift = (result: typeof july, feature: string): number =>
    result.features.find((f) => f.feature === feature)?.value ?? Number.NaN
  expect(drift(april, 'temp')).toBeCloseTo(1.8, 1)
  expect(drift(july, 'temp')).toBeCloseTo(5.07, 1)
  expect(drift(july, 'dest')).toBeCloseTo(0.105, 2)
  expect(drift(july, 'origin')).toBeLessThan(0.03)
  const drifted = (result: typeof july): number => result.features.filter((f) => f.status === 'warn').length
  expect(Math.abs(drifted(april) - 12)).toBeLessThanOrEqual(1)
  expect(Math.abs(drifted(july) - 19)).toBeLessThanOrEqual(1)
  expect(july.values.find((v) => v.rule === 'data_drift')).toMatchObject({
    status: 'warn',
    severity: 'warn',
    value: 19,
  })
}, 120_000)

test('limits learned from the reference are wider than the unrest of its own parts', async () => {
  const april = await computeSignals(task(4, { signals: { data_drift: { test: 'auto', threshold: 'learned' } } }))
  const temp = april.features.find((f) => f.feature === 'temp')
  expect(temp?.limit).toBeGreaterThan(0.5)
  expect(april.features.filter((f) => f.status === 'warn').length).toBeLessThan(12)
  expect(temp?.histogram.reduce((sum, bar) => sum + bar.reference, 0)).toBeCloseTo(1, 9)
  expect(temp?.histogram.reduce((sum, bar) => sum + bar.current, 0)).toBeCloseTo(1, 9)
  expect(temp?.reason).toContain('learned')
}, 120_000)

test('features are ranked by importance and drift, and none is left out', async () => {
  const july = await computeSignals(task(7))
  const names = july.features.map((f) => f.feature)
  expect(names.slice(0, 4)).toContain('temp')
  expect(names.slice(0, 4)).toContain('apt_late_2h')
  expect(names.length).toBe(25)
  expect(july.features.reduce((sum, f) => sum + (f.importance ?? 0), 0)).toBeCloseTo(1, 9)
}, 120_000)

test('labels are joined by key, and coverage tells what has none', async () => {
  const july = await computeSignals(task(7))
  const value = (metric: string, version: string | null = null): number =>
    july.values.find((v) => v.signal === 'performance' && v.metric === metric && v.modelVersion === version)?.value ??
    Number.NaN
  expect(value('label_coverage')).toBeCloseTo(1 - 0.039, 2)
  expect(value('mean_label')).toBeCloseTo(0.315, 2)
  expect(value('auc')).toBeGreaterThan(0.6)
  expect(july.versions).toEqual([
    { version: 'delay v1', rows: expect.any(Number) },
    { version: 'delay v2', rows: expect.any(Number) },
  ])
  expect(value('auc', 'delay v2')).toBeGreaterThan(0.55)
  expect(july.values.find((v) => v.rule === 'performance: ece <= 0.05 for 2 in a row')).toMatchObject({
    metric: 'ece',
    limit: 0.05,
    forWindows: 2,
  })
}, 120_000)

test('a label that comes later than `within` does not count, and a window with half of its labels to come is not judged', async () => {
  const none = await computeSignals(task(7, { labels: { ...SPEC.labels, within: '1h' } }))
  expect(none.labelled).toBeLessThan(3000)
  const early = { ...task(7, { labels: { ...SPEC.labels, within: '8h' } }), nowMs: Date.UTC(2013, 7, 1, 5) }
  const judged = (await computeSignals(early)).values.find((v) => v.rule?.startsWith('performance'))
  expect(judged).toMatchObject({ status: 'no_data', reason: expect.stringContaining('more may come') })
}, 120_000)

test('prediction drift compares with what the model itself says of its reference', async () => {
  const onnxPath = join(folder, 'model.onnx')
  const spec = { categories: { origin: ['EWR', 'JFK', 'LGA'] }, numbers: ['temp'], weights: [0, 0.05], bias: -4 }
  writeFileSync(onnxPath, classifierModel(spec))
  const learned = { signals: { prediction_drift: { test: 'auto', threshold: 'learned' } } }
  const july = await computeSignals({ ...task(7, learned), onnxPath })
  const value = july.values.find((v) => v.rule === 'prediction_drift')
  // The mean of sigmoid(0.05 temp - 4) over the first quarter, 40 °F on average, is about 0.14.
  const mean = Number(/against ([\d.]+) on the reference/.exec(value?.reason ?? '')?.[1])
  expect(mean).toBeGreaterThan(0.1)
  expect(mean).toBeLessThan(0.2)
  expect(value?.reason).toContain('learned')
  expect(value?.value).toBeGreaterThan(0.1)
  const without = await computeSignals(task(7, learned))
  expect(without.values.find((v) => v.rule === 'prediction_drift')).toMatchObject({
    status: 'no_data',
    reason: expect.stringContaining('no ONNX file'),
  })
}, 120_000)

test('the weather feed that ended on 30 December is seen by the day and hidden in the month', async () => {
  const december = task(12, { signals: { data_quality: null } })
  const month = (await computeSignals(december)).values.find((v) => v.metric === 'columns_missing_values')
  expect(month?.status).toBe('ok')
  const span = calendarWindow(Date.UTC(2013, 11, 31, 17), { months: 0, ms: 86_400_000 }, 'America/New_York')
  const day = await computeDay({ ...december, span }, new AbortController().signal)
  expect(day.features.find((f) => f.feature === 'temp')?.nullShare).toBeGreaterThan(0.95)
  expect(day.values.find((v) => v.metric === 'columns_missing_values')).toMatchObject({
    status: 'warn',
    reason: expect.stringContaining('missing values in temp'),
  })
}, 120_000)

test('operations count errors and latencies', async () => {
  const july = await computeSignals(task(7))
  const value = (metric: string): number =>
    july.values.find((v) => v.signal === 'operations' && v.metric === metric)?.value ?? Number.NaN
  expect(value('error_rate')).toBeCloseTo(0.005, 2)
  expect(value('latency_p50')).toBeGreaterThan(2)
}, 120_000)

test('the process of its own gives the same as the function, and its error is the reason', async () => {
  const small = task(4, { signals: { operations: null } })
  expect(await runTask(small, new AbortController().signal)).toEqual(
    JSON.parse(JSON.stringify(await computeSignals(small))),
  )
  const wrong = task(4, { labels: { ...SPEC.labels, column: 'arrived' } })
  await expect(runTask(wrong, new AbortController().signal)).rejects.toThrow(
    'labels.column: datasets:/outcomes has no column "arrived"',
  )
}, 120_000)
