import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { classifierModel, failingModel, linearModel, logModel } from '@kiban/testkit/onnx-model'
import { startInferenceProcess } from '@kiban/testkit/inference-process'
import type { InferenceProcess } from '@kiban/testkit/inference-process'

let plane: InferenceProcess
const running = (versionId: string) => [{ name: 'running', versionId, weight: 100 }]
const x = (value: number | null, shape = [1, 1]) => ({
  inputs: [{ name: 'x', shape, datatype: 'FP32', data: [value] }],
})

beforeAll(async () => {
  plane = await startInferenceProcess()
})
afterAll(() => plane.stop())

describe('canary', () => {
  test('a weight of 10 percent gives about a tenth of the requests to the new version, and none twice', async () => {
    const one = plane.addModel('one', linearModel([1], 0))
    const two = plane.addModel('two', linearModel([1], 100))
    await plane.push({ v1a: one, v2a: two }, [
      {
        name: 'canary',
        variants: [
          { name: 'running', versionId: 'v1a', weight: 90 },
          { name: 'candidate', versionId: 'v2a', weight: 10 },
        ],
      },
    ])
    const versions = await Promise.all(
      Array.from(
        { length: 1000 },
        async () => (await plane.post('/v2/models/canary/infer', x(1))).body['model_version'],
      ),
    )
    const share = versions.filter((version) => version === '2').length / 1000
    expect(share).toBeGreaterThan(0.06) // 4 standard deviations of a binomial of 1000 at 0.1
    expect(share).toBeLessThan(0.14)
    const stats = (await plane.stats()).stats.filter((row) => row.endpointId === 'ep_canary')
    expect(stats.reduce((sum, row) => sum + row.requests, 0)).toBe(1000)
    expect(stats.every((row) => row.latency.reduce((sum, [, count]) => sum + count, 0) === row.requests)).toBe(true)
  })

  test('a sticky caller always meets the same version, and stays with the new one while its weight grows', async () => {
    const route = (weight: number) => ({
      name: 'sticky',
      stickyBy: 'header:x-user',
      variants: [
        { name: 'running', versionId: 'v1b', weight: 100 - weight },
        { name: 'candidate', versionId: 'v2b', weight },
      ],
    })
    const versions = {
      v1b: plane.addModel('one', linearModel([1], 0)),
      v2b: plane.addModel('two', linearModel([1], 100)),
    }
    const ask = async (user: number) =>
      (await plane.post('/v2/models/sticky/infer', x(1), { 'x-user': `u${user}` })).body['model_version']
    await plane.push(versions, [route(20)])
    const first = await Promise.all(Array.from({ length: 100 }, (_, user) => ask(user)))
    expect(await Promise.all(Array.from({ length: 100 }, (_, user) => ask(user)))).toEqual(first)
    expect(new Set(first)).toEqual(new Set(['1', '2']))
    await plane.push(versions, [route(60)])
    const later = await Promise.all(Array.from({ length: 100 }, (_, user) => ask(user)))
    expect(first.every((version, user) => version === '1' || later[user] === '2')).toBe(true)
  })
})

describe('fallback', () => {
  test("the running version answers the new one's failures, and they count against the new one only", async () => {
    const good = plane.addModel('good', linearModel([1], 0))
    const bad = plane.addModel('bad', failingModel())
    await plane.push({ v1c: good, v2c: bad }, [
      {
        name: 'safe',
        fallback: 'v1c',
        variants: [
          { name: 'running', versionId: 'v1c', weight: 50 },
          { name: 'candidate', versionId: 'v2c', weight: 50 },
        ],
      },
    ])
    const answers = await Promise.all(Array.from({ length: 60 }, () => plane.post('/v2/models/safe/infer', x(7))))
    expect(answers.every((answer) => answer.status === 200 && answer.body['model_version'] === '1')).toBe(true)
    const stats = (await plane.stats()).stats.filter((row) => row.endpointId === 'ep_safe')
    const candidate = stats.find((row) => row.versionId === 'v2c')
    const old = stats.find((row) => row.versionId === 'v1c')
    expect(candidate?.errors).toBeGreaterThan(10)
    expect(candidate?.errors).toBe(candidate?.requests)
    expect(old?.errors).toBe(0)
    expect(old?.fallbacks).toBe(candidate?.errors)
    expect(plane.logged().filter((row) => row.endpoint === 'ep_safe' && row.status === 'fallback').length).toBe(
      candidate?.errors,
    )
  })

  test('without a fallback the failure is a 500 that says what the model said', async () => {
    await plane.push({ v2d: plane.addModel('bad', failingModel()) }, [{ name: 'bare', variants: running('v2d') }])
    const { status, body } = await plane.post('/v2/models/bare/infer', x(7))
    expect(status).toBe(500)
    expect(body['error']).toMatch(/The model failed: .*(index|indices|bounds)/i)
    expect((await plane.post('/v2/models/bare/infer', x(1))).body['outputs']).toEqual([
      { name: 'y', datatype: 'FP32', shape: [1, 1], data: [2] },
    ])
  })

  test("one request's failure inside a batch does not fail the others", async () => {
    await plane.push({ v2e: plane.addModel('bad', failingModel()) }, [{ name: 'bare', variants: running('v2e') }])
    const answers = await Promise.all(
      Array.from({ length: 40 }, (_, i) => plane.post('/v2/models/bare/infer', x(i % 4 === 3 ? 9 : i % 2))),
    )
    expect(answers.map((answer) => answer.status)).toEqual(
      Array.from({ length: 40 }, (_, i) => (i % 4 === 3 ? 500 : 200)),
    )
  })

  test('a request that only the new version refuses is its fault, one that both refuse is the caller’s', async () => {
    const versions = {
      v1f: plane.addModel('narrow', linearModel([1], 0)),
      v2f: plane.addModel('wide', linearModel([1, 1], 0)),
    }
    await plane.push(versions, [
      {
        name: 'moved',
        fallback: 'v1f',
        variants: [
          { name: 'running', versionId: 'v1f', weight: 0 },
          { name: 'candidate', versionId: 'v2f', weight: 100 },
        ],
      },
    ])
    expect((await plane.post('/v2/models/moved/infer', x(1))).body['model_version']).toBe('1')
    expect((await plane.post('/v2/models/moved/infer', { inputs: [] })).status).toBe(400)
    const candidate = (await plane.stats()).stats.find(
      (row) => row.endpointId === 'ep_moved' && row.versionId === 'v2f',
    )
    expect(candidate).toMatchObject({ errors: 1, rejected: 1, requests: 1 })
  })
})

describe('outputs', () => {
  test('a NaN or an infinity is an error of the model, never an answer', async () => {
    await plane.push({ v1g: plane.addModel('log', logModel()) }, [{ name: 'log', variants: running('v1g') }])
    for (const value of [-1, 0, null]) {
      const { status, body } = await plane.post('/v2/models/log/infer', x(value))
      expect(status).toBe(500)
      expect(body['error']).toContain('output "y"')
    }
    expect((await plane.post('/v2/models/log/infer', x(1))).status).toBe(200)
  })
})

describe('shadow', () => {
  test('a shadow sees every request, is logged, and never answers', async () => {
    await plane.push({ v1h: plane.addModel('one', linearModel([1], 0)), v2h: plane.addModel('bad', failingModel()) }, [
      { name: 'mirror', variants: running('v1h'), shadow: ['v2h'] },
    ])
    for (const value of [0, 1, 5])
      expect((await plane.post('/v2/models/mirror/infer', x(value))).body['model_version']).toBe('1')
    await expect
      .poll(async () =>
        (await plane.stats()).stats.find((row) => row.endpointId === 'ep_mirror' && row.variant === 'shadow'),
      )
      .toMatchObject({ requests: 3, errors: 1 })
    await expect
      .poll(() =>
        plane
          .logged()
          .filter((row) => row.endpoint === 'ep_mirror')
          .map((row) => `${row.status} ${row.prediction}`)
          .toSorted(),
      )
      .toEqual(['ok 0', 'ok 1', 'ok 5', 'shadow 1', 'shadow 2'])
  })
})

describe('the prediction log', () => {
  test('has one record a row with its score, key and event time; key and time are not fed to the model', async () => {
    const path = plane.addModel(
      'delay',
      classifierModel({
        categories: { carrier: ['AA', 'UA'], origin: ['JFK'] },
        numbers: ['distance', 'wind'],
        weights: [1, 2, 0.001, -0.1],
        bias: -1,
      }),
    )
    await plane.push({ v1i: path }, [
      { name: 'delay', variants: running('v1i'), key: ['flight_id'], timestamp: 'sched' },
    ])
    const rows = [
      { carrier: 'UA', origin: 'JFK', distance: 500, wind: null, flight_id: 'f1', sched: '2013-07-01T10:00:00' },
      { carrier: 'ZZ', origin: 'LGA', distance: 100, wind: 5, flight_id: 'f2', sched: '2013-07-01 11:30:00Z' },
    ]
    const { status, body } = await plane.post('/v2/models/delay/rows', { rows })
    expect(status).toBe(200)
    const predictions = body['predictions'] as { id: string; label: number; probabilities: number[] }[]
    const sigmoid = (value: number) => 1 / (1 + Math.exp(-value))
    expect(predictions.map((each) => each.label)).toEqual([1, 0])
    expect(predictions[0]?.probabilities[1]).toBeCloseTo(sigmoid(-1 + 2 + 2 + 0.5), 5)
    expect(predictions[1]?.probabilities[1]).toBeCloseTo(sigmoid(-1 + 0.1 - 0.5), 5)
    const logged = plane.logged().filter((row) => row.endpoint === 'ep_delay')
    expect(logged.map((row) => row.id)).toEqual(predictions.map((each) => each.id))
    expect(logged[0]).toMatchObject({
      key: 'f1',
      event_time: Date.UTC(2013, 6, 1, 10),
      status: 'ok',
      variant: 'running',
      version: 'v1i',
      features: { carrier: 'UA', wind: null, distance: 500, flight_id: 'f1' },
      output: { label: 1 },
    })
    expect(logged[1]).toMatchObject({ key: 'f2', event_time: Date.UTC(2013, 6, 1, 11, 30) })
    expect(logged[0]?.prediction).toBeCloseTo(predictions[0]?.probabilities[1] ?? 0, 9)
  })

  test('masks and hashes what the endpoint says', async () => {
    await plane.push({ v1j: plane.addModel('pair', linearModel([1, 1], 0)) }, [
      { name: 'private', variants: running('v1j'), log: { sample: 1, mask: ['x_0'], hash: ['x_1'] } },
    ])
    await plane.post('/v2/models/private/infer', {
      inputs: [{ name: 'x', shape: [1, 2], datatype: 'FP32', data: [3, 4] }],
    })
    const row = plane.logged().find((each) => each.endpoint === 'ep_private')
    expect(row?.features).toEqual({ x_0: null, x_1: expect.stringMatching(/^[0-9a-f]{64}$/) })
  })

  test('an endpoint without a log hands out no prediction id and writes nothing', async () => {
    await plane.push({ v1k: plane.addModel('one', linearModel([1], 0)) }, [
      { name: 'silent', variants: running('v1k'), log: null },
    ])
    expect((await plane.post('/v2/models/silent/infer', x(1))).body['parameters']).toBeUndefined()
    expect(plane.logged().some((row) => row.endpoint === 'ep_silent')).toBe(false)
  })
})

describe('the routing table', () => {
  test('an endpoint whose new version cannot be loaded keeps its old route and is named', async () => {
    const good = plane.addModel('one', linearModel([1], 0))
    await plane.push({ v1l: good }, [{ name: 'steady', variants: running('v1l') }])
    const result = await plane.push({ v9l: plane.addModel('broken', Buffer.from('not a model')) }, [
      { name: 'steady', variants: running('v9l') },
    ])
    expect(result.held).toEqual(['ep_steady'])
    expect(result.versions.find((version) => version.id === 'v9l')).toMatchObject({
      state: 'failed',
      error: expect.stringMatching(/\w/),
    })
    expect((await plane.post('/v2/models/steady/infer', x(1))).status).toBe(200)
    expect((await fetch(`${plane.url}/v2/health/ready`)).status).toBe(503)
  })

  test('no request fails while versions are exchanged under load', async () => {
    const one = plane.addModel('one', linearModel([1], 0))
    const two = plane.addModel('two', linearModel([1], 100))
    await plane.push({ v1m: one }, [{ name: 'swap', variants: running('v1m') }])
    let isOver = false
    const statuses: number[] = []
    const callers = Array.from({ length: 8 }, async () => {
      while (!isOver) statuses.push((await plane.post('/v2/models/swap/infer', x(1))).status)
    })
    for (let i = 0; i < 10; i++)
      await plane.push(i % 2 ? { v1m: one } : { v2m: two }, [
        { name: 'swap', variants: running(i % 2 ? 'v1m' : 'v2m') },
      ])
    isOver = true
    await Promise.all(callers)
    expect(statuses.length).toBeGreaterThan(20)
    expect(statuses.every((status) => status === 200)).toBe(true)
  })
})
