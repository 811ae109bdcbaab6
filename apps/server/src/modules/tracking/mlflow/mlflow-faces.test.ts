import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { AppError } from '@kiban/kit/errors'
import type { Gatekeeper } from '@kiban/kit/http'
import { startTestApp, TEST_PERSON } from '@kiban/testkit/app'
import type { TestApp } from '@kiban/testkit/app'
import { testDatabases } from '@kiban/testkit/database'
import { access, authorize } from '../../access/index.ts'
import { audit } from '../../audit/index.ts'
import { projects } from '../../projects/index.ts'
import { tracking } from '../index.ts'

type Answer = { readonly status: number; readonly body: Record<string, unknown> }
const ACTORS: Readonly<Record<string, typeof TEST_PERSON>> = {
  viewer: { ...TEST_PERSON, id: 'usr_viewer', roles: 'R' },
  job: { id: 'job_1', kind: 'job', name: 'job', roles: 'J', project: 'default' },
}
const gatekeeper: Gatekeeper = {
  authenticate: async (_ctx, request) => {
    const name = request.headers.authorization?.replace('Bearer ', '')
    if (name === undefined) return TEST_PERSON
    const actor = ACTORS[name]
    if (!actor) throw new AppError('signed_out', { message: 'no such token' })
    return actor
  },
  require: (actor, action, resource) => {
    const decision = authorize(actor, action, resource)
    if (!decision.allow)
      throw new AppError(decision.reason === 'hidden' ? 'not_found' : 'forbidden', { message: `no ${action}` })
  },
}

describe.each(testDatabases())('MLflow tracking protocol on $name', (database) => {
  let app: TestApp
  let drop = async (): Promise<void> => {}
  beforeAll(async () => {
    const fresh = await database.fresh()
    drop = fresh.drop
    app = await startTestApp({ modules: [projects, access, audit, tracking], databaseUrl: fresh.url, gatekeeper })
  })
  afterAll(async () => {
    await app.close()
    await drop()
  })

  async function send(
    method: string,
    path: string,
    body?: unknown,
    headers: Record<string, string> = {},
  ): Promise<Answer> {
    const response = await fetch(`${app.url}${path}`, {
      method,
      ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
      headers: { ...(body === undefined ? {} : { 'content-type': 'application/json' }), ...headers },
    })
    const text = await response.text()
    return {
      status: response.status,
      body: text.startsWith('{') ? (JSON.parse(text) as Record<string, unknown>) : { text },
    }
  }
  const post = (path: string, body: unknown = {}, headers: Record<string, string> = {}) =>
    send('POST', `/api/2.0/mlflow/${path}`, body, headers)
  const get = (path: string, headers: Record<string, string> = {}) =>
    send('GET', `/api/2.0/mlflow/${path}`, undefined, headers)
  async function newRun(body: Record<string, unknown> = {}): Promise<string> {
    const { body: answer } = await post('runs/create', body)
    return (answer['run'] as { info: { run_id: string } }).info.run_id
  }
  const invalid = (answer: Answer, text: string | RegExp) => {
    expect(answer).toMatchObject({ status: 400, body: { error_code: 'INVALID_PARAMETER_VALUE' } })
    expect(answer.body['message']).toMatch(text)
  }

  test('not signed in, not allowed, unknown calls: in the protocol’s shape and never a status that clients retry', async () => {
    expect(await get('experiments/get?experiment_id=0', { authorization: 'Bearer nobody' })).toMatchObject({
      status: 401,
      body: { error_code: 'UNAUTHENTICATED' },
    })
    expect(await post('experiments/create', { name: 'x' }, { authorization: 'Bearer viewer' })).toMatchObject({
      status: 403,
      body: { error_code: 'PERMISSION_DENIED' },
    })
    expect(
      await get('experiments/get?experiment_id=0', { authorization: 'Bearer job', 'x-mlflow-workspace': 'elsewhere' }),
    ).toMatchObject({ status: 404, body: { error_code: 'RESOURCE_DOES_NOT_EXIST' } })
    expect(await post('runs/delete', { run_id: await newRun() }, { authorization: 'Bearer job' })).toMatchObject({
      status: 403,
    })
    for (const path of [
      '/api/2.0/mlflow/nothing',
      '/api/3.0/mlflow/traces/search',
      '/ajax-api/2.0/mlflow/gateway-proxy',
    ])
      expect(await send('POST', path, {})).toMatchObject({ status: 404, body: { error_code: 'ENDPOINT_NOT_FOUND' } })
    expect(await get('experiments/get?experiment_id=0', { 'x-mlflow-workspace': 'missing' })).toMatchObject({
      status: 404,
    })
  })

  test('health, version and the default experiment', async () => {
    expect((await send('GET', '/health')).body).toEqual({ text: 'OK' })
    expect((await send('GET', '/version')).body['text']).toMatch(/^3\.\d+\.\d+$/)
    expect((await get('experiments/get?experiment_id=0')).body).toMatchObject({
      experiment: {
        experiment_id: '0',
        name: 'Default',
        lifecycle_stage: 'active',
        artifact_location: 'mlflow-artifacts:/0',
      },
    })
    expect(
      (await send('GET', '/ajax-api/2.0/mlflow/experiments/get-by-name?experiment_name=Default')).body,
    ).toMatchObject({ experiment: { experiment_id: '0' } })
  })

  test('experiments: wrong input is named, names are unique also among the deleted', async () => {
    invalid(await post('experiments/create'), "Missing value for required parameter 'name'")
    invalid(await post('experiments/create', { name: 3 }), "Invalid value 3 for parameter 'name' supplied")
    invalid(await post('experiments/create', { name: 'a'.repeat(501) }), '500')
    invalid(await post('experiments/create', { name: 'x', artifact_location: '/etc' }), 'artifact_location')
    invalid(
      await post('experiments/create', { name: 'x', artifact_location: 'mlflow-artifacts:/../../etc' }),
      'artifact_location',
    )
    invalid(await get('experiments/get?experiment_id=abc'), 'Experiment ID must be a valid integer')
    expect(await get('experiments/get?experiment_id=999')).toEqual({
      status: 404,
      body: { error_code: 'RESOURCE_DOES_NOT_EXIST', message: 'No Experiment with id=999 exists' },
    })
    const { body } = await post('experiments/create', { name: 'one', tags: [{ key: 'k', value: 'v' }] })
    expect(await post('experiments/create', { name: 'one' })).toMatchObject({
      status: 400,
      body: { error_code: 'RESOURCE_ALREADY_EXISTS' },
    })
    const run = await newRun({ experiment_id: body['experiment_id'] })
    expect((await post('experiments/delete', body)).status).toBe(200)
    expect((await post('experiments/delete', body)).status).toBe(404)
    expect(await post('experiments/create', { name: 'one' })).toMatchObject({
      status: 400,
      body: { error_code: 'RESOURCE_ALREADY_EXISTS' },
    })
    invalid(await post('runs/create', body), "must be in the 'active' state")
    invalid(
      await post('runs/log-metric', { run_id: run, key: 'm', value: 1, timestamp: 1 }),
      "must be in the 'active' state",
    )
    await post('experiments/restore', body)
    expect((await get(`runs/get?run_id=${run}`)).body).toMatchObject({ run: { info: { lifecycle_stage: 'active' } } })
    expect((await get(`experiments/get?experiment_id=${body['experiment_id']}`)).body).toMatchObject({
      experiment: { tags: [{ key: 'k', value: 'v' }] },
    })
    invalid(await post('experiments/search'), 'max_results')
    expect(
      (await post('experiments/search', { max_results: 5, filter: "tags.k = 'v'", order_by: ['name DESC'] })).body,
    ).toMatchObject({ experiments: [{ name: 'one' }] })
  })

  test('a run is created, filled, read and ended as the client does it', async () => {
    const run = await newRun({ experiment_id: '0', user_id: 'me', start_time: 5, tags: [{ key: 'a', value: 'b' }] })
    expect(run).toMatch(/^[0-9a-f]{32}$/)
    await post('runs/log-metric', { run_uuid: run, run_id: run, key: 'm', value: '0.5', timestamp: 1, step: 1 })
    await post('runs/log-metric', { run_id: run, key: 'm', value: 'NaN', timestamp: 2, step: 2 })
    await post('runs/log-metric', { run_id: run, key: 'big', value: '-Infinity', timestamp: 2 })
    await post('runs/log-parameter', { run_id: run, key: 'p' })
    await post('runs/set-tag', { run_id: run, key: 'long', value: 'x'.repeat(9000) })
    const { body } = await get(`runs/get?run_id=${run}&run_uuid=${run}`)
    expect(body['run']).toMatchObject({
      info: {
        run_id: run,
        run_uuid: run,
        experiment_id: '0',
        status: 'RUNNING',
        start_time: 5,
        artifact_uri: `mlflow-artifacts:/0/${run}/artifacts`,
        user_id: 'me',
      },
      data: {
        metrics: [
          { key: 'big', value: -1.7976931348623157e308, step: 0 },
          { key: 'm', value: 'NaN', timestamp: 2, step: 2 },
        ],
        params: [{ key: 'p', value: '' }],
      },
      inputs: {},
      outputs: {},
    })
    const tags = (body['run'] as { data: { tags: { key: string; value: string }[] } }).data.tags
    expect(tags.find((tag) => tag.key === 'long')?.value).toHaveLength(8000)
    expect(tags.some((tag) => tag.key === 'mlflow.runName')).toBe(true)
    expect(await post('runs/update', { run_id: run, status: 'FINISHED', end_time: 9 })).toMatchObject({
      body: { run_info: { status: 'FINISHED', end_time: 9 } },
    })
    invalid(await post('runs/update', { run_id: run, status: 'DONE' }), "parameter 'status'")
    expect((await post('runs/delete-tag', { run_id: run, key: 'none' })).status).toBe(404)
  })

  test('log-batch: limits, duplicates, nothing of a refused batch is written', async () => {
    const run = await newRun()
    const metric = (i: number) => ({ key: `k${i}`, value: i, timestamp: 1, step: 0 })
    invalid(
      await post('runs/log-batch', { run_id: run, metrics: Array.from({ length: 1001 }, (_, i) => metric(i)) }),
      'at most 1000 metrics. Got 1001 metrics',
    )
    invalid(
      await post('runs/log-batch', {
        run_id: run,
        params: Array.from({ length: 101 }, (_, i) => ({ key: `${i}`, value: '' })),
      }),
      'at most 100 params',
    )
    invalid(
      await post('runs/log-batch', { run_id: run, metrics: [{ key: 'm', value: 1, timestamp: -1 }] }),
      'metrics[0].timestamp',
    )
    invalid(
      await post('runs/log-batch', { run_id: run, metrics: [metric(0), { key: '../a', value: 1, timestamp: 1 }] }),
      'metrics[1].key',
    )
    invalid(
      await post('runs/log-batch', { run_id: run, metrics: [{ key: 'm', value: 'abc', timestamp: 1 }] }),
      'metrics[0].value',
    )
    invalid(await post('runs/log-batch', { run_id: run, metrics: 5 }), "parameter 'metrics'")
    invalid(
      await post('runs/log-batch', {
        run_id: run,
        params: [
          { key: 'p', value: '1' },
          { key: 'p', value: '2' },
        ],
      }),
      'Duplicate parameter keys',
    )
    await post('runs/log-batch', { run_id: run, params: [{ key: 'p', value: '1' }] })
    invalid(
      await post('runs/log-batch', {
        run_id: run,
        metrics: [metric(7)],
        params: [{ key: 'p', value: '2' }],
        tags: [{ key: 't', value: 'v' }],
      }),
      /already logged with value='1'/,
    )
    expect((await get(`runs/get?run_id=${run}`)).body).toMatchObject({
      run: { data: { params: [{ key: 'p', value: '1' }] } },
    })
    expect(JSON.stringify((await get(`runs/get?run_id=${run}`)).body)).not.toContain('k7')
    const thousand = Array.from({ length: 1000 }, (_, i) => ({ key: 'curve', value: i % 100, timestamp: i, step: i }))
    for (let i = 0; i < 2; i++)
      expect((await post('runs/log-batch', { run_id: run, metrics: thousand })).status).toBe(200)
    const history = (await get(`metrics/get-history?run_id=${run}&metric_key=curve&max_results=25000`)).body[
      'metrics'
    ] as unknown[]
    expect(history).toHaveLength(1000)
    const first = (await get(`metrics/get-history?run_id=${run}&metric_key=curve&max_results=600`)).body
    const second = (
      await get(
        `metrics/get-history?run_id=${run}&metric_key=curve&max_results=600&page_token=${String(first['next_page_token'])}`,
      )
    ).body
    expect((second['metrics'] as { step: number }[]).at(-1)?.step).toBe(999)
    invalid(
      await get(`metrics/get-history?run_id=${run}&metric_key=other&page_token=${String(first['next_page_token'])}`),
      'page token',
    )
    const curve = (await send('GET', `/api/v1/projects/default/runs/${run}/metric-history?key=curve&buckets=50`))
      .body as { pointCount: number; buckets: { min: number; max: number; count: number }[] }
    expect(curve.pointCount).toBe(1000)
    expect(curve.buckets.length).toBeLessThanOrEqual(50)
    expect(curve.buckets.reduce((sum, bucket) => sum + bucket.count, 0)).toBe(1000)
    expect([Math.min(...curve.buckets.map((b) => b.min)), Math.max(...curve.buckets.map((b) => b.max))]).toEqual([
      0, 99,
    ])
    expect((await send('GET', `/api/v1/projects/default/runs/${run}`)).body).toMatchObject({
      latestMetrics: [{ key: 'curve', value: 99, min: 0, max: 99, count: 1000 }],
    })
  })

  test('bodies of every odd kind: a 400 that names the field, or MLflow’s own tolerance', async () => {
    const run = await newRun()
    const raw = (body: string, type = 'application/json') =>
      send('POST', '/api/2.0/mlflow/runs/log-metric', body, { 'content-type': type })
    invalid(await raw('{'), "'run_id'")
    invalid(await raw('[1]'), "'run_id'")
    invalid(await raw('['.repeat(100_000)), /deeper|run_id/)
    invalid(await raw('{"run_id": 1}', 'text/plain'), 'Content-Type')
    expect(await raw(JSON.stringify(JSON.stringify({ run_id: run, key: 'm', value: 1, timestamp: 1 })))).toMatchObject({
      status: 200,
    })
    invalid(await raw(JSON.stringify({ run_id: run, key: 'm', value: 1, timestamp: '9'.repeat(30) })), "'timestamp'")
    invalid(await raw(JSON.stringify({ run_id: run, key: 'm', value: null, timestamp: 1 })), "'value'")
    invalid(await raw(JSON.stringify({ run_id: '../../x', key: 'm', value: 1, timestamp: 1 })), 'run ID')
    expect((await raw(`{"run_id":"${'x'.repeat(2 << 20)}"}`)).status).toBe(413)
  })

  test('search: filters by the latest value, orders NaN and missing last, pages, and refuses tampered tokens', async () => {
    const { body } = await post('experiments/create', { name: 'search' })
    const id = body['experiment_id']
    const runs: string[] = []
    for (const [i, auc] of [0.1, 0.9, 'NaN', null, 0.5].entries()) {
      const run = await newRun({ experiment_id: id, start_time: i, run_name: `r${i}` })
      runs.push(run)
      const metrics =
        auc === null
          ? []
          : [
              { key: 'auc', value: 5, timestamp: 0, step: 0 },
              { key: 'auc', value: auc, timestamp: 1, step: 1 },
            ]
      await post('runs/log-batch', { run_id: run, metrics, params: [{ key: 'Opt', value: i % 2 ? 'Adam' : 'sgd_x' }] })
    }
    await post('runs/log-inputs', {
      run_id: runs[0],
      datasets: [
        {
          tags: [{ key: 'mlflow.data.context', value: 'train' }],
          dataset: { name: 'd', digest: '1', source_type: 'local', source: '{}' },
        },
      ],
    })
    const names = async (search: object) => {
      const answer = await post('runs/search', { experiment_ids: [id], ...search })
      return answer.status === 200
        ? ((answer.body['runs'] ?? []) as { info: { run_name: string } }[]).map((run) => run.info.run_name)
        : answer.body['message']
    }
    expect(await names({})).toEqual(['r4', 'r3', 'r2', 'r1', 'r0'])
    expect(await names({ order_by: ['metrics.auc DESC'] })).toEqual(['r1', 'r4', 'r0', 'r2', 'r3'])
    expect(await names({ order_by: ['metrics.auc'] })).toEqual(['r0', 'r4', 'r1', 'r2', 'r3'])
    expect(await names({ filter: 'metrics.auc > 0.3' })).toEqual(['r4', 'r1'])
    expect(await names({ filter: "params.Opt LIKE 'a%'" })).toEqual([])
    expect(await names({ filter: "params.Opt ILIKE 'a%' and attributes.start_time >= 2" })).toEqual(['r3'])
    expect(await names({ filter: "params.Opt LIKE 'sgd\\_x'" })).toEqual([])
    expect(await names({ filter: `run_id IN ('${runs[0]}', '${runs[2]}')` })).toEqual(['r2', 'r0'])
    expect(await names({ filter: "datasets.name = 'd' and datasets.context = 'train'" })).toEqual(['r0'])
    expect(await names({ filter: "status = 'RUNNING' and params.none IS NULL" })).toHaveLength(5)
    expect(await names({ filter: 'metrics.auc > 0 or metrics.auc < 1' })).toContain("'or'")
    expect(await names({ order_by: ['metrics.auc', 'metric.auc DESC'] })).toContain('duplicate fields')
    const page = (await post('runs/search', { experiment_ids: [id], max_results: 2 })).body
    expect(await names({ max_results: 2, page_token: page['next_page_token'] })).toEqual(['r2', 'r1'])
    for (const token of [
      'abc',
      '%%%',
      Buffer.from('{"offset":-1}').toString('base64'),
      Buffer.from('{"offset":"x"}').toString('base64'),
    ])
      expect(await names({ page_token: token })).toContain('page token')
    expect((await post('runs/search')).body).toEqual({})
    invalid(await post('runs/search', { experiment_ids: [id], max_results: 0 }), 'max_results')
    const wide = await send('POST', '/api/v1/projects/default/runs/search', {
      experimentIds: [id],
      filter: 'max(metrics.auc) between 4 and 6 and not (metrics.auc > 0.3 or metrics.auc < 0)',
      orderBy: ['params.Opt'],
    })
    expect(wide.body).toEqual({ ids: [runs[2], runs[0]], truncated: false })
    expect(await send('POST', '/api/v1/projects/default/runs/search', { filter: 'metrics.a >' })).toMatchObject({
      status: 422,
      body: { error: { code: 'filter_invalid', details: { position: 11 } } },
    })
    expect((await send('GET', `/api/v1/projects/default/runs/columns?experimentId=${String(id)}`)).body).toMatchObject({
      metrics: [{ key: 'auc', runs: 4 }],
      params: [{ key: 'Opt', runs: 5, distinct: 2 }],
    })
  })

  test('artifacts stream both ways; a name is a file or a folder', async () => {
    const run = await newRun()
    const root = `/api/2.0/mlflow-artifacts/artifacts/0/${run}/artifacts`
    const put = (path: string, body: string | Uint8Array<ArrayBuffer>) =>
      fetch(`${app.url}${root}/${path}`, { method: 'PUT', body })
    expect((await put('a/b.txt', 'hello')).status).toBe(200)
    expect((await put('a/b.txt', 'hello again')).status).toBe(200)
    expect((await put('big.bin', new Uint8Array(5_000_000).fill(7))).status).toBe(200)
    expect((await put('a', 'x')).status).toBe(400)
    expect((await put('a/b.txt/c', 'x')).status).toBe(400)
    const got = await fetch(`${app.url}${root}/a/b.txt`)
    expect([
      await got.text(),
      got.headers.get('content-disposition'),
      got.headers.get('content-security-policy'),
    ]).toEqual(['hello again', "attachment; filename*=UTF-8''b.txt", "sandbox; default-src 'none'"])
    const part = await fetch(`${app.url}${root}/a/b.txt`, { headers: { range: 'bytes=6-8' } })
    expect([part.status, await part.text(), part.headers.get('content-range')]).toEqual([206, 'aga', 'bytes 6-8/11'])
    expect((await send('GET', `/api/2.0/mlflow-artifacts/artifacts?path=0/${run}/artifacts`)).body).toEqual({
      files: [
        { path: 'a', is_dir: true },
        { path: 'big.bin', is_dir: false, file_size: 5_000_000 },
      ],
    })
    expect((await send('GET', `/api/v1/projects/default/runs/${run}/artifacts?path=a`)).body).toEqual({
      items: [{ path: 'a/b.txt', isFolder: false, sizeBytes: 11 }],
      nextCursor: null,
    })
    expect((await send('DELETE', `${root}/a`)).status).toBe(200)
    expect((await fetch(`${app.url}${root}/a/b.txt`)).status).toBe(404)
    expect((await send('DELETE', `${root}/big.bin`, undefined, { authorization: 'Bearer job' })).status).toBe(403)
    expect(await send('POST', `/api/2.0/mlflow-artifacts/mpu/create/0/${run}/artifacts/x`, {})).toMatchObject({
      status: 501,
      body: { message: expect.stringMatching(/^Multipart upload is not supported/) },
    })
  })

  test('no spelling of a path leaves the run (the public attacks on MLflow)', async () => {
    const run = await newRun()
    writeFileSync(join(app.home, 'canary'), 'CANARY')
    const spellings = [
      '../x',
      '..%2fx',
      '%2e%2e/x',
      '%252e%252e%252fx',
      '/etc/passwd',
      '%2fetc%2fpasswd',
      'file:///etc/passwd',
      'C:%5cx',
      'a%00b',
      'a%5cb',
      'a%0ab',
      '..%2f..%2f..%2f..%2fcanary',
      './x',
      'a//b',
      '%2e',
    ]
    for (const spelling of spellings) {
      for (const url of [
        `/api/2.0/mlflow-artifacts/artifacts/0/${run}/artifacts/${spelling}`,
        `/ajax-api/2.0/mlflow-artifacts/artifacts/${spelling}`,
      ]) {
        const response = await rawGet(url)
        expect(response.status, url).toBeGreaterThanOrEqual(400)
        expect(response.status, url).toBeLessThan(500)
        expect(response.body, url).not.toContain('CANARY')
      }
      const listed = await send('GET', `/api/2.0/mlflow-artifacts/artifacts?path=${spelling}`)
      expect(listed.status, spelling).toBe(400)
    }
    const other = await send('POST', '/api/v1/projects', { name: `p${database.name}` })
    expect(other.status).toBeLessThan(300)
    expect(
      (
        await send('GET', `/api/2.0/mlflow-artifacts/artifacts?path=0/${run}/artifacts`, undefined, {
          'x-mlflow-workspace': `p${database.name}`,
        })
      ).status,
    ).toBe(404)
  })

  /** Sends the path as it is: fetch would normalize it. */
  async function rawGet(path: string): Promise<{ status: number; body: string }> {
    const { request } = await import('node:http')
    const url = new URL(app.url)
    return new Promise((resolve, reject) => {
      const call = request({ host: url.hostname, port: url.port, path, method: 'GET' }, (response) => {
        let body = ''
        response.on('data', (chunk: Buffer) => (body += chunk.toString()))
        response.on('end', () => resolve({ status: response.statusCode ?? 0, body }))
      })
      call.on('error', reject)
      call.end()
    })
  }

  test('logged models: created, tagged, measured, found, deleted', async () => {
    const { body } = await post('experiments/create', { name: 'models' })
    const id = body['experiment_id']
    const run = await newRun({ experiment_id: id })
    invalid(await post('logged-models', { experiment_id: id, name: 'a/b' }), 'cannot contain')
    const made = (
      await post('logged-models', {
        experiment_id: id,
        name: 'm',
        source_run_id: run,
        params: [{ key: 'p', value: '1' }],
        tags: [{ key: 't', value: 'v' }],
      })
    ).body['model'] as { info: { model_id: string; status: string } }
    const model = made.info.model_id
    expect(made.info).toMatchObject({
      status: 'LOGGED_MODEL_PENDING',
      artifact_uri: `mlflow-artifacts:/${String(id)}/models/${model}/artifacts`,
    })
    expect(
      (await send('PATCH', `/api/2.0/mlflow/logged-models/${model}`, { status: 'LOGGED_MODEL_READY' })).body,
    ).toMatchObject({ model: { info: { status: 'LOGGED_MODEL_READY' } } })
    await post('runs/outputs', { run_id: run, models: [{ model_id: model, step: 3 }] })
    await post('runs/log-metric', {
      run_id: run,
      key: 'auc',
      value: 0.8,
      timestamp: 1,
      model_id: model,
      dataset_name: 'd',
      dataset_digest: '1',
    })
    expect((await get(`logged-models/${model}`)).body).toMatchObject({
      model: { data: { metrics: [{ key: 'auc', value: 0.8, dataset_name: 'd' }], params: [{ key: 'p', value: '1' }] } },
    })
    expect((await get(`runs/get?run_id=${run}`)).body).toMatchObject({
      run: { outputs: { model_outputs: [{ model_id: model, step: 3 }] } },
    })
    const found = async (search: object) =>
      (((await post('logged-models/search', { experiment_ids: [id], ...search })).body['models'] ?? []) as unknown[])
        .length
    expect([
      await found({}),
      await found({ filter: 'metrics.auc > 0.7 AND name = m' }),
      await found({ filter: 'metrics.auc > 0.9' }),
      await found({ datasets: [{ dataset_name: 'e' }] }),
      await found({ order_by: [{ field_name: 'metrics.auc', ascending: false }] }),
    ]).toEqual([1, 1, 0, 0, 1])
    invalid(await post('logged-models/search'), 'experiment_ids')
    expect((await send('DELETE', `/api/2.0/mlflow/logged-models/${model}`, {})).status).toBe(200)
    expect((await get(`logged-models/${model}`)).status).toBe(404)
  })

  test('what 16 clients log at once is all there', async () => {
    const run = await newRun()
    const batch = (client: number, i: number) =>
      post('runs/log-batch', {
        run_id: run,
        metrics: [
          { key: `c${client}`, value: i, timestamp: i, step: i },
          { key: 'shared', value: client, timestamp: client, step: i },
        ],
      })
    const answers = await Promise.all(
      Array.from({ length: 16 }, (_, client) => Promise.all(Array.from({ length: 10 }, (__, i) => batch(client, i)))),
    )
    expect(answers.flat().map((answer) => answer.status)).toEqual(Array.from({ length: 160 }, () => 200))
    const { latestMetrics } = (await send('GET', `/api/v1/projects/default/runs/${run}`)).body as {
      latestMetrics: { key: string; value: number; count: number }[]
    }
    expect(latestMetrics.find((metric) => metric.key === 'shared')).toMatchObject({ value: 15, count: 160 })
    expect(
      latestMetrics.filter((metric) => metric.key.startsWith('c') && metric.value === 9 && metric.count === 10),
    ).toHaveLength(16)
  })
})
