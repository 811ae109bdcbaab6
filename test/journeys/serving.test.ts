import { spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createClient } from '@kiban/client'
import type { Client } from '@kiban/client'
import { freePort } from '@kiban/testkit/app'
import { classifierModel, failingModel, linearModel } from '@kiban/testkit/onnx-model'

const ROOT = resolve(import.meta.dirname, '../..')
const PROJECT = 'shop'
const FILE = `project: shop
models:
  price: { task: regression, target: y, key: [order], timestamp: at }
endpoints:
  price:
    model: models:/price@production
    rollout: { strategy: canary, steps: [50, 100], bake: 1s, maxBake: 5m, minRequests: 20 }
`

let env: Record<string, string>
let server: ChildProcess
let client: Client
let home: string

beforeAll(async () => {
  home = mkdtempSync(join(tmpdir(), 'kiban-serving-'))
  const [port, grpc, inference] = await Promise.all([freePort(), freePort(), freePort()])
  env = {
    KIBAN_HOME: join(home, 'home'),
    KIBAN_PORT: String(port),
    KIBAN_GRPC_PORT: String(grpc),
    KIBAN_INFERENCE_PORT: String(inference),
  }
  client = createClient({ url: `http://127.0.0.1:${port}` })
  server = startServer()
  await until(() =>
    client.listProjects().then(
      () => true,
      () => false,
    ),
  )
  await client.createProject({ name: PROJECT })
})
afterAll(async () => {
  if (server.exitCode === null && server.signalCode === null) {
    server.kill('SIGTERM')
    await new Promise((done) => server.once('exit', done))
  }
  rmSync(home, { recursive: true, force: true })
})

test('a model logged with MLflow is registered, promoted, and answers on both ports', async () => {
  await register(linearModel([2], 1))
  await promote(1)
  await client.applyProject({ project: PROJECT, text: FILE, files: [] })
  await until(() => isRunning(1))
  for (const port of ['KIBAN_PORT', 'KIBAN_INFERENCE_PORT']) {
    const answer = await predict(3, port)
    expect(answer).toMatchObject({ status: 200, body: { model_version: '1', predictions: [{ y: 7 }] } })
  }
})

test('the endpoint answers on while the server is killed, and every answered prediction is found when it is back', async () => {
  const given: string[] = []
  let isOver = false
  const failures: unknown[] = []
  const callers = Array.from({ length: 4 }, async () => {
    while (!isOver) {
      const answer = await predict(given.length, 'KIBAN_INFERENCE_PORT').catch((error: unknown) => ({
        status: String(error),
        body: { predictions: [] },
      }))
      if (answer.status === 200) given.push(...answer.body.predictions.map((each) => each.id))
      else failures.push(answer.status)
      await pause(2)
    }
  })
  await pause(500)
  server.kill('SIGKILL')
  await new Promise((done) => server.once('exit', done))
  const atKill = given.length
  await pause(1000)
  expect(given.length).toBeGreaterThan(atKill + 20)
  server = startServer()
  await until(() => isRunning(1))
  isOver = true
  await Promise.all(callers)
  expect(failures).toEqual([])
  const found = new Set<string>()
  let cursor: string | undefined
  do {
    const page = await client.listPredictions({
      project: PROJECT,
      endpoint: 'price',
      limit: 1000,
      ...(cursor === undefined ? {} : { cursor }),
    })
    for (const each of page.items) {
      expect(found.has(each.id)).toBe(false)
      found.add(each.id)
    }
    cursor = page.nextCursor ?? undefined
  } while (cursor !== undefined)
  expect(given.filter((id) => !found.has(id))).toEqual([])
  const live = await client.getEndpoint({ project: PROJECT, endpoint: 'price' })
  await until(
    async () =>
      (await client.getEndpoint({ project: PROJECT, endpoint: 'price' })).live?.totalRequests === given.length + 2,
  )
  expect(live.traffic[0]?.version.number).toBe(1)
})

test('a canary goes through its steps under traffic; a bad one is taken back with its alias and nobody sees an error', async () => {
  await register(linearModel([3], 1))
  await promote(2)
  await whileCalling(() => isRunning(2))
  expect((await client.listRollouts({ project: PROJECT, endpoint: 'price' })).items[0]).toMatchObject({
    state: 'done',
    to: { number: 2 },
  })
  await register(failingModel())
  await promote(3)
  await whileCalling(
    async () => (await client.listRollouts({ project: PROJECT, endpoint: 'price' })).items[0]?.state === 'rolled_back',
  )
  const model = await client.getModel({ project: PROJECT, model: 'price' })
  expect(model.aliases).toContainEqual({ alias: 'production', number: 2 })
  const version = await client.getModelVersion({ project: PROJECT, model: 'price', version: '3' })
  expect(version.state).toBe('rolled_back')
})

test('a prediction leads back to the version that made it', async () => {
  const answer = await predict(5, 'KIBAN_PORT')
  const id = answer.body.predictions[0]?.id ?? ''
  const prediction = await client.getPrediction({ project: PROJECT, prediction: id })
  expect(prediction).toMatchObject({ prediction: 16, version: { number: 2 }, features: { x: 5 } })
  const graph = await client.getLineage({ project: PROJECT, kind: 'prediction', id })
  expect(graph.nodes.map((node) => node.kind)).toEqual(expect.arrayContaining(['deployment', 'model_version', 'run']))
})

test('a classifier with text columns answers after the model of an endpoint changed its inputs', async () => {
  await register(
    classifierModel({ categories: { carrier: ['AA', 'UA'] }, numbers: ['distance'], weights: [1, 0.01], bias: 0 }),
  )
  await promote(4)
  await until(
    async () => (await client.getEndpoint({ project: PROJECT, endpoint: 'price' })).rollout?.state === 'baking',
  )
  // Callers of the old shape are answered by the old version; that counts against the new one.
  await whileCalling(
    async () => (await client.listRollouts({ project: PROJECT, endpoint: 'price' })).items[0]?.state === 'rolled_back',
  )
})

function startServer(): ChildProcess {
  return spawn(process.execPath, [join(ROOT, 'apps/server/src/main.ts')], {
    env: { ...process.env, ...env },
    stdio: 'ignore',
  })
}

async function predict(
  x: number,
  port: string,
): Promise<{ status: number | string; body: { model_version?: string; predictions: { id: string; y: number }[] } }> {
  const response = await fetch(`http://127.0.0.1:${env[port]}/projects/${PROJECT}/v2/models/price/rows`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ rows: [{ x, order: `o${x}` }] }),
  })
  return { status: response.status, body: (await response.json()) as { predictions: { id: string; y: number }[] } }
}

/** Calls the endpoint until `is`; every call must be answered. */
async function whileCalling(is: () => Promise<boolean>): Promise<void> {
  for (let i = 0; i < 4000; i++) {
    expect((await predict(7, 'KIBAN_INFERENCE_PORT')).status).toBe(200)
    if (i % 20 === 0 && (await is())) return
  }
  throw new Error('not reached while calling')
}

async function isRunning(number: number): Promise<boolean> {
  const endpoint = await client.getEndpoint({ project: PROJECT, endpoint: 'price' }).catch(() => undefined)
  return (
    endpoint?.state === 'ready' &&
    endpoint.traffic.some((each) => each.role === 'running' && each.version.number === number)
  )
}

async function mlflow(method: string, path: string, body: unknown): Promise<Record<string, Record<string, string>>> {
  const response = await fetch(`http://127.0.0.1:${env['KIBAN_PORT']}/api/2.0/${path}`, {
    method,
    headers: {
      'x-mlflow-workspace': PROJECT,
      'content-type': body instanceof Uint8Array ? 'application/octet-stream' : 'application/json',
    },
    body: body instanceof Uint8Array ? new Uint8Array(body) : JSON.stringify(body),
  })
  const text = await response.text()
  if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${text}`)
  return JSON.parse(text || '{}') as Record<string, Record<string, string>>
}

/** As an MLflow client does it: a run, its artifact, a registered version. */
async function register(onnx: Buffer): Promise<void> {
  const experiment = await mlflow('POST', 'mlflow/experiments/create', { name: `e${Math.random()}` })
  const experimentId = experiment['experiment_id'] as unknown as string // as the protocol has it
  const run = await mlflow('POST', 'mlflow/runs/create', { experiment_id: experimentId, start_time: Date.now() })
  const runId = run['run']?.['info'] as unknown as { run_id: string }
  await mlflow('PUT', `mlflow-artifacts/artifacts/${experimentId}/${runId.run_id}/artifacts/model/model.onnx`, onnx)
  await mlflow('POST', 'mlflow/registered-models/create', { name: 'price' }).catch(() => undefined)
  await mlflow('POST', 'mlflow/model-versions/create', {
    name: 'price',
    source: `runs:/${runId.run_id}/model`,
    run_id: runId.run_id,
  })
}

async function promote(version: number): Promise<void> {
  await client.promoteModelVersion({
    project: PROJECT,
    model: 'price',
    version: String(version),
    reason: 'the test wants it',
    override: true,
  })
}

async function until(is: () => Promise<boolean>): Promise<void> {
  const deadline = Date.now() + 60_000
  while (Date.now() < deadline) {
    if (await is()) return
    await pause(100)
  }
  throw new Error('not reached within 60 s')
}

function pause(ms: number): Promise<void> {
  return new Promise((done) => setTimeout(done, ms))
}
