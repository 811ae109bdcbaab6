import { spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createClient } from '@kiban/client'
import type { Client } from '@kiban/client'
import type { PipelineRunDetail } from '@kiban/contract/pipelines'
import { freePort } from '@kiban/testkit/app'
import { testDatabases } from '@kiban/testkit/database'

// Two servers with homes of their own on one PostgreSQL and one folder of blobs; one of them is killed in the middle of the work.

const ROOT = resolve(import.meta.dirname, '../..')
const PARTS = [1, 2, 3, 4]
const P = { project: 'shared' } as const
const postgres = testDatabases().find((database) => database.name === 'postgres')

type Server = { readonly name: string; readonly process: ChildProcess; readonly client: Client }

describe.skipIf(!postgres)('two servers on one PostgreSQL', () => {
  let folder: string
  let database: { url: string; drop(): Promise<void> } | undefined
  const servers: Server[] = []
  const starts = () => join(folder, 'starts')

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'kiban-two-'))
    mkdirSync(starts())
    database = await postgres?.fresh()
    // Both at once on an empty database: one of them migrates.
    servers.push(...(await Promise.all(['first', 'second'].map((name) => startServer(name)))))
  })
  afterAll(async () => {
    for (const server of servers)
      if (server.process.exitCode === null && server.process.signalCode === null) await end(server, 'SIGTERM')
    await database?.drop()
    rmSync(folder, { recursive: true, force: true })
  })

  test('share one project: what one is told, the other knows', async () => {
    const [first, second] = both()
    await first.createProject({ name: 'shared' })
    const orders = await upload(second, 'orders.csv', Buffer.from('shop,price\nnorth,2\nsouth,3\nnorth,5\n'))
    await second.commitDatasetVersion({ ...P, dataset: 'orders', files: [orders] })
    const text = readFileSync(join(import.meta.dirname, 'postgres/kiban.yaml'), 'utf8').replaceAll('@STARTS@', starts())
    await first.applyProject({ ...P, text, files: [] })
    expect((await second.listPipelines(P)).pipelines.map((pipeline) => pipeline.name)).toEqual(['make'])
    await until(
      async () => (await first.getDataset({ ...P, dataset: 'orders' })).newestUsable?.number === 1,
      'the version is usable',
    )
  })

  test('each take work, every step runs once, and what is published is published once', async () => {
    const [first, second] = both()
    const run = await ended(second, (await first.startPipelineRun({ ...P, pipeline: 'make' })).id)
    expect(faults(run)).toEqual([])
    expect(startCounts()).toEqual(Object.fromEntries([...PARTS.map((part) => [`wait${part}`, 1]), ['publish', 1]]))
    expect((await second.listDatasetVersions({ ...P, dataset: 'result' })).versions).toHaveLength(1)
    const rows = await first.previewDatasetVersion({ ...P, dataset: 'result', version: 'usable' })
    expect(rows.rows.map(String).toSorted()).toEqual(['north,7', 'south,3'])
  })

  test('one killed in the middle leaves its work to the other: all of it runs, and counts once', async () => {
    rmSync(starts(), { recursive: true })
    mkdirSync(starts())
    const { id } = await both()[1].startPipelineRun({ ...P, pipeline: 'make', noCache: true })
    await until(async () => readdirSync(starts()).length >= 2, 'two steps began')
    // The one that dies is one that has work.
    const jobs = (await both()[1].getPipelineRun({ ...P, run: id })).steps
      .filter((step) => step.state === 'running')
      .flatMap((step) => step.jobId ?? [])
    const killed = servers.find((server) => jobs.some((job) => existsSync(join(folder, server.name, 'jobs', job))))
    const left = servers.find((server) => server !== killed)
    if (!killed || !left) throw new Error('two servers were started, and one of them runs a step')
    await end(killed, 'SIGKILL')
    const second = left.client
    const run = await ended(second, id)
    expect(faults(run)).toEqual([])
    expect(run.steps.flatMap((step) => step.outputs['part']?.value ?? []).toSorted()).toEqual(PARTS)
    // Its environment was built in a home that may be the dead one's.
    expect(run.steps.find((step) => step.name === 'python')?.outputs['version']?.value).toBe('1.16.0')
    expect(existsSync(join(folder, left.name, 'environments'))).toBe(true)
    const counts = startCounts()
    expect(Object.keys(counts).toSorted()).toEqual(['publish', ...PARTS.map((part) => `wait${part}`)])
    // What ran under the dead server is begun again, at most once more; nothing else is.
    expect(Math.max(...Object.values(counts))).toBe(2)
    expect(counts['publish']).toBe(1)
    expect((await second.listPipelineRuns(P)).runs).toHaveLength(2)
    expect((await second.verifyAudit()).faults).toEqual([])
  })

  function both(): [Client, Client] {
    const [first, second] = servers
    if (!first || !second) throw new Error('two servers were started')
    return [first.client, second.client]
  }

  function startCounts(): Record<string, number> {
    return Object.fromEntries(
      readdirSync(starts()).map((name) => [name, readFileSync(join(starts(), name), 'utf8').split('\n').length - 1]),
    )
  }

  async function startServer(name: string): Promise<Server> {
    const port = await freePort()
    const process_ = spawn(
      process.execPath,
      ['--disable-warning=ExperimentalWarning', join(ROOT, 'apps/server/src/main.ts')],
      {
        cwd: ROOT,
        env: {
          ...process.env,
          KIBAN_HOME: join(folder, name),
          KIBAN_DATABASE_URL: database?.url,
          KIBAN_BLOBS_URL: `file:${join(folder, 'blobs')}`,
          KIBAN_PORT: String(port),
          KIBAN_GRPC_PORT: String(await freePort()),
          KIBAN_INFERENCE_PORT: String(await freePort()),
          KIBAN_LOG_LEVEL: 'warn',
        },
        stdio: ['ignore', 'inherit', 'inherit'],
      },
    )
    const client = createClient({ url: `http://127.0.0.1:${port}` })
    await until(async () => {
      if (process_.exitCode !== null) throw new Error(`the server ${name} ended with status ${process_.exitCode}`)
      return client.listProjects().then(
        () => true,
        () => false,
      )
    })
    return { name, process: process_, client }
  }
})

/** Steps that did not succeed, with why. */
function faults(run: PipelineRunDetail): string[] {
  return run.steps
    .filter((step) => step.state !== 'succeeded')
    .map((step) => `${step.name}[${step.item}] ${step.state}: ${step.message}`)
}

async function ended(client: Client, run: string): Promise<PipelineRunDetail> {
  let found = await client.getPipelineRun({ ...P, run })
  await until(async () => {
    found = await client.getPipelineRun({ ...P, run })
    return found.endedAt !== null
  }).catch((error: unknown) => {
    throw new Error(`the run goes on: ${faults(found).join('; ')}`, { cause: error })
  })
  return found
}

async function upload(client: Client, path: string, bytes: Buffer) {
  const hash = createHash('sha256').update(bytes).digest('hex')
  await client.putBlob({ ...P, sha256: hash, body: bytes })
  return { path, hash, sizeBytes: bytes.length }
}

async function until(holds: () => Promise<boolean>, what = 'the server is up'): Promise<void> {
  const deadline = Date.now() + 60_000
  while (!(await holds())) {
    if (Date.now() > deadline) throw new Error(`waited in vain: ${what}`)
    await new Promise((done) => setTimeout(done, 100))
  }
}

async function end(server: Server, signal: NodeJS.Signals): Promise<void> {
  const gone = new Promise((done) => server.process.once('exit', done))
  server.process.kill(signal)
  await gone
}
