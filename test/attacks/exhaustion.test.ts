import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { testDatabases } from '@kiban/testkit/database'
import { startAttackedServer } from './attacked-server.ts'
import type { AttackedServer } from './attacked-server.ts'

// Requests that cost the server more than the sender (CVE-2024-6838, 2025-0453; access.md §9), and a seeded fuzzer of the search filter.

describe.each(testDatabases())('on $name', (database) => {
  let server: AttackedServer
  let fresh: Awaited<ReturnType<(typeof database)['fresh']>>
  let experiment: string
  beforeAll(async () => {
    fresh = await database.fresh()
    server = await startAttackedServer({ databaseUrl: fresh.url })
    await server.send('/api/v1/projects', { method: 'POST', body: { name: 'default' } })
    const answer = await server.send('/api/2.0/mlflow/experiments/create', { method: 'POST', body: { name: 'x' } })
    experiment = JSON.parse(answer.body).experiment_id
    const run = JSON.parse(
      (await server.send('/api/2.0/mlflow/runs/create', { method: 'POST', body: { experiment_id: experiment } })).body,
    ).run.info.run_id
    await server.send('/api/2.0/mlflow/runs/log-batch', {
      method: 'POST',
      body: {
        run_id: run,
        metrics: [{ key: 'auc', value: 0.7, timestamp: 1, step: 0 }],
        params: [{ key: 'depth', value: '3' }],
        tags: [{ key: 'team', value: "o'neil" }],
      },
    })
  })
  afterAll(async () => {
    await server.close()
    await fresh.drop()
  })

  const mlflow = (path: string, body: object | string) =>
    server.send(`/api/2.0/mlflow/${path}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: typeof body === 'string' ? body : JSON.stringify(body),
      keepAlive: true,
    })

  const LONG = 'x'.repeat(1_000_000)

  test.each([
    ['experiments/create', { name: LONG }],
    ['experiments/create', { name: 'a', artifact_location: LONG }],
    ['experiments/create', { name: 'a', tags: [{ key: LONG, value: '1' }] }],
    ['runs/create', { experiment_id: LONG }],
    ['runs/create', { experiment_id: '9'.repeat(19) }],
    ['registered-models/create', { name: LONG }],
    ['runs/search', { experiment_ids: ['1'], filter: `metrics.${LONG} > 1` }],
    ['runs/search', { experiment_ids: ['1'], filter: `tags.a = '${LONG}'` }],
    ['runs/search', { experiment_ids: ['1'], order_by: [LONG] }],
    ['runs/search', { experiment_ids: ['1'], page_token: LONG.slice(0, 500_000) }],
    ['runs/search', { experiment_ids: ['1'], max_results: 1e15 }],
    ['runs/search', { experiment_ids: ['1'], max_results: -1 }],
  ])('%s refuses what is too long or too much', async (path, body) => {
    const started = performance.now()
    const answer = await mlflow(path, body)
    expect([400, 404, 413], `${answer.status} ${answer.body.slice(0, 300)}`).toContain(answer.status)
    expect(answer.body.length).toBeLessThan(5_000)
    expect(performance.now() - started).toBeLessThan(5_000)
  })

  test.each([
    ['a list in a list', `${'['.repeat(200_000)}${']'.repeat(200_000)}`],
    ['an object in an object', `${'{"a":'.repeat(100_000)}1${'}'.repeat(100_000)}`],
    ['as a value', `{"name":${'['.repeat(100_000)}${']'.repeat(100_000)}}`],
    ['many keys', `{${Array.from({ length: 80_000 }, (_, i) => `"k${i}":1`).join(',')}}`],
    ['a prototype', '{"__proto__":{"isAdmin":true},"constructor":{"prototype":{"x":1}}}'],
    ['not UTF-8', Buffer.from([0x7b, 0xff, 0xfe, 0x7d]).toString('latin1')],
  ])('JSON with %s is refused and harms nothing', async (_what, body) => {
    for (const path of [
      '/api/v1/projects',
      '/api/2.0/mlflow/experiments/create',
      '/api/v1/projects/default/runs/search',
    ]) {
      const answer = await server.send(path, { method: 'POST', headers: { 'content-type': 'application/json' }, body })
      // A search without any field of ours is a search for all.
      if (path.endsWith('runs/search') && answer.status === 200) continue
      expect(answer.status, `${path} ${answer.body.slice(0, 200)}`).toBeGreaterThanOrEqual(400)
      expect(answer.status, `${path} ${answer.body.slice(0, 200)}`).toBeLessThan(500)
    }
    expect(({} as Record<string, unknown>)['isAdmin']).toBeUndefined()
  })

  test.each([
    ['/api/v1/projects', 'application/json'],
    ['/api/2.0/mlflow/experiments/create', 'application/json'],
    ['/api/2.0/mlflow/runs/log-batch', 'application/json'],
    ['/api/2.0/mlflow/nothing', 'application/json'],
    ['/api/v1/projects/default/apply', 'application/json'],
  ])('100 MB to %s end with 413', async (path, type) => {
    const answer = await server
      .send(path, { method: 'POST', headers: { 'content-type': type }, body: Buffer.alloc(100_000_000, 0x20) })
      // The server closes before the body has gone out.
      .catch((error: unknown) => ({ status: 413, body: String(error) }))
    expect(answer.status, answer.body.slice(0, 200)).toBe(413)
    expect((await server.send('/livez')).status).toBe(200)
  })

  test('100,000 things in one request are refused', async () => {
    const many = Array.from({ length: 5_000 }, (_, i) => ({ key: `k${i}`, value: '1', timestamp: 1, step: 1 }))
    for (const [path, body] of [
      ['runs/log-batch', { run_id: 'x', metrics: many }],
      ['runs/log-batch', { run_id: 'x', params: many }],
      ['runs/log-batch', { run_id: 'x', tags: many }],
      ['runs/search', { experiment_ids: Array.from({ length: 100_000 }, (_, i) => String(i)) }],
    ] as const) {
      const answer = await mlflow(path, body)
      expect([200, 400, 404, 413], `${path} ${answer.body.slice(0, 200)}`).toContain(answer.status)
    }
  })

  test('YAML that grows when it is read is refused', async () => {
    const levels = Array.from({ length: 12 }, (_, i) => `l${i + 1}: &l${i + 1} [${Array(10).fill(`*l${i}`).join(',')}]`)
    const bomb = `project: default\nx-a: &l0 [a]\n${levels.map((line) => `x-${line}`).join('\n')}\n`
    const nested = `project: default\nx-deep: ${'['.repeat(5_000)}${']'.repeat(5_000)}\n`
    for (const text of [bomb, nested, `project: ${LONG}`, '&a [*a]', '\u0000']) {
      const started = performance.now()
      const answer = await server.send('/api/v1/projects/default/apply', { method: 'POST', body: { text, files: [] } })
      expect(answer.status, answer.body.slice(0, 300)).toBeGreaterThanOrEqual(400)
      expect(answer.status, answer.body.slice(0, 300)).toBeLessThan(500)
      expect(performance.now() - started).toBeLessThan(5_000)
    }
  })

  test(
    'a filter, an order and a page token are never the server’s fault, nor do they show SQL',
    { timeout: 120_000 },
    async () => {
      const random = seeded(20_261_121)
      const pick = <T>(items: readonly T[]): T => items[Math.floor(random() * items.length)] as T // never empty
      const keys = ['metrics', 'params', 'tags', 'attributes', 'datasets', 'metric', 'x', '']
      const names = [
        'auc',
        '`a b`',
        '"q"',
        'run_id',
        'start_time',
        'a.b.c',
        '*',
        '1',
        "'",
        '`',
        'é',
        '\u0000',
        '日本',
        'context.`mlflow.data.context`',
        '(select 1)',
      ]
      const operators = [
        '=',
        '!=',
        '>',
        '<',
        '>=',
        '<=',
        'LIKE',
        'ILIKE',
        'IN',
        'NOT IN',
        'IS NULL',
        'IS NOT NULL',
        '==',
        '<>',
        ';',
        '||',
        'BETWEEN',
      ]
      const values = [
        "'a'",
        '"a"',
        '1',
        '1e999',
        '-0',
        'NaN',
        "('a','b')",
        '()',
        "''",
        "'%'",
        "'a' OR 1=1 --",
        "'; drop table runs; --",
        "'\\'",
        'null',
        '1.2.3',
        "'\u0000'",
        '9'.repeat(40),
        "'\ud800'",
      ]
      const joins = [' AND ', ' and ', ' OR ', ',', ' AND AND ', '', ' -- ', '/**/']
      const term = () =>
        `${pick(keys)}${pick(['.', '.', '.', '', '..'])}${pick(names)} ${pick(operators)} ${pick(values)}`
      const sound = () =>
        pick([
          'metrics.auc > 0.1',
          "params.depth LIKE '%3%'",
          `tags.team = "o'neil"`,
          "attributes.status = 'RUNNING'",
          'start_time >= 0',
          'tags.`a b` IS NULL',
          "run_id IN ('a', 'b')",
          "name ILIKE '%''%'",
          'creation_time > 5',
        ])
      const noise = () =>
        Array.from({ length: Math.floor(random() * 30) }, () =>
          String.fromCodePoint(32 + Math.floor(random() * 95)),
        ).join('')
      let accepted = 0
      for (let i = 0; i < 1000; i++) {
        const filter =
          random() < 0.15
            ? noise()
            : Array.from({ length: 1 + Math.floor(random() * 3) }, () => (random() < 0.7 ? sound() : term())).join(
                pick(joins),
              )
        const [path, body] = pick([
          ['runs/search', { experiment_ids: [experiment], filter }],
          ['runs/search', { experiment_ids: [experiment], order_by: [filter] }],
          ['runs/search', { experiment_ids: [experiment], page_token: filter }],
          ['experiments/search', { filter, max_results: 10 }],
          ['logged-models/search', { experiment_ids: [experiment], filter }],
        ] as const)
        const answer = await mlflow(path, body)
        if (answer.status === 200) accepted += 1
        else
          expect([400, 404], `${path} ${JSON.stringify(body)} ${answer.status} ${answer.body}`).toContain(answer.status)
        expect(answer.body, JSON.stringify(body)).not.toMatch(
          /sqlite|syntax error at|near "|no such column|select .* from/i,
        )
      }
      expect(accepted).toBeGreaterThan(50)
      const models = ['registered-models/search', 'model-versions/search']
      for (let i = 0; i < 200; i++) {
        const filter = encodeURIComponent(
          Array.from(
            { length: 1 + Math.floor(random() * 2) },
            () => `${pick(['name', 'tags.a', 'run_id', 'version_number', 'x'])} ${pick(operators)} ${pick(values)}`,
          )
            .join(pick(joins))
            .toWellFormed(),
        )
        const answer = await server.send(
          `/api/2.0/mlflow/${pick(models)}?filter=${filter}&order_by=${pick(['name', 'x', '%27', 'name%20DESC'])}`,
        )
        expect([200, 400], `${filter} ${answer.status} ${answer.body}`).toContain(answer.status)
        expect(answer.body, filter).not.toMatch(/sqlite|syntax error at|near "|no such column/i)
      }
    },
  )
})

/** Mulberry32: a small generator that gives the same numbers for the same seed. */
function seeded(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let t = Math.imul(state ^ (state >>> 15), 1 | state)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32
  }
}
