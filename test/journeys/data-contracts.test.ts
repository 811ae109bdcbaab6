import { spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { createHash } from 'node:crypto'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createClient } from '@kiban/client'
import type { Client } from '@kiban/client'
import type { DatasetVersion } from '@kiban/contract/datasets'
import type { ManifestFile } from '@kiban/contract/primitives'
import { freePort } from '@kiban/testkit/app'

// A year of flights and weather goes through a real server, which is killed in the middle of it.

const ROOT = join(import.meta.dirname, '../..')
const EXAMPLE = join(ROOT, 'examples/flights')
const PROJECT = 'flights'

let home: string
let server: ChildProcess
let client: Client
let env: Record<string, string>

async function start(): Promise<void> {
  server = spawn(process.execPath, [join(ROOT, 'apps/server/src/main.ts')], {
    env: { ...process.env, ...env },
    stdio: 'ignore',
  })
  const deadline = Date.now() + 60_000
  for (;;) {
    const ready = await fetch(`http://127.0.0.1:${env['KIBAN_PORT']}/api/v1/projects`)
      .then((response) => response.ok)
      .catch(() => false)
    if (ready) return
    if (Date.now() > deadline || server.exitCode !== null)
      throw new Error(`the server did not start (exit status ${server.exitCode})`)
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
}

async function stop(signal: NodeJS.Signals): Promise<void> {
  if (server.exitCode !== null || server.signalCode !== null) return
  const ended = new Promise((resolve) => server.once('exit', resolve))
  server.kill(signal)
  await ended
}

beforeAll(async () => {
  home = mkdtempSync(join(tmpdir(), 'kiban-data-'))
  const [http, grpc, inference] = await Promise.all([freePort(), freePort(), freePort()])
  env = {
    KIBAN_HOME: home,
    KIBAN_PORT: String(http),
    KIBAN_GRPC_PORT: String(grpc),
    KIBAN_INFERENCE_PORT: String(inference),
    KIBAN_LOG_LEVEL: 'error',
  }
  await start()
  client = createClient({ url: `http://127.0.0.1:${http}` })
})

afterAll(async () => {
  await stop('SIGTERM')
  rmSync(home, { recursive: true, force: true })
})

async function upload(file: string, path: string): Promise<ManifestFile> {
  const bytes = readFileSync(join(EXAMPLE, file))
  const hash = createHash('sha256').update(bytes).digest('hex')
  const { missing } = await client.listMissingBlobs({ project: PROJECT, hashes: [hash] })
  if (missing.length > 0) await client.putBlob({ project: PROJECT, sha256: hash, body: new Uint8Array(bytes) })
  return { path, hash, sizeBytes: bytes.length }
}

const month = (dataset: string, n: number) =>
  upload(
    `data/${dataset}-2013-${String(n).padStart(2, '0')}.parquet`,
    `${dataset}-2013-${String(n).padStart(2, '0')}.parquet`,
  )

async function settled(dataset: string, number: number): Promise<DatasetVersion> {
  const deadline = Date.now() + 120_000
  for (;;) {
    const version = await client.getDatasetVersion({ project: PROJECT, dataset, version: String(number) })
    if (version.state !== 'checking') return version
    if (Date.now() > deadline) throw new Error(`version ${number} of ${dataset} is still being checked`)
    await new Promise((resolve) => setTimeout(resolve, 200))
  }
}

test('a project file gives two datasets their contracts', async () => {
  await client.createProject({ name: PROJECT })
  const text =
    'project: flights\ndatasets:\n  flights: { contract: flights.odcs.yaml }\n  weather: { contract: weather.odcs.yaml }\n'
  const files = [
    await upload('flights.odcs.yaml', 'flights.odcs.yaml'),
    await upload('weather.odcs.yaml', 'weather.odcs.yaml'),
  ]
  const revision = await client.applyProject({ project: PROJECT, text, files })
  expect(revision.changes.map((change) => `${change.kind} ${change.name}`)).toEqual([
    'create flights',
    'create weather',
  ])
  const { contract } = await client.getDatasetContract({ project: PROJECT, dataset: 'flights' })
  expect(contract?.text).toContain('cancelled_of_day')
})

test('eleven months are committed, the server is killed, and every check is finished after the restart', async () => {
  for (const dataset of ['flights', 'weather']) {
    const files = []
    for (let n = 1; n <= 11; n++) files.push(await month(dataset, n))
    await client.commitDatasetVersion({ project: PROJECT, dataset, files, message: 'January to November' })
  }
  await stop('SIGKILL')
  await start()
  expect(await settled('flights', 1)).toMatchObject({ state: 'warned', rows: 308_641 })
  expect(await settled('weather', 1)).toMatchObject({ state: 'quarantined', quarantine: { values: 1, rows: 0 } })
})

test('December arrives, and all of 2013 breaks exactly what is known', async () => {
  for (const dataset of ['flights', 'weather'])
    await client.commitDatasetVersion({
      project: PROJECT,
      dataset,
      files: [await month(dataset, 12)],
      mode: 'append',
      message: 'December',
    })
  expect(await settled('flights', 2)).toMatchObject({ state: 'warned', rows: 336_776, newRows: 28_135 })
  expect(await settled('weather', 2)).toMatchObject({ state: 'quarantined', rows: 26_115 })
  const violations = async (dataset: string) => {
    const { results } = await client.getDatasetChecks({ project: PROJECT, dataset, version: 'latest' })
    return Object.fromEntries(
      results.filter((result) => result.violations > 0).map((result) => [result.rule, result.violations]),
    )
  }
  expect(await violations('flights')).toEqual({
    distance_plausible: 1,
    dep_time_on_the_clock: 29,
    arr_time_on_the_clock: 150,
    cancelled_of_day: 17,
    dest_seen_before: 971,
  })
  expect(await violations('weather')).toEqual({ wind_speed_possible: 1, hours_of_day: 6, local_hour_unique: 3 })
})

test('a file of other columns is blocked, says why, and the version before stays in use', async () => {
  const wrong = { ...(await month('weather', 12)), path: 'flights-2014-01.parquet' }
  await client.commitDatasetVersion({
    project: PROJECT,
    dataset: 'flights',
    files: [wrong],
    mode: 'replace',
    message: 'the wrong file',
  })
  const blocked = await settled('flights', 3)
  expect(blocked.state).toBe('blocked')
  expect(blocked.stateReason).toMatch(
    /^columns \(columns and types as described\): \d+ columns, first column=carrier expected=string found=null/,
  )
  const dataset = await client.getDataset({ project: PROJECT, dataset: 'flights' })
  expect(dataset.newestUsable?.number).toBe(2)
  expect(dataset.latest?.number).toBe(3)
})

test('the changes are in the audit trail and the lineage', async () => {
  const latest = await client.getDatasetVersion({ project: PROJECT, dataset: 'flights', version: 'usable' })
  const graph = await client.getLineage({ project: PROJECT, kind: 'dataset_version', id: latest.id })
  expect(graph.edges.map((edge) => edge.relation)).toEqual(['authored'])
  expect(graph.nodes.find((node) => node.id === latest.id)?.label).toBe('flights v2')
})

test('the profile of 336,776 flights takes seconds and adds up', async () => {
  const profile = await client.getDatasetProfile({ project: PROJECT, dataset: 'flights', version: 'usable' })
  expect(profile.rows).toBe(336_776)
  const nulls = Object.fromEntries(profile.columns.map((column) => [column.name, column.nulls]))
  expect(nulls).toMatchObject({ dep_time: 8_255, arr_time: 8_713, arr_delay: 9_430, tailnum: 2_512 })
  expect(profile.durationMs).toBeLessThan(30_000)
})
