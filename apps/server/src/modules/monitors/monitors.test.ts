import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DuckDBInstance } from '@duckdb/node-api'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { parseProjectFile } from '@kiban/contract/project-file'
import type { ProjectFile } from '@kiban/contract/project-file'
import { inTransaction } from '@kiban/kit/context'
import { startTestApp } from '@kiban/testkit/app'
import type { TestApp } from '@kiban/testkit/app'
import { testDatabases } from '@kiban/testkit/database'
import { access } from '../access/index.ts'
import { audit } from '../audit/index.ts'
import { datasets } from '../datasets/index.ts'
import { lineageModule } from '../lineage/index.ts'
import { projects } from '../projects/index.ts'
import { secrets } from '../secrets/index.ts'
import { applyMonitors } from './apply-monitors.ts'
import { monitorsModule } from './index.ts'
import type { MonitorSources } from './index.ts'

// A year of a model's answers: the calibration error of each month is the one of the example's first model.
const ECE: Record<number, number> = { 4: 0.073, 5: 0.012, 6: 0.059, 7: 0.066, 8: 0.017 }
const folder = mkdtempSync(join(tmpdir(), 'kiban-monitors-'))
const log = join(folder, 'log.parquet')
const reference = join(folder, 'reference.parquet')
const labelsUntil = (version: number): string => join(folder, `labels-${version}.parquet`)
let app: TestApp
let dropDatabase: (() => Promise<void>) | undefined
let labelVersion = 1

const sources: MonitorSources = {
  findEndpoint: async (_ctx, _project, name) =>
    name === 'delay' ? { id: 'ep_1', model: 'models:/delay@production' } : null,
  predictionFiles: async () => [log],
  findVersion: async (_ctx, id) => ({
    id,
    label: 'delay v1',
    features: ['temp', 'origin'],
    notFeatures: ['flight_id', 'sched'],
    timestamp: 'sched',
    task: 'classification',
    threshold: 0.5,
    training: { paths: [reference], name: 'training of delay v1' },
    importances: [
      { feature: 'temp', drop: 0.01 },
      { feature: 'origin', drop: 0.03 },
    ],
    onnxPath: null,
  }),
  datasetFiles: async () => ({ versionId: `dv_${labelVersion}`, paths: [labelsUntil(labelVersion)] }),
}

const FILE = `
project: flights
datasets: { outcomes: {} }
models: { delay: {} }
endpoints: { delay: { model: models:/delay@production } }
monitors:
  delays:
    endpoint: delay
    timestamp: sched
    window: 1mo
    lateness: 1h
    labels: { dataset: datasets:/outcomes, column: late, key: flight_id, within: 2d }
    signals:
      data_drift: { threshold: learned }
      data_quality: {}
      operations: {}
      performance: { checks: [{ metric: ece, max: 0.05, for: 2 }] }
`
const parse = (text: string): ProjectFile => {
  const parsed = parseProjectFile(text, { path: 'kiban.yaml' })
  if (!('file' in parsed)) throw new Error(JSON.stringify(parsed.errors))
  return parsed.file
}
const apply = (text: string) =>
  inTransaction(app.ctx, (ctx) =>
    applyMonitors(ctx, { project: 'flights', file: parse(text), previous: null, codeManifest: '', revisionId: 'rev' }),
  )

beforeAll(async () => {
  const connection = await (await DuckDBInstance.create(':memory:')).connect()
  // p takes 20 values; the labels' rate at each is p less the month's error, so that the calibration error is the month's.
  const gap = Object.entries(ECE)
    .map(([month, ece]) => `WHEN ${month} THEN ${ece}`)
    .join(' ')
  await connection.run(`CREATE TABLE rows AS SELECT i, make_timestamp(2013, m, 1 + (i % 28), i % 24, 0, 0) AS sched, m, '2013-' || m || '-' || i AS flight_id,
    0.125 + 0.1 * (i % 8) AS p, (i * 7919 % 1000) / 1000.0 AS u, CASE m ${`${gap}`} ELSE 0 END AS gap, 40 + CASE m WHEN 7 THEN 30 ELSE 0 END + (i * 31 % 100) / 10.0 AS temp
    FROM range(8000) t(i), (VALUES (3), (4), (5), (6), (7), (8)) months(m)`)
  await connection.run(`COPY (SELECT flight_id || '-0' AS id, epoch_ms(sched) AS received_at, epoch_ms(sched) AS event_time, flight_id AS key, 'ep_1' AS endpoint, 'mv_1' AS version, 'running' AS variant,
    'ok' AS status, 2.0 AS latency_ms, CAST(p AS DOUBLE) AS prediction, '{}' AS output,
    CASE WHEN m = 6 AND day(sched) = 14 THEN NULL ELSE CAST(temp AS DOUBLE) END AS temp, CASE WHEN m = 8 AND i % 50 = 0 THEN 'XXX' WHEN i % 2 = 0 THEN 'EWR' ELSE 'JFK' END AS origin, flight_id, sched
    FROM rows WHERE m > 3) TO '${log}' (FORMAT parquet)`)
  await connection.run(
    `COPY (SELECT CAST(temp AS DOUBLE) AS temp, CASE WHEN i % 2 = 0 THEN 'EWR' ELSE 'JFK' END AS origin, sched, flight_id FROM rows WHERE m = 3) TO '${reference}' (FORMAT parquet)`,
  )
  // Version 1 of the labels ends in the middle of July; version 2 has all.
  for (const [version, where] of [
    [1, "sched < TIMESTAMP '2013-07-10'"],
    [2, 'true'],
  ] as const)
    await connection.run(
      `COPY (SELECT flight_id, CAST(u < p - gap AS INTEGER) AS late, sched + INTERVAL 1 DAY AS available_at FROM rows WHERE ${where}) TO '${labelsUntil(version)}' (FORMAT parquet)`,
    )
  connection.closeSync()
  // Once, on PostgreSQL where there is one: the year takes half a minute.
  const database = await testDatabases().at(-1)?.fresh()
  dropDatabase = database?.drop
  app = await startTestApp({
    ...(database ? { databaseUrl: database.url } : {}),
    modules: [projects, access, audit, secrets, lineageModule([]), datasets, monitorsModule(sources)],
  })
  await post('/projects', { name: 'flights', title: '', description: '' })
}, 120_000)
afterAll(async () => {
  await app?.close()
  await dropDatabase?.()
  rmSync(folder, { recursive: true, force: true })
})

// oxlint-disable-next-line typescript/no-explicit-any -- answers are compared as they are
const request = async (method: string, path: string, body?: unknown): Promise<{ status: number; body: any }> => {
  const response = await fetch(`${app.url}/api/v1${path}`, {
    method,
    ...(body === undefined ? {} : { body: JSON.stringify(body), headers: { 'content-type': 'application/json' } }),
  })
  const text = await response.text()
  return { status: response.status, body: text === '' ? null : JSON.parse(text) }
}
const get = async (path: string) => (await request('GET', `/projects/flights${path}`)).body
const post = (path: string, body: unknown) => request('POST', path, body)
const setClock = async (at: string): Promise<void> => {
  expect((await request('PUT', '/projects/flights/clock', { mode: 'replay', now: Date.parse(at) })).status).toBe(200)
  await app.runLoop('monitors')
}
const alerts = async (signal: string): Promise<{ state: string; windowLabel: string; reason: string; id: string }[]> =>
  (await get('/alerts')).alerts.filter((alert: { signal: string }) => alert.signal === signal)

test('a project file that asks for what cannot be computed is refused with the key', async () => {
  await setClock('2013-04-01T00:00:00Z')
  const refused = (text: string, replace: string) => expect(apply(FILE.replace(text, replace))).rejects
  await refused('data_quality: {}', 'concept_drift: {}').toThrow(
    'monitors.delays.signals.concept_drift: is not built yet',
  )
  await refused('window: 1mo', 'timeZone: Mars/Base').toThrow('"Mars/Base" is not a time zone')
  await refused('max: 0.05', 'notWorseThan: production').toThrow('not with production')
  await refused('{ threshold: learned }', '{ test: vibes }').toThrow('"vibes" is not a test')
  expect((await request('GET', '/projects/flights/monitors/delays')).status).toBe(404)
})

test('a window closes when its end and the lateness have passed on the project clock, and not before', async () => {
  expect(await apply(FILE)).toEqual([{ kind: 'create', noun: 'monitor', name: 'delays' }])
  expect(await apply(FILE)).toEqual([])
  await setClock('2013-05-01T00:30:00Z')
  expect((await get('/monitors/delays/windows')).windows).toEqual([])
  await setClock('2013-05-01T01:00:00Z')
  const [april] = (await get('/monitors/delays/windows')).windows
  expect(april).toMatchObject({
    label: '2013-04',
    state: 'done',
    rows: 8000,
    labelledRows: 8000,
    labelCoverage: 1,
    versions: [{ version: 'delay v1', rows: 8000 }],
  })
  const window = await get('/monitors/delays/windows/2013-04')
  expect(window.values.find((value: { metric: string }) => value.metric === 'ece').value).toBeCloseTo(0.073, 2)
}, 60_000)

test('April alone does not fire; June and July do, at the end of July and once', async () => {
  await setClock('2013-06-01T01:00:00Z')
  await setClock('2013-07-01T01:00:00Z')
  expect(await alerts('performance')).toEqual([])
  // At the end of July two thirds of its labels are still to come: it is not judged yet.
  await setClock('2013-08-01T01:00:00Z')
  const early = await get('/monitors/delays/windows/2013-07')
  expect(early.labelCoverage).toBeLessThan(0.5)
  expect(early.signals.find((one: { signal: string }) => one.signal === 'performance').status).toBe('no_data')
  expect(await alerts('performance')).toEqual([])
  labelVersion = 2
  await app.runLoop('monitors')
  expect(await alerts('performance')).toEqual([
    expect.objectContaining({ state: 'open', windowLabel: '2013-07', severity: 'error', windows: 2 }),
  ])
  const [alert] = await alerts('performance')
  expect(alert?.reason).toMatch(
    /ece 0\.06\d* is above 0\.05, for 2 windows in a row \(2013-06: 0\.05\d+, 2013-07: 0\.06\d+, limit 0\.05\)/,
  )
  const july = await get('/monitors/delays/windows/2013-07')
  expect(july).toMatchObject({ recomputed: 1, labelCoverage: 1 })
  await request('POST', '/projects/flights/monitors/delays/windows/2013-07/recompute')
  await app.runLoop('monitors')
  expect((await alerts('performance')).map(({ id }) => id)).toEqual([alert?.id])
  expect((await get('/monitors/delays')).state).toBe('firing')
}, 120_000)

test('drift warns only, with learned limits, ranked by importance and drift', async () => {
  const { features, importanceSource } = await get('/monitors/delays/features?window=2013-07')
  expect(features.map((f: { feature: string; status: string; rank: number }) => [f.rank, f.feature, f.status])).toEqual(
    [
      [1, 'temp', 'warn'],
      [2, 'origin', 'ok'],
    ],
  )
  expect(importanceSource).toContain('permutation')
  expect(features[0].history.map((point: { label: string; status: string }) => [point.label, point.status])).toEqual([
    ['2013-04', 'ok'],
    ['2013-05', 'ok'],
    ['2013-06', 'ok'],
    ['2013-07', 'warn'],
  ])
  const [alert] = await alerts('data_drift')
  expect(alert).toMatchObject({
    severity: 'warn',
    windowLabel: '2013-07',
    reason: expect.stringContaining('1 of 2 features drift: temp'),
  })
  const detail = await get('/monitors/delays/features/temp?window=2013-07')
  const sum = (side: 'reference' | 'current'): number =>
    detail.histogram.reduce((all: number, bar: { reference: number; current: number }) => all + bar[side], 0)
  expect([sum('reference'), sum('current')]).toEqual([expect.closeTo(1, 9), expect.closeTo(1, 9)])
  expect(detail.current.mean - detail.reference.mean).toBeCloseTo(30, 3)
  expect(detail.daily).toHaveLength(28)
})

test('an outage of one day is seen at the daily grain while the month stays fine', async () => {
  const found = await alerts('data_quality')
  expect(found).toEqual([
    expect.objectContaining({
      windowLabel: '2013-06-14',
      state: 'resolved',
      reason: expect.stringContaining('missing values in temp 100 %'),
    }),
  ])
  const june = await get('/monitors/delays/windows/2013-06')
  expect(june.signals.find((one: { signal: string }) => one.signal === 'data_quality').status).toBe('ok')
})

test('alerts are acknowledged and silenced by people, each audited, and resolved by a window that is fine', async () => {
  const [alert] = await alerts('performance')
  const path = `/projects/flights/alerts/${alert?.id}`
  expect((await post(`${path}/silence`, { untilAt: Date.parse('2013-07-01T00:00:00Z') })).body.error).toMatchObject({
    code: 'bad_request',
    message: expect.stringContaining('is not after'),
  })
  expect((await post(`${path}/acknowledge`, { note: 'retraining' })).body).toMatchObject({
    state: 'acknowledged',
    acknowledgedBy: 'usr_test',
  })
  expect((await post('/projects/flights/alerts/alr_none/acknowledge', {})).status).toBe(404)
  await setClock('2013-09-01T01:00:00Z')
  expect((await get(`/alerts/${alert?.id}`)).events.map((event: { kind: string }) => event.kind)).toEqual([
    'opened',
    'acknowledged',
    'resolved',
  ])
  expect((await post(`${path}/acknowledge`, {})).body.error.code).toBe('alert_resolved')
  const august = await get('/monitors/delays/windows/2013-08')
  expect(august.signals.find((one: { signal: string }) => one.signal === 'data_quality')).toMatchObject({
    status: 'warn',
    summary: expect.stringContaining('unseen categories in origin 2 % (XXX)'),
  })
}, 60_000)

test('the inbox tells what opened and what ended, and is marked as read', async () => {
  const inbox = await get('/notifications')
  expect(inbox.notifications.map((one: { kind: string }) => one.kind)).toContain('alert_resolved')
  expect(inbox.unread).toBeGreaterThan(1)
  const [first] = inbox.notifications
  expect((await post(`/projects/flights/notifications/${first.id}/acknowledge`, {})).body.unread).toBe(inbox.unread - 1)
  expect((await post('/projects/flights/notifications/all/acknowledge', {})).body.unread).toBe(0)
  expect((await post('/projects/flights/notifications/ntf_none/acknowledge', {})).status).toBe(404)
})

test('series are on one axis, with a limit where there is one', async () => {
  const { series } = await get('/monitors/delays/series')
  const ece = series.find((line: { metric: string }) => line.metric === 'ece')
  expect(
    ece.points.map((point: { label: string; limit: number; status: string }) => [
      point.label,
      point.limit,
      point.status,
    ]),
  ).toEqual([
    ['2013-04', 0.05, 'fail'],
    ['2013-05', 0.05, 'ok'],
    ['2013-06', 0.05, 'fail'],
    ['2013-07', 0.05, 'fail'],
    ['2013-08', 0.05, 'ok'],
  ])
})

test('a monitor that left the file is archived and keeps its windows', async () => {
  expect(await apply(FILE.replace('delays:', 'other:'))).toEqual([
    { kind: 'create', noun: 'monitor', name: 'other' },
    { kind: 'archive', noun: 'monitor', name: 'delays' },
  ])
  expect((await get('/monitors')).monitors.map((one: { name: string }) => one.name)).toEqual(['other'])
  expect(await get('/monitors/delays')).toMatchObject({ state: 'archived', lastWindow: { label: '2013-08' } })
})
