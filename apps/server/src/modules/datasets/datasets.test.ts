import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { DatasetChecks, DatasetVersion } from '@kiban/contract/datasets'
import type { ManifestFile } from '@kiban/contract/primitives'
import type { PlatformEvent } from '@kiban/kit/context'
import { startTestApp } from '@kiban/testkit/app'
import type { TestApp } from '@kiban/testkit/app'
import { testDatabases } from '@kiban/testkit/database'
import { audit } from '../audit/index.ts'
import { lineageModule } from '../lineage/index.ts'
import { projects } from '../projects/index.ts'
import { revisionsModule } from '../revisions/index.ts'
import {
  datasetFiles,
  datasetLineage,
  datasetSearch,
  datasets,
  localParquetPaths,
  queryRows,
  resolveDataset,
  writeParquet,
} from './index.ts'

const EXAMPLE = join(import.meta.dirname, '../../../../../examples/flights')

describe.each(testDatabases())('datasets on $name', (database) => {
  let app: TestApp
  let drop: () => Promise<void>
  const events: PlatformEvent[] = []

  beforeAll(async () => {
    const fresh = await database.fresh()
    drop = fresh.drop
    const sections = datasets.apply ? [datasets.apply] : []
    app = await startTestApp({
      modules: [projects, audit, lineageModule([datasetLineage]), datasets, revisionsModule(sections)],
      databaseUrl: fresh.url,
    })
    app.ctx.platform.events.subscribe((event) => events.push(event))
    for (const name of ['flights', 'other']) await call('POST', '/projects', { name })
  })
  afterAll(async () => {
    await app.close()
    await drop()
  })

  async function call<T>(
    method: string,
    path: string,
    body?: unknown,
  ): Promise<{ status: number; body: T & { error?: { code: string; message: string } } }> {
    const response = await fetch(`${app.url}/api/v1${path}`, {
      method,
      headers: body === undefined ? {} : { 'content-type': 'application/json' },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    })
    const text = await response.text()
    return { status: response.status, body: JSON.parse(text === '' ? 'null' : text) }
  }

  async function upload(bytes: Buffer, path: string, project = 'flights'): Promise<ManifestFile> {
    const hash = createHash('sha256').update(bytes).digest('hex')
    const response = await fetch(`${app.url}/api/v1/projects/${project}/blobs/${hash}`, {
      method: 'PUT',
      headers: { 'content-type': 'application/octet-stream' },
      body: new Uint8Array(bytes),
    })
    expect(response.status).toBe(200)
    return { path, hash, sizeBytes: bytes.length }
  }

  const month = (dataset: string, n: number) =>
    upload(
      readFileSync(join(EXAMPLE, `data/${dataset}-2013-${String(n).padStart(2, '0')}.parquet`)),
      `${dataset}-2013-${String(n).padStart(2, '0')}.parquet`,
    )

  async function commit(
    dataset: string,
    body: { files: ManifestFile[]; mode?: string; message?: string; ifNewest?: number },
  ): Promise<DatasetVersion> {
    const { status, body: version } = await call<DatasetVersion>(
      'POST',
      `/projects/flights/datasets/${dataset}/versions`,
      body,
    )
    expect(version.error).toBeUndefined()
    expect(status).toBe(201)
    return version
  }

  const version = async (dataset: string, ref: string | number) =>
    (await call<DatasetVersion>('GET', `/projects/flights/datasets/${dataset}/versions/${ref}`)).body
  const checks = async (dataset: string, ref: string | number) =>
    (await call<DatasetChecks>('GET', `/projects/flights/datasets/${dataset}/versions/${ref}/checks`)).body

  test('bytes count as uploaded only in the project they were uploaded to, and only under their own hash', async () => {
    const file = await upload(Buffer.from('a,b\n1,2\n'), 'x.csv')
    expect(
      (await call('POST', '/projects/flights/blobs/missing', { hashes: [file.hash, 'b'.repeat(64)] })).body,
    ).toEqual({ missing: ['b'.repeat(64)] })
    expect((await call('POST', '/projects/other/blobs/missing', { hashes: [file.hash] })).body).toEqual({
      missing: [file.hash],
    })
    const stolen = await call('POST', '/projects/other/datasets/x/versions', { files: [file] })
    expect([stolen.status, stolen.body.error?.code]).toEqual([422, 'dataset_blob_missing'])
    const lied = await call('POST', '/projects/flights/datasets/x/versions', { files: [{ ...file, sizeBytes: 3 }] })
    expect([lied.status, lied.body.error?.code]).toEqual([400, 'bad_request'])
    const wrong = await fetch(`${app.url}/api/v1/projects/flights/blobs/${'c'.repeat(64)}`, {
      method: 'PUT',
      body: 'hello',
    })
    expect([wrong.status, ((await wrong.json()) as { error: { code: string } }).error.code]).toEqual([
      422,
      'dataset_blob_mismatch',
    ])
  })

  test('a path that leaves its root is refused', async () => {
    const file = await upload(Buffer.from('x'), 'x.csv')
    const refused = await call('POST', '/projects/flights/datasets/evil/versions', {
      files: [{ ...file, path: '../../etc/passwd' }],
    })
    expect([refused.status, refused.body.error?.code]).toEqual([400, 'bad_request'])
  })

  test('without a contract a commit is usable at once; append keeps what was there; the newest is what is used', async () => {
    const january = await month('flights', 1)
    const first = await commit('plain', { files: [january], message: 'January' })
    expect(first).toMatchObject({
      number: 1,
      state: 'usable',
      parentNumber: null,
      mode: 'replace',
      newBytes: january.sizeBytes,
    })
    const february = await month('flights', 2)
    const second = await commit('plain', { files: [february], mode: 'append' })
    expect(second).toMatchObject({
      number: 2,
      parentNumber: 1,
      files: 2,
      sizeBytes: january.sizeBytes + february.sizeBytes,
      newBytes: february.sizeBytes,
    })
    await app.runLoop('datasets')
    expect([
      (await version('plain', 1)).rows,
      (await version('plain', 2)).rows,
      (await version('plain', 2)).newRows,
    ]).toEqual([27_004, 51_955, 24_951])
    const resolved = await resolveDataset(app.ctx, 'flights', 'datasets:/plain')
    expect(resolved.number).toBe(2)
    expect(await datasetFiles(app.ctx, resolved.id)).toHaveLength(2)
    const paths = await localParquetPaths(app.ctx, resolved.id)
    expect(
      await queryRows(`SELECT count(*) AS n FROM read_parquet([${paths.map((path) => `'${path}'`).join(',')}])`, [], {
        readable: paths,
      }),
    ).toEqual([{ n: 51_955 }])
    expect((await resolveDataset(app.ctx, 'flights', 'datasets:/plain/1')).id).toBe(first.id)
    await expect(resolveDataset(app.ctx, 'flights', 'datasets:/plain/9')).rejects.toMatchObject({
      code: 'dataset_version_not_found',
    })
    await expect(resolveDataset(app.ctx, 'flights', 'models:/plain')).rejects.toMatchObject({ code: 'bad_request' })
  })

  test('a commit on a version that is no longer the newest is refused when asked to be', async () => {
    const file = await month('flights', 1)
    const refused = await call('POST', '/projects/flights/datasets/plain/versions', { files: [file], ifNewest: 1 })
    expect([refused.status, refused.body.error?.code]).toEqual([409, 'dataset_version_conflict'])
  })

  test('commits that come together get a number each and lose no file', async () => {
    const files = await Promise.all(
      Array.from({ length: 8 }, (_, i) => upload(Buffer.from(`a\n${i}\n`), `part-${i}.csv`)),
    )
    const made = await Promise.all(files.map((file) => commit('together', { files: [file], mode: 'append' })))
    expect(made.map((one) => one.number).sort((a, b) => a - b)).toEqual([1, 2, 3, 4, 5, 6, 7, 8])
    expect((await version('together', 8)).files).toBe(8)
  })

  test('tags move, resolve and go', async () => {
    expect((await call('PUT', '/projects/flights/datasets/plain/tags/frozen', { version: 1 })).status).toBe(200)
    expect((await resolveDataset(app.ctx, 'flights', 'datasets:/plain@frozen')).number).toBe(1)
    expect((await version('plain', '@frozen')).tags).toEqual(['frozen'])
    expect((await call('DELETE', '/projects/flights/datasets/plain/tags/frozen')).status).toBe(204)
    expect((await call('DELETE', '/projects/flights/datasets/plain/tags/frozen')).status).toBe(404)
  })

  test('rows are previewed by page, profiled and compared', async () => {
    const preview = (
      await call<{ columns: { name: string }[]; rows: unknown[][]; total: number }>(
        'GET',
        '/projects/flights/datasets/plain/versions/1/rows?limit=2&offset=1',
      )
    ).body
    expect(preview.total).toBe(27_004)
    expect(Object.fromEntries(preview.columns.map((column, i) => [column.name, preview.rows[0]?.[i]]))).toMatchObject({
      carrier: 'UA',
      dest: 'IAH',
      time_hour: '2013-01-01T10:00:00.000Z',
    })
    const profile = (
      await call<{ rows: number; columns: Record<string, unknown>[] }>(
        'GET',
        '/projects/flights/datasets/plain/versions/2/profile',
      )
    ).body
    expect(profile.rows).toBe(51_955)
    expect(profile.columns.find((column) => column['name'] === 'carrier')).toMatchObject({
      kind: 'text',
      distinct: 16,
      nulls: 0,
    })
    const delay = profile.columns.find((column) => column['name'] === 'dep_delay') as {
      nulls: number
      histogram: { counts: number[] }
    }
    expect(delay.histogram.counts.reduce((sum, n) => sum + n, 0) + delay.nulls).toBe(51_955)
    const diff = (await call('GET', '/projects/flights/datasets/plain/diff?from=1&to=2')).body
    expect(diff).toMatchObject({
      columns: { added: [], removed: [], changed: [] },
      rows: { from: 27_004, to: 51_955, added: 24_951, removed: 0, changed: null, byKey: false },
      files: { unchanged: 1 },
    })
  })

  test('a folder of other files is kept and listed, and has no rows', async () => {
    const file = await upload(Buffer.from([0x89, 0x50, 0x4e, 0x47]), 'digits/1.png')
    await commit('images', { files: [file] })
    expect((await call('GET', '/projects/flights/datasets/images/versions/1/files')).body).toMatchObject({
      files: [file],
      nextCursor: null,
    })
    const bytes = await fetch(`${app.url}/api/v1/projects/flights/datasets/images/versions/1/file?path=digits/1.png`)
    expect([...new Uint8Array(await bytes.arrayBuffer())]).toEqual([0x89, 0x50, 0x4e, 0x47])
    const rows = await call('GET', '/projects/flights/datasets/images/versions/1/rows')
    expect([rows.status, rows.body.error?.code]).toEqual([422, 'dataset_not_table'])
  })

  test('a project file declares datasets: sources make versions, contracts hold them', async () => {
    const files = [
      ...(await Promise.all(
        [1, 2].map(async (n) => ({ ...(await month('weather', n)), path: `data/weather-2013-0${n}.parquet` })),
      )),
      await upload(readFileSync(join(EXAMPLE, 'weather.odcs.yaml')), 'weather.odcs.yaml'),
      await upload(readFileSync(join(EXAMPLE, 'flights.odcs.yaml')), 'flights.odcs.yaml'),
    ]
    const text = `project: flights\ndatasets:\n  weather: { source: data/weather-*.parquet, contract: weather.odcs.yaml, key: [origin, time_hour] }\n  flights: { contract: flights.odcs.yaml }\n`
    const applied = await call<{ changes: { kind: string; noun: string; name: string }[] }>(
      'POST',
      '/projects/flights/apply',
      { text, files },
    )
    expect(applied.body.error).toBeUndefined()
    expect(applied.body.changes.map((change) => `${change.kind} ${change.noun} ${change.name}`)).toEqual([
      'create dataset weather',
      'create dataset version weather/1',
      'create dataset flights',
    ])
    expect((await version('weather', 1)).state).toBe('checking')
    await expect(resolveDataset(app.ctx, 'flights', 'datasets:/weather')).rejects.toMatchObject({
      code: 'dataset_not_usable',
    })
    await app.runLoop('datasets')
    expect(await version('weather', 1)).toMatchObject({
      state: 'quarantined',
      rows: 4_236,
      quarantine: { values: 1, rows: 0 },
      checks: { broken: 1 },
    })
    const again = await call<{ changes: unknown[] }>('POST', '/projects/flights/apply', {
      text: `${text}# the same\n`,
      files,
    })
    expect(again.body.changes).toEqual([])
  })

  test('a quarantined value is null where the version is used, and kept and named where it was committed', async () => {
    const results = await checks('weather', 1)
    expect(results.results[0]).toMatchObject({
      rule: 'wind_speed_possible',
      severity: 'error',
      result: 'broken',
      violations: 1,
      effect: 'values_nulled',
      onFail: 'quarantine',
    })
    expect(results.results[0]?.samples[0]).toMatchObject({
      origin: 'EWR',
      time_hour: '2013-02-12T08:00:00.000Z',
      wind_speed: 1048.36058,
    })
    const used = await resolveDataset(app.ctx, 'flights', 'datasets:/weather')
    const paths = await localParquetPaths(app.ctx, used.id)
    const highest = await queryRows(
      `SELECT count(*) AS n, max(wind_speed) AS top FROM read_parquet([${paths.map((path) => `'${path}'`).join(',')}])`,
      [],
      { readable: paths },
    )
    expect(highest).toEqual([{ n: 4_236, top: expect.closeTo(42.58, 2) }])
    const aside = (
      await call<{ total: number; columns: { name: string }[]; rows: unknown[][] }>(
        'GET',
        '/projects/flights/datasets/weather/versions/1/rows?view=quarantine',
      )
    ).body
    expect(aside.total).toBe(1)
    expect(aside.rows[0]?.[aside.columns.findIndex((column) => column.name === 'wind_speed')]).toBe(1048.36058)
    expect(aside.rows[0]?.at(-1)).toEqual(['wind_speed_possible'])
    const committed = (
      await call<{ total: number }>('GET', '/projects/flights/datasets/weather/versions/1/rows?view=committed&limit=1')
    ).body
    expect(committed.total).toBe(4_236)
  })

  test('a broken month is blocked with rule and rows named; the one before stays what is used', async () => {
    await commit('flights', { files: [await month('flights', 1)], message: 'January' })
    await app.runLoop('datasets')
    expect(await version('flights', 1)).toMatchObject({ state: 'warned', stateReason: null, rows: 27_004 })
    const bad = join(app.home, 'bad.parquet')
    const source = join(EXAMPLE, 'data/flights-2013-02.parquet')
    await writeParquet(
      `SELECT * REPLACE (CASE WHEN day = 3 AND carrier = 'UA' THEN 'ZZ' ELSE carrier END AS carrier) FROM read_parquet('${source}')`,
      bad,
      { readable: [source] },
    )
    const file = await upload(readFileSync(bad), 'flights-2013-02.parquet')
    await commit('flights', { files: [file], mode: 'append', message: 'February, broken' })
    await app.runLoop('datasets')
    const blocked = await version('flights', 2)
    expect(blocked.state).toBe('blocked')
    expect(blocked.stateReason).toMatch(
      /carrier_known \(one of the 16 airlines\): \d+ rows, first year=2013 month=2 day=3 carrier=ZZ/,
    )
    const results = await checks('flights', 2)
    expect(results.results[0]).toMatchObject({
      rule: 'carrier_known',
      result: 'broken',
      effect: 'blocked',
      history: [
        { version: 1, violations: 0 },
        { version: 2, violations: expect.any(Number) },
      ],
    })
    expect(results.results[0]?.samples).toHaveLength(20)
    expect(new Set(results.results[0]?.samples.map((sample) => sample['carrier']))).toEqual(new Set(['ZZ']))
    expect((await resolveDataset(app.ctx, 'flights', 'datasets:/flights')).number).toBe(1)
    await expect(resolveDataset(app.ctx, 'flights', 'datasets:/flights/2')).rejects.toMatchObject({
      code: 'dataset_not_usable',
      message: expect.stringContaining('carrier_known'),
    })
    expect(events.some((event) => event.kind === 'dataset.blocked' && event.id === blocked.id)).toBe(true)
    await commit('flights', { files: [await month('flights', 2)], mode: 'append', message: 'February, corrected' })
    await app.runLoop('datasets')
    expect(await version('flights', 'usable')).toMatchObject({
      number: 3,
      rows: 51_955,
      parentNumber: 1,
      newRows: 24_951,
    })
  })

  test('a file that cannot be read blocks its version in words, without paths of the machine', async () => {
    await commit('flights', {
      files: [await upload(Buffer.from('no parquet'), 'flights-2013-03.parquet')],
      mode: 'append',
    })
    for (let i = 0; i < 4; i++) await app.runLoop('datasets')
    const blocked = await version('flights', 'latest')
    expect(blocked.state).toBe('blocked')
    expect(blocked.stateReason).not.toContain(app.home)
  })

  test('what the file asks for and cannot be had is refused with the remedy', async () => {
    const remote = await call('POST', '/projects/other/apply', {
      text: 'project: other\ndatasets:\n  x: { source: "s3://bucket/x.parquet" }\n',
      files: [],
    })
    expect([remote.status, remote.body.error?.code]).toEqual([422, 'dataset_source_unsupported'])
    const missing = await call('POST', '/projects/other/apply', {
      text: 'project: other\ndatasets:\n  x: { contract: nope.yaml }\n',
      files: [],
    })
    expect([missing.status, missing.body.error?.code]).toEqual([422, 'contract_invalid'])
    const bad = await upload(
      Buffer.from(
        'apiVersion: v3.1.0\nkind: DataContract\nid: x\nversion: 1\nstatus: a\nschema:\n  - name: x\n    propertys: []\n',
      ),
      'x.odcs.yaml',
      'other',
    )
    const typo = await call('POST', '/projects/other/apply', {
      text: 'project: other\ndatasets:\n  x: { contract: x.odcs.yaml }\n',
      files: [bad],
    })
    expect(typo.body.error?.message).toMatch(/^x\.odcs\.yaml:8:\d+: `propertys`/)
  })

  test('the search box finds datasets by a part of their name, whatever its case, and takes % as a letter', async () => {
    expect((await datasetSearch(app.ctx, 'eath', undefined)).map((hit) => hit.name)).toEqual(['weather'])
    expect(await datasetSearch(app.ctx, 'w%r', undefined)).toEqual([])
    expect(await datasetSearch(app.ctx, 'weather', 'other')).toEqual([])
  })

  test('each commit is in the lineage of its version', async () => {
    const first = await version('plain', 1)
    const { body } = await call<{
      edges: { from: string; relation: string; to: string }[]
      nodes: { label: string }[]
    }>('GET', `/projects/flights/lineage?kind=dataset_version&id=${first.id}`)
    expect(body.edges).toMatchObject([
      { from: 'person:usr_test', relation: 'authored', to: `dataset_version:${first.id}` },
    ])
    expect(body.nodes[0]?.label).toBe('plain v1')
  })

  test('275 daily commits stay quick, and counting them stays cheap', async () => {
    const parquet = join(app.home, 'day.parquet')
    await writeParquet(
      "SELECT range AS flight_id, range % 4 = 0 AS late, TIMESTAMP '2013-04-01' AS available_at FROM range(900)",
      parquet,
      { readable: [] },
    )
    const bytes = readFileSync(parquet)
    const file = await upload(bytes, 'day.parquet')
    const started = performance.now()
    for (let day = 1; day <= 275; day++)
      await commit('outcomes', {
        files: [{ ...file, path: `day-${String(day).padStart(3, '0')}.parquet` }],
        mode: 'append',
      })
    const perCommitMs = (performance.now() - started) / 275
    const counting = performance.now()
    await app.runLoop('datasets')
    console.log(
      `${database.name}: ${perCommitMs.toFixed(1)} ms a commit, counted in ${(performance.now() - counting).toFixed(0)} ms`,
    )
    expect(await version('outcomes', 275)).toMatchObject({ files: 275, rows: 275 * 900, newRows: 900 })
    expect(perCommitMs).toBeLessThan(200)
  }, 120_000)
})
