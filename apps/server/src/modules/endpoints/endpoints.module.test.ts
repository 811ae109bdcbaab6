import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { parseProjectFile } from '@kiban/contract/project-file'
import type { EndpointDetail, EndpointSeries, Prediction, Rollout } from '@kiban/contract/endpoints'
import { inTransaction } from '@kiban/kit/context'
import { AppError } from '@kiban/kit/errors'
import { putManifest } from '@kiban/kit/manifests'
import { startTestApp } from '@kiban/testkit/app'
import type { TestApp } from '@kiban/testkit/app'
import { testDatabases } from '@kiban/testkit/database'
import { classifierModel, failingModel, linearModel } from '@kiban/testkit/onnx-model'
import { audit } from '../audit/index.ts'
import { lineageModule } from '../lineage/index.ts'
import { projects } from '../projects/index.ts'
import { applyEndpoints } from './apply-endpoints.ts'
import { endpointSearch, endpointsLineage, endpointsModule, findEndpoint, predictionFiles } from './index.ts'
import { planeOf } from './inference-plane.ts'
import type { ModelRegistry } from './model-versions.ts'
import type { TargetVersion } from './start-rollout.ts'

/** A registry of one model whose aliases a test moves by hand. */
class TestRegistry implements ModelRegistry {
  readonly versions: TargetVersion[] = []
  readonly aliases = new Map<string, string>()
  readonly takenBack: string[] = []

  async resolveModel(_ctx: unknown, _project: string, uri: string): Promise<TargetVersion> {
    const id = this.aliases.get(uri.split('@')[1] ?? '')
    const version = this.versions.find((each) => each.id === id)
    if (!version) throw new AppError('alias_not_found', { message: `${uri} names no version.` })
    return version
  }

  async setAlias(_ctx: unknown, move: { versionId: string; alias: string; expected: string }): Promise<void> {
    if (this.aliases.get(move.alias) !== move.expected) throw new AppError('alias_moved', { message: 'moved' })
    this.aliases.set(move.alias, move.versionId)
  }

  async markRolledBack(_ctx: unknown, versionId: string): Promise<void> {
    this.takenBack.push(versionId)
  }
}

let app: TestApp
let registry: TestRegistry
const base = '/api/v1/projects/flights/endpoints/delay'

async function call<T>(method: string, path: string, body?: unknown): Promise<{ status: number; body: T }> {
  const response = await fetch(app.url + path, {
    method,
    ...(body === undefined ? {} : { headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) }),
  })
  const text = await response.text()
  return { status: response.status, body: (text === '' ? null : JSON.parse(text)) as T }
}

async function register(onnx: Buffer): Promise<TargetVersion> {
  const blob = await app.ctx.platform.blobs.put(onnx)
  const manifest = await putManifest(app.ctx.platform.blobs, [{ path: 'model.onnx', ...blob }])
  const number = registry.versions.length + 1
  const version = { id: `mv_${number}`, name: 'delay', number, manifest }
  registry.versions.push(version)
  return version
}

async function apply(yaml: string): Promise<void> {
  const parsed = parseProjectFile(
    `project: flights\nmodels:\n  delay: { task: regression, target: y, key: [flight_id], timestamp: sched }\n${yaml}`,
    { path: 'kiban.yaml' },
  )
  if (!('file' in parsed) || !parsed.file) throw new Error(JSON.stringify(parsed.errors))
  await inTransaction(app.ctx, (ctx) =>
    applyEndpoints(ctx, { project: 'flights', file: parsed.file, previous: null, codeManifest: '', revisionId: 'rev' }),
  )
}

/** Runs the loop until the endpoint is as wanted. */
async function until(is: (endpoint: EndpointDetail) => boolean): Promise<EndpointDetail> {
  for (let i = 0; i < 60; i++) {
    await app.runLoop('endpoints')
    const { body } = await call<EndpointDetail>('GET', base)
    if (is(body)) return body
  }
  throw new Error(`not reached: ${JSON.stringify((await call('GET', base)).body)}`)
}

const runs = (number: number) => (endpoint: EndpointDetail) =>
  endpoint.state === 'ready' &&
  endpoint.traffic.some((each) => each.role === 'running' && each.version.number === number)

async function predict(count: number, x = 1): Promise<Record<string, number>> {
  const seen: Record<string, number> = {}
  for (let i = 0; i < count; i++) {
    const answer = await call<{ model_version: string }>('POST', '/projects/flights/v2/models/delay/infer', {
      inputs: [
        { name: 'x', shape: [1, 1], datatype: 'FP32', data: [x] },
        { name: 'flight_id', shape: [1], datatype: 'BYTES', data: [`f${i}`] },
      ],
    })
    const key = answer.status === 200 ? answer.body.model_version : String(answer.status)
    seen[key] = (seen[key] ?? 0) + 1
  }
  return seen
}

const canary = (more = '') =>
  `endpoints:\n  delay: { model: "models:/delay@production", rollout: { strategy: canary, steps: [50, 100], bake: 1m, minRequests: 20${more} } }\n`

async function setClock(ms: number): Promise<void> {
  const answer = await call('PUT', '/api/v1/projects/flights/clock', { mode: 'replay', now: ms })
  expect(answer.status).toBe(200)
}

describe.each(testDatabases())('endpoints on $name', (database) => {
  let drop: () => Promise<void>
  beforeAll(async () => {
    const fresh = await database.fresh()
    drop = () => fresh.drop()
    registry = new TestRegistry()
    app = await startTestApp({
      modules: [projects, audit, lineageModule([endpointsLineage]), endpointsModule(registry)],
      databaseUrl: fresh.url,
    })
    await call('POST', '/api/v1/projects', { name: 'flights', title: 'Flights' })
  })
  afterAll(async () => {
    await app.close()
    await drop()
  })

  describe('an endpoint', () => {
    test('without a version says why, and answers 404 on both ports', async () => {
      await apply(canary())
      const endpoint = await until((each) => each.reason !== null)
      expect(endpoint).toMatchObject({ state: 'pending', reason: expect.stringContaining('names no version') })
      expect((await predict(1))['404']).toBe(1)
      expect((await call('GET', `${base}/openapi`)).status).toBe(409)
    })

    test('serves the version its alias names, on the port of the server and of the data plane', async () => {
      const v1 = await register(linearModel([1], 0))
      registry.aliases.set('production', v1.id)
      const endpoint = await until(runs(1))
      expect(endpoint.signature).toMatchObject({
        inputs: [{ name: 'x', datatype: 'FP32', shape: [-1, 1] }],
        key: ['flight_id'],
        timestamp: 'sched',
      })
      expect(await predict(5)).toEqual({ '1': 5 })
      const fast = await fetch(endpoint.urls.fast, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify(endpoint.example?.request),
      })
      expect(await fast.json()).toMatchObject({ model_version: '1', outputs: [{ name: 'y' }] })
      const rows = await fetch(endpoint.urls.rows, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ rows: [endpoint.example?.row] }),
      })
      expect(rows.status).toBe(200)
    })

    test('is found by a part of its name, and by other modules', async () => {
      expect((await endpointSearch(app.ctx, 'ela', 'flights')).map((hit) => hit.path)).toEqual([
        '/p/flights/endpoints/delay',
      ])
      expect(await endpointSearch(app.ctx, 'd%y', undefined)).toEqual([])
      expect(await findEndpoint(app.ctx, 'flights', 'delay')).toMatchObject({ model: 'models:/delay@production' })
      expect(await findEndpoint(app.ctx, 'flights', 'other')).toBeNull()
    })

    test('describes its calls', async () => {
      const openapi = await call<{ paths: object }>('GET', `${base}/openapi`)
      expect(Object.keys(openapi.body.paths)).toEqual([
        '/projects/flights/v2/models/delay/rows',
        '/projects/flights/v2/models/delay/infer',
      ])
      const snippets = await call<{ items: { language: string }[] }>('GET', `${base}/snippets`)
      expect(snippets.body.items.map((each) => each.language)).toContain('tritonclient')
    })

    test('a canary takes its steps by the project’s clock and ends with all traffic', async () => {
      await setClock(Date.UTC(2013, 3, 1))
      const v2 = await register(linearModel([2], 0))
      registry.aliases.set('production', v2.id)
      const baking = await until((each) => each.rollout?.state === 'baking')
      expect(baking.traffic.map((each) => [each.role, each.version.number, each.weight])).toEqual([
        ['candidate', 2, 50],
        ['running', 1, 50],
      ])
      const seen = await predict(80)
      expect(seen['1']).toBeGreaterThan(15)
      expect(seen['2']).toBeGreaterThan(20)
      await app.runLoop('endpoints')
      expect((await call<EndpointDetail>('GET', base)).body.rollout).toMatchObject({ step: 1, stepRequests: seen['2'] })
      await setClock(Date.UTC(2013, 3, 1, 0, 2))
      const second = await until((each) => each.rollout?.step === 2)
      expect(second.rollout?.judge.map((look) => look.verdict)).not.toContain('worse')
      expect(await predict(30)).toEqual({ '2': 30 })
      await setClock(Date.UTC(2013, 3, 1, 0, 4))
      await until(runs(2))
      const done = (await call<{ items: Rollout[] }>('GET', `${base}/rollouts`)).body.items[0]
      expect(done).toMatchObject({ state: 'done', from: { number: 1 }, to: { number: 2 } })
      expect(done?.events.map((event) => event.to)).toEqual(['loading', 'baking', 'baking', 'promoting', 'done'])
      const lineage = await call<{ edges: { relation: string }[] }>(
        'GET',
        `/api/v1/projects/flights/lineage?kind=endpoint&id=${second.id}`,
      )
      expect(lineage.status).toBe(200)
      expect(lineage.body.edges.map((edge) => edge.relation)).toEqual(['deployed_as', 'deployed_as'])
    })

    test('a version that fails is rolled back; the old one answered in its place and nobody saw an error', async () => {
      const v3 = await register(failingModel())
      registry.aliases.set('production', v3.id)
      await until((each) => each.rollout?.state === 'baking')
      expect(await predict(60, 7)).toEqual({ '2': 60 })
      await app.runLoop('endpoints')
      await setClock(Date.UTC(2013, 3, 1, 0, 10))
      const after = await until((each) => each.rollout === null)
      expect(after.traffic.filter((each) => each.weight > 0).map((each) => each.version.number)).toEqual([2])
      expect(registry.aliases.get('production')).toBe('mv_2')
      expect(registry.takenBack).toEqual(['mv_3'])
      const [rollout] = (await call<{ items: Rollout[] }>('GET', `${base}/rollouts`)).body.items
      expect(rollout).toMatchObject({
        state: 'rolled_back',
        cause: 'worse',
        message: expect.stringMatching(/error_rate is worse/),
      })
      expect(await predict(5)).toEqual({ '2': 5 })
      await until(runs(2))
    })

    test('a version that cannot be loaded never gets a request', async () => {
      const v4 = await register(Buffer.from('this is no model'))
      registry.aliases.set('production', v4.id)
      const after = await until((each) => each.state === 'degraded')
      expect(after.reason).toMatch(/^Version 4: /)
      expect(await predict(5)).toEqual({ '2': 5 })
      registry.aliases.set('production', 'mv_2')
      await until(runs(2))
    })

    test('a person pauses, resumes, aborts and promotes; without a roll-out that is a 409', async () => {
      expect((await call('POST', `${base}/rollout/pause`, {})).status).toBe(409)
      const v5 = await register(linearModel([5], 0))
      registry.aliases.set('production', v5.id)
      await until((each) => each.rollout?.state === 'baking')
      expect((await call<Rollout>('POST', `${base}/rollout/pause`, { reason: 'lunch' })).body).toMatchObject({
        state: 'paused',
        message: 'Test: lunch',
      })
      await setClock(Date.UTC(2013, 3, 2))
      await app.runLoop('endpoints')
      expect((await call<Rollout>('POST', `${base}/rollout/resume`, {})).body.state).toBe('baking')
      expect((await call<Rollout>('POST', `${base}/rollout/promote`, {})).body.state).toBe('promoting')
      await until(runs(5))
    })

    test('goes back after a roll-out is done, at once, and the alias with it', async () => {
      const back = await call<Rollout>('POST', `${base}/rollback`, { reason: 'complaints' })
      expect(back.body).toMatchObject({ strategy: 'all_at_once', from: { number: 5 }, to: { number: 2 } })
      await until(runs(2))
      expect(registry.aliases.get('production')).toBe('mv_2')
      expect(await predict(3)).toEqual({ '2': 3 })
    })

    test('pauses when there are too few requests within the longest bake', async () => {
      await apply(canary(', maxBake: 2m'))
      registry.aliases.set('production', 'mv_1')
      await until((each) => each.rollout?.state === 'baking')
      await setClock(Date.UTC(2013, 3, 3))
      const paused = await until((each) => each.rollout?.state === 'paused')
      expect(paused.rollout).toMatchObject({
        cause: 'not_enough',
        message: expect.stringMatching(/^Only 0 of 20 requests/),
      })
      await call('POST', `${base}/rollout/abort`, {})
      await until(runs(2))
    })

    test('keeps every request in the live numbers and the series', async () => {
      const endpoint = (await call<EndpointDetail>('GET', base)).body
      expect(endpoint.live?.totalRequests).toBeGreaterThan(180)
      expect(endpoint.live?.p95Ms).toBeGreaterThan(0)
      const series = (await call<EndpointSeries>('GET', `${base}/series?lastMs=600000`)).body
      const counted = series.versions.flatMap((each) => each.points).reduce((sum, point) => sum + point.requests, 0)
      expect(counted).toBeGreaterThanOrEqual(endpoint.live?.totalRequests ?? Number.NaN)
    })
  })

  describe('the prediction log', () => {
    test('becomes Parquet segments; every prediction is found by its id, once', async () => {
      const endpoint = (await call<EndpointDetail>('GET', base)).body
      const given: string[] = []
      for (let i = 0; i < 10; i++) {
        const answer = await call<{ predictions: { id: string }[] }>('POST', '/projects/flights/v2/models/delay/rows', {
          rows: [{ x: i, flight_id: `key${i}`, sched: '2013-05-01T10:00:00Z' }],
        })
        given.push(...answer.body.predictions.map((each) => each.id))
      }
      const page = (
        await call<{ items: Prediction[]; nextCursor: string | null }>('GET', `${base}/predictions?limit=4`)
      ).body
      expect(page.items.map((each) => each.key)).toEqual(['key9', 'key8', 'key7', 'key6'])
      expect(page.items[0]).toMatchObject({
        prediction: 18,
        features: { x: 9, flight_id: 'key9' },
        version: { number: 2 },
        status: 'ok',
        eventTime: Date.UTC(2013, 4, 1, 10),
        output: { y: 18 },
      })
      const more = (await call<{ items: Prediction[] }>('GET', `${base}/predictions?limit=4&cursor=${page.nextCursor}`))
        .body
      expect(more.items.map((each) => each.key)).toEqual(['key5', 'key4', 'key3', 'key2'])
      expect((await call<{ items: Prediction[] }>('GET', `${base}/predictions?key=key3`)).body.items).toHaveLength(1)
      expect((await call<Prediction>('GET', `/api/v1/projects/flights/predictions/${given[4]}`)).body).toMatchObject({
        id: given[4],
        key: 'key4',
      })
      expect((await call('GET', '/api/v1/projects/flights/predictions/pred_nothing')).status).toBe(404)
      const files = await predictionFiles(app.ctx, endpoint.id, {
        fromMs: Date.UTC(2013, 4, 1),
        toMs: Date.UTC(2013, 4, 2),
      })
      expect(files.length).toBeGreaterThan(0)
      const open = join(app.home, 'predictions', 'open', endpoint.id)
      expect(readdirSync(open)).toEqual([])
    })

    test('shows the features of the last row as the example', async () => {
      expect((await call<EndpointDetail>('GET', base)).body.example?.row).toMatchObject({ x: 9, flight_id: 'key9' })
    })
  })

  describe('the data plane', () => {
    test('is started again when it dies, and serves the same', async () => {
      const before = await planeOf(app.ctx.platform).stats()
      process.kill(before.pid, 'SIGKILL')
      await until((each) => each.state === 'ready')
      const after = await planeOf(app.ctx.platform).stats()
      expect(after.pid).not.toBe(before.pid)
      expect(await predict(3)).toEqual({ '2': 3 })
    })

    test('leaves what the file no longer names', async () => {
      await apply('endpoints: {}\n')
      await app.runLoop('endpoints')
      expect((await call<EndpointDetail>('GET', base)).body.state).toBe('archived')
      expect((await predict(1))['404']).toBe(1)
    })
  })

  test('a classifier with text columns is served by rows through the server', async () => {
    const version = await register(
      classifierModel({ categories: { carrier: ['AA', 'UA'] }, numbers: ['distance'], weights: [1, 0.01], bias: 0 }),
    )
    registry.aliases.set('production', version.id)
    await apply('endpoints:\n  delay: { model: "models:/delay@production" }\n')
    await until(runs(version.number))
    const answer = await call<{ predictions: object[] }>('POST', '/projects/flights/v2/models/delay/rows', {
      rows: [{ carrier: 'UA', distance: null }],
    })
    expect(answer.body.predictions).toEqual([
      { id: expect.any(String), label: 1, probabilities: [expect.closeTo(0.1192, 3), expect.closeTo(0.8808, 3)] },
    ])
  })
})
