import { spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { createHash } from 'node:crypto'
import { mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { createClient } from '@kiban/client'
import type { Client } from '@kiban/client'
import type { PipelineRunDetail } from '@kiban/contract/pipelines'
import { freePort } from '@kiban/testkit/app'

const ROOT = resolve(import.meta.dirname, '../..')
const PROJECT = join(import.meta.dirname, 'kill-server')
const KILLS = 7
/** Another seed, other moments: `KIBAN_KILL_SEED=42`. */
const SEED = Number(process.env['KIBAN_KILL_SEED'] ?? 20_131_121)
const RUN_KEY = 'the only run'

const homes: string[] = []
const servers = new Set<ChildProcess>()
afterAll(() => {
  for (const server of servers) server.kill('SIGKILL')
  for (const home of homes) rmSync(home, { recursive: true, force: true })
})

test(`a server killed at ${KILLS} random moments ends where an undisturbed one does (seed ${SEED})`, async () => {
  const calm = await live([])
  const random = randomOf(SEED)
  const killed = await live(Array.from({ length: KILLS }, () => Math.round(150 + random() * 3500)))
  expect(calm.steps.filter((step) => step.state !== 'succeeded')).toEqual([])
  expect(killed).toEqual(calm)
  // Each step ran once, the flaky one twice, and what is published was published once.
  expect(Object.fromEntries(calm.starts)).toEqual({
    check: 1,
    fan_a: 1,
    fan_b: 1,
    fan_c: 1,
    flaky: 2,
    publish: 1,
    search: 4,
    slow: 1,
  })
  expect(calm).toMatchObject({ state: 'succeeded', versions: 1, runs: 1 })
})

/** A home's whole life: apply, run, be killed after each of `moments` (ms from a server's start), and end. What counts of the end. */
async function live(moments: readonly number[]) {
  const home = mkdtempSync(join(tmpdir(), 'kiban-kill-'))
  homes.push(home)
  const starts = join(home, 'starts')
  mkdirSync(starts)
  const port = await freePort()
  const client = createClient({ url: `http://127.0.0.1:${port}` })
  const env = {
    KIBAN_HOME: join(home, 'home'),
    KIBAN_PORT: String(port),
    KIBAN_GRPC_PORT: String(await freePort()),
    KIBAN_INFERENCE_PORT: String(await freePort()),
  }
  let server = startServer(env)
  await ready(client, server)
  await prepare(client, starts)
  const { id } = await client.startPipelineRun({ project: 'kill', pipeline: 'make', idempotencyKey: RUN_KEY })
  for (const moment of moments) {
    await new Promise((done) => setTimeout(done, moment))
    server.kill('SIGKILL')
    await new Promise((done) => server.once('exit', done))
    server = startServer(env)
  }
  await ready(client, server)
  // Asked again with its key, as a client does that did not hear the answer.
  expect((await client.startPipelineRun({ project: 'kill', pipeline: 'make', idempotencyKey: RUN_KEY })).id).toBe(id)
  const run = await ended(client, id)
  const result = await outcome(client, run, starts)
  await stop(server)
  return result
}

async function prepare(client: Client, starts: string): Promise<void> {
  await client.createProject({ name: 'kill' })
  const weather = await upload(client, 'weather-2013-01.parquet', readFileSync(weatherFile()))
  await client.commitDatasetVersion({ project: 'kill', dataset: 'weather', files: [weather] })
  const text = readFileSync(join(PROJECT, 'kiban.yaml'), 'utf8').replaceAll('@STARTS@', starts)
  const check = await upload(client, 'check.py', readFileSync(join(PROJECT, 'check.py')))
  await client.applyProject({ project: 'kill', text, files: [check] })
}

async function upload(client: Client, path: string, bytes: Buffer) {
  const hash = createHash('sha256').update(bytes).digest('hex')
  await client.putBlob({ project: 'kill', sha256: hash, body: bytes })
  return { path, hash, sizeBytes: bytes.length }
}

function weatherFile(): string {
  const folder = join(ROOT, 'examples/flights/data')
  const name = readdirSync(folder).find((candidate) => candidate.startsWith('weather'))
  if (!name) throw new Error(`${folder} has no weather`)
  return join(folder, name)
}

/** All that must be the same however often the server died; not ids, times, cache keys. */
async function outcome(client: Client, run: PipelineRunDetail, starts: string) {
  const steps = await Promise.all(
    run.steps.map(async (step) => {
      const job = step.jobId ? await client.getJob({ project: 'kill', id: step.jobId }) : undefined
      const log = step.jobId ? await client.getJobLog({ project: 'kill', id: step.jobId }) : undefined
      return {
        step: `${step.name}[${step.item}]`,
        state: step.state,
        message: step.message,
        outputs: Object.entries(step.outputs).map(([name, { tree, value, published }]) => [
          name,
          tree ?? value,
          published?.number,
        ]),
        // What the sampler suggested is drawn anew for every sweep; that it did so four times is not.
        metrics: step.name === 'search' ? Object.keys(step.metrics) : step.metrics,
        trials: step.sweepId ? await trials(client, step.sweepId) : [],
        attempts: job?.attempts.map((attempt) => attempt.exitCode),
        log: log?.lines,
      }
    }),
  )
  const { versions } = await client.listDatasetVersions({ project: 'kill', dataset: 'result' })
  const { runs } = await client.listPipelineRuns({ project: 'kill' })
  const counts = readdirSync(starts)
    .sort()
    .map((name) => [name, readFileSync(join(starts, name), 'utf8').split('\n').length - 1] as const)
  return {
    state: run.state,
    steps: steps.sort((a, b) => (a.step < b.step ? -1 : 1)),
    starts: counts,
    versions: versions.length,
    runs: runs.length,
  }
}

async function trials(client: Client, sweep: string) {
  const found = await client.listTrials({ project: 'kill', sweep })
  return found.trials.map((trial) => [trial.number, trial.state]).toSorted()
}

async function ended(client: Client, run: string): Promise<PipelineRunDetail> {
  for (;;) {
    const found = await client.getPipelineRun({ project: 'kill', run })
    if (found.endedAt !== null) return found
    await new Promise((done) => setTimeout(done, 200))
  }
}

function startServer(env: Readonly<Record<string, string>>): ChildProcess {
  const argv = ['--disable-warning=ExperimentalWarning', join(ROOT, 'apps/server/src/main.ts')]
  const server = spawn(process.execPath, argv, {
    cwd: ROOT,
    env: { ...process.env, ...env, KIBAN_LOG_LEVEL: 'warn' },
    stdio: ['ignore', 'inherit', 'inherit'],
  })
  servers.add(server)
  server.once('exit', () => servers.delete(server))
  return server
}

async function ready(client: Client, server: ChildProcess): Promise<void> {
  for (;;) {
    if (server.exitCode !== null) throw new Error(`the server ended with status ${server.exitCode}`)
    const up = await client.listProjects().then(
      () => true,
      () => false,
    )
    if (up) return
    await new Promise((done) => setTimeout(done, 50))
  }
}

async function stop(server: ChildProcess): Promise<void> {
  server.kill('SIGTERM')
  await new Promise((done) => server.once('exit', done))
}

/** mulberry32: the same moments for the same seed. */
function randomOf(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let t = Math.imul(state ^ (state >>> 15), 1 | state)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32
  }
}
