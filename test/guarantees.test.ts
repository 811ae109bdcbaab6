import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { sql } from 'kysely'
import { inTransaction } from '@kiban/kit/context'
import type { Module } from '@kiban/kit/module'
import { serverModules } from '../apps/server/src/modules.ts'
import { startAttackedServer } from './attacks/attacked-server.ts'
import type { AttackedServer, Sent } from './attacks/attacked-server.ts'

// What access.md §4 promises, walked over the tables that the server itself routes by: a route added tomorrow is in these tests.

type Call = {
  readonly name: string
  readonly method: string
  /** As declared, with `:names` and `*`. */
  readonly pattern: string
  readonly action: unknown
  readonly audit: unknown
  readonly maxBodyBytes: number | undefined
  readonly takesBytes: boolean
}

function calls(modules: readonly Module[] = serverModules()): Call[] {
  return modules.flatMap((module) => [
    ...(module.routes ?? []).map(({ endpoint }) => ({
      name: endpoint.name,
      method: endpoint.method,
      pattern: `/api/v1${endpoint.path}`,
      action: endpoint.action,
      audit: endpoint.audit,
      maxBodyBytes: endpoint.maxBodyBytes ?? 1 << 20,
      takesBytes: endpoint.body === 'bytes',
    })),
    ...(module.faces ?? []).map((face) => ({
      name: `${face.method} ${face.url}`,
      method: face.method,
      pattern: face.url,
      action: face.action,
      audit: face.audit,
      maxBodyBytes: face.maxBodyBytes,
      takesBytes: face.body === 'stream',
    })),
  ])
}

const isPublic = (call: Call) => typeof call.action !== 'string'
const pathOf = (call: Call, project: string) =>
  call.pattern
    .replaceAll(':project', project)
    .replaceAll(':sha256', 'a'.repeat(64))
    .replaceAll(':number', '1')
    .replaceAll(/:\w+/g, 'x')
    .replaceAll('*', 'x')

function request(call: Call, headers: Record<string, string>): Sent {
  if (call.method === 'GET') return { method: 'GET', headers }
  return call.takesBytes
    ? { method: call.method, headers, body: Buffer.from('x') }
    : { method: call.method, headers, body: {} }
}

describe('every route', () => {
  let server: AttackedServer
  let token: string
  beforeAll(async () => {
    server = await startAttackedServer()
    for (const name of ['mine', 'yours'])
      expect((await server.send('/api/v1/projects', { method: 'POST', body: { name } })).status).toBe(201)
    token = await server.jobToken('mine')
  })
  afterAll(async () => server.close())

  test('that is public is on this list', () => {
    const names = calls()
      .filter(isPublic)
      .map((call) => call.name)
    expect(names.toSorted()).toMatchInlineSnapshot(`
      [
        "DELETE /ajax-api/2.0/mlflow/*",
        "DELETE /ajax-api/3.0/mlflow/*",
        "DELETE /api/2.0/mlflow/*",
        "DELETE /api/2.0/preview/mlflow/*",
        "DELETE /api/3.0/mlflow/*",
        "GET /",
        "GET /ajax-api/2.0/mlflow/*",
        "GET /ajax-api/3.0/mlflow/*",
        "GET /api/2.0/mlflow/*",
        "GET /api/2.0/preview/mlflow/*",
        "GET /api/3.0/mlflow/*",
        "GET /api/v1/openapi.json",
        "GET /assets/*",
        "GET /go/*",
        "GET /health",
        "GET /livez",
        "GET /o/*",
        "GET /p",
        "GET /p/*",
        "GET /readyz",
        "GET /version",
        "PATCH /ajax-api/2.0/mlflow/*",
        "PATCH /ajax-api/3.0/mlflow/*",
        "PATCH /api/2.0/mlflow/*",
        "PATCH /api/2.0/preview/mlflow/*",
        "PATCH /api/3.0/mlflow/*",
        "POST /ajax-api/2.0/mlflow/*",
        "POST /ajax-api/3.0/mlflow/*",
        "POST /api/2.0/mlflow/*",
        "POST /api/2.0/preview/mlflow/*",
        "POST /api/3.0/mlflow/*",
        "PUT /ajax-api/2.0/mlflow/*",
        "PUT /ajax-api/3.0/mlflow/*",
        "PUT /api/2.0/mlflow/*",
        "PUT /api/2.0/preview/mlflow/*",
        "PUT /api/3.0/mlflow/*",
      ]
    `)
  })

  test('that changes something says how it is audited, and every one how large a body may be', () => {
    const wrong = calls().filter(
      (call) =>
        (call.method !== 'GET' && call.audit === undefined) ||
        call.maxBodyBytes === undefined ||
        !(call.maxBodyBytes > 0 && Number.isSafeInteger(call.maxBodyBytes)),
    )
    expect(wrong.map((call) => call.name)).toEqual([])
    const unaudited = calls().filter(
      (call) => call.method !== 'GET' && isPublic(call) && typeof call.audit === 'string',
    )
    expect(unaudited).toEqual([])
  })

  test.each([
    'Bearer kbnj_unknown',
    `Bearer kbnp_${'a'.repeat(38)}`,
    'Basic dXNlcjpwYXNzd29yZA==',
    'Negotiate x',
    'Bearer',
  ])('refuses the credential %s with 401, public ones too', async (authorization) => {
    const answers = await Promise.all(
      calls().map(async (call) => {
        const { status } = await server.send(pathOf(call, 'mine'), request(call, { authorization }))
        return `${call.name}: ${status}`
      }),
    )
    expect(answers.filter((answer) => !answer.endsWith(': 401'))).toEqual([])
  })

  test('of another project is closed to the token of a job: 403 or 404, in every spelling of the project', async () => {
    const guarded = calls().filter((call) => !isPublic(call))
    const answers: string[] = []
    for (const call of guarded) {
      const inPath = call.pattern.includes(':project')
      const byHeader = call.pattern.includes('mlflow')
      if (!inPath && !byHeader) continue
      for (const project of inPath ? ['yours', 'Yours', 'missing'] : ['yours', 'missing']) {
        const headers = { authorization: `Bearer ${token}`, ...(byHeader ? { 'x-mlflow-workspace': project } : {}) }
        const { status, body } = await server.send(pathOf(call, project), request(call, headers))
        if (status !== 403 && status !== 404) answers.push(`${call.name} ${project}: ${status} ${body.slice(0, 200)}`)
      }
    }
    expect(guarded.length).toBeGreaterThan(200)
    expect(answers).toEqual([])
  })

  test('without a project answers the token of a job with what is of its project', async () => {
    const headers = { authorization: `Bearer ${token}` }
    const projects = JSON.parse((await server.send('/api/v1/projects', { headers })).body)
    expect(projects.projects.map((project: { name: string }) => project.name)).toEqual(['mine'])
    expect((await server.send('/api/v1/projects', { method: 'POST', headers, body: { name: 'made' } })).status).toBe(
      403,
    )
    for (const path of ['/api/v1/audit/verification', '/api/v1/audit/export', '/metrics'])
      expect((await server.send(path, { headers })).status, path).toBe(403)
    await server.send('/api/2.0/mlflow/registered-models/create', {
      method: 'POST',
      headers: { 'x-mlflow-workspace': 'yours' },
      body: { name: 'hidden' },
    })
    const found = async (path: string, asWhom: Record<string, string>) =>
      JSON.parse((await server.send(path, { headers: asWhom })).body).hits
    expect(await found('/api/v1/search?q=hidden', {})).toHaveLength(1)
    expect(await found('/api/v1/search?q=hidden', headers)).toEqual([])
    expect(await found('/api/v1/search?q=hidden&project=yours', headers)).toEqual([])
  })

  test('of MLflow finds nothing of another project by its id', async () => {
    const asYours = { 'x-mlflow-workspace': 'yours' }
    const post = async (path: string, body: object, headers: Record<string, string>) =>
      server.send(`/api/2.0/mlflow/${path}`, { method: 'POST', headers, body })
    const experiment = JSON.parse((await post('experiments/create', { name: 'e' }, asYours)).body).experiment_id
    const run = JSON.parse((await post('runs/create', { experiment_id: experiment }, asYours)).body).run.info.run_id
    const file = `/api/2.0/mlflow-artifacts/artifacts/${experiment}/${run}/artifacts/a.txt`
    expect((await server.send(file, { method: 'PUT', headers: asYours, body: 'secret' })).status).toBe(200)
    const headers = { authorization: `Bearer ${token}` }
    const answers = await Promise.all([
      server.send(`/api/2.0/mlflow/runs/get?run_id=${run}`, { headers }),
      server.send(`/api/2.0/mlflow/experiments/get?experiment_id=${experiment}`, { headers }),
      post('runs/log-metric', { run_id: run, key: 'a', value: 1, timestamp: 1 }, headers),
      post('runs/update', { run_id: run, status: 'FINISHED' }, headers),
      post('model-versions/create', { name: 'm', source: `runs:/${run}/` }, headers),
      server.send(file, { headers }),
      server.send(file, { method: 'PUT', headers, body: 'other' }),
      server.send(`/api/v1/projects/mine/runs/${run}`, { headers }),
      server.send(`/api/v1/projects/mine/runs/${run}/artifacts/content?path=a.txt`, { headers }),
    ])
    expect(answers.filter((answer) => answer.status !== 404).map((answer) => answer.body)).toEqual([])
    expect((await server.send(file, { headers: asYours })).body).toBe('secret')
    const found = await post('runs/search', { experiment_ids: [experiment] }, headers)
    expect([200, 404]).toContain(found.status)
    expect(found.body).not.toContain(run)
  })
})

test('what a handler throws shows in the log only', async () => {
  const canary = async () => {
    throw new Error('SELECT canary')
  }
  const modules = serverModules().map((module): Module => ({
    ...module,
    routes: (module.routes ?? []).map(({ endpoint }) => {
      const { params: _params, query: _query, body, ...rest } = endpoint
      return { endpoint: { ...rest, ...(body === 'bytes' ? { body } : {}) }, handle: canary }
    }),
    faces: (module.faces ?? []).map((face) => ({ ...face, handle: canary })),
  }))
  const server = await startAttackedServer({ modules })
  try {
    for (const call of calls(modules)) {
      const before = server.log.length
      const answer = await server.send(pathOf(call, 'default'), request(call, {}))
      expect(answer.status, `${call.name} ${answer.body}`).toBe(500)
      expect(answer.body + JSON.stringify(answer.headers), call.name).not.toMatch(
        /canary|guarantees\.test|node_modules/,
      )
      expect(server.log.slice(before).join('\n'), call.name).toContain('SELECT canary')
    }
  } finally {
    await server.close()
  }
})

test('a change whose audit event cannot be written is not made, and the answer names no table', async () => {
  const server = await startAttackedServer()
  try {
    await inTransaction(server.app.ctx, async (ctx) => {
      await sql`create trigger no_audit before insert on audit_events begin select raise(abort, 'canary'); end`.execute(
        ctx.db,
      )
    })
    const answer = await server.send('/api/v1/projects', { method: 'POST', body: { name: 'lost' } })
    expect(answer.status).toBe(500)
    expect(answer.body).not.toMatch(/canary|audit_events|insert|SQLITE/i)
    expect(server.log.join('\n')).toContain('canary')
    expect((await server.send('/api/v1/projects/lost')).status).toBe(404)
  } finally {
    await server.close()
  }
})
