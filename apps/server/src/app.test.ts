import { mkdtempSync } from 'node:fs'
import { request } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { sql } from 'kysely'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { readConfig } from '@kiban/kit/config'
import { inTransaction } from '@kiban/kit/context'
import { silentLogger } from '@kiban/kit/log'
import { freePort } from '@kiban/testkit/app'
import { startApp } from './app.ts'
import type { App } from './app.ts'
import { serverModules } from './modules.ts'
import { contractEndpoints } from './modules/system/openapi.ts'

const newHome = () => mkdtempSync(join(tmpdir(), 'kiban-home-'))

async function configOf(home: string) {
  return readConfig(
    {
      KIBAN_HOME: home,
      KIBAN_PORT: String(await freePort()),
      KIBAN_GRPC_PORT: String(await freePort()),
      KIBAN_INFERENCE_PORT: String(await freePort()),
    },
    home,
  )
}

/** A request with headers that fetch would not send. */
function send(
  app: App,
  path: string,
  options: { method?: string; headers?: Record<string, string>; body?: string } = {},
): Promise<{ status: number; body: string }> {
  return new Promise((resolve, reject) => {
    const sent = request(
      app.url + path,
      { method: options.method ?? 'GET', headers: options.headers ?? {} },
      (response) => {
        let body = ''
        response.setEncoding('utf8').on('data', (text: string) => (body += text))
        response.on('end', () => resolve({ status: response.statusCode ?? 0, body }))
      },
    )
    sent.on('error', reject)
    sent.end(options.body)
  })
}

describe('a running server', () => {
  let app: App
  let config: Awaited<ReturnType<typeof configOf>>
  beforeAll(async () => {
    config = await configOf(newHome())
    app = await startApp({ config, modules: serverModules(), log: silentLogger, strict: true, loops: false })
  })
  afterAll(async () => app.close())

  test.each([
    ['another host name', { host: 'evil.example' }],
    ['another origin', { origin: 'http://evil.example' }],
    ['the null origin', { origin: 'null' }],
    ['a request from another site', { 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'cors' }],
  ])('refuses %s', async (_what, headers) => {
    expect((await send(app, '/api/v1/projects', { headers })).status).toBe(403)
  })

  test('answers probes whatever the host name', async () => {
    expect(await send(app, '/livez', { headers: { host: 'evil.example' } })).toMatchObject({ status: 200 })
  })

  test('takes JSON only, within limits, and names what is wrong', async () => {
    const post = (body: string, type = 'application/json') =>
      send(app, '/api/v1/projects', { method: 'POST', headers: { 'content-type': type }, body })
    expect((await post('name=x', 'application/x-www-form-urlencoded')).status).toBe(415)
    expect((await post('{"name":', 'application/json')).body).toContain('not JSON')
    expect((await post('{"name":"1"}')).body).toContain('body.name')
    expect((await post('{"name":"ok","extra":1}')).status).toBe(400)
    expect((await post(JSON.stringify({ name: 'big', description: 'x'.repeat(2 << 20) }))).status).toBe(413)
    expect((await send(app, '/api/v1/projects')).body).toBe('{"projects":[]}')
  })

  test('an unknown token is refused although sign-in is off', async () => {
    expect((await send(app, '/api/v1/projects', { headers: { authorization: 'Bearer kbnp_x' } })).status).toBe(401)
  })

  test('a write outside a transaction fails', async () => {
    await expect(sql`insert into projects (id) values ('x')`.execute(app.ctx.db)).rejects.toThrow(/readonly|read-only/)
  })

  test('what an action threw leaves no trace, audit included', async () => {
    await expect(
      inTransaction(app.ctx, async (ctx) => {
        await sql`insert into lineage_edges (id, from_node, relation, to_node, at) values ('x', 'a', 'used', 'b', 1)`.execute(
          ctx.db,
        )
        throw new Error('no')
      }),
    ).rejects.toThrow('no')
    expect((await sql<{ n: number }>`select count(*) as n from lineage_edges`.execute(app.ctx.db)).rows[0]?.n).toBe(0)
  })

  test('a second server on the same home is told to go elsewhere, and so is a second one on the same port', async () => {
    const other = { ...config, home: newHome() }
    await expect(
      startApp({
        config: { ...other, databaseUrl: `sqlite:${other.home}/kiban.db` },
        modules: serverModules(),
        log: silentLogger,
      }),
    ).rejects.toThrow(`Port ${config.port} is taken`)
  })

  test('every endpoint of the contract has exactly one route, and every route declares who may', () => {
    const routes = serverModules().flatMap((module) => (module.routes ?? []).map((route) => route.endpoint.name))
    expect(routes.toSorted()).toEqual(
      contractEndpoints()
        .map((endpoint) => endpoint.name)
        .toSorted(),
    )
    for (const endpoint of contractEndpoints()) expect(endpoint.action, endpoint.name).toBeTruthy()
  })
})

test('a home written by a newer version is refused with the remedy', async () => {
  const config = await configOf(newHome())
  const first = await startApp({ config, modules: serverModules(), log: silentLogger, loops: false })
  await inTransaction(first.ctx, async (ctx) =>
    sql`insert into schema_migrations (module, id, applied_at) values ('projects', '2099-01-01-1', 1)`.execute(ctx.db),
  )
  await first.close()
  await expect(startApp({ config, modules: serverModules(), log: silentLogger })).rejects.toThrow(/newer version/)
})

test.each([
  [{ KIBAN_HOST: '0.0.0.0' }, /loopback/],
  [{ KIBAN_AUTH: 'on' }, /not there yet/],
  [{ KIBAN_PORT: 'abc' }, /KIBAN_PORT/],
  [{ KIBAN_PORT: '70000' }, /KIBAN_PORT/],
  [{ KIBAN_BLOBS_URL: 's3://x' }, /only file:/],
])('the setting %o is refused before anything is begun', (env, message) => {
  expect(() => readConfig({ KIBAN_HOME: '/nowhere', ...env }, tmpdir())).toThrow(message)
})
