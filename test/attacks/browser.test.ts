import { afterAll, beforeAll, expect, test } from 'vitest'
import { startAttackedServer } from './attacked-server.ts'
import type { AttackedServer, Answer } from './attacked-server.ts'

// What a page of somebody else can do with a browser that reaches this server: CSRF and DNS rebinding (CVE-2023-43472, 2025-1473,
// 2025-14279), scripts in answers and in artifacts (CVE-2023-6568, 2024-27132, 2026-33865).

const SCRIPT = '<script>alert(1)</script>'
let server: AttackedServer
let artifact: string
beforeAll(async () => {
  server = await startAttackedServer()
  await server.send('/api/v1/projects', { method: 'POST', body: { name: 'default' } })
  const post = async (path: string, body: object) =>
    JSON.parse((await server.send(`/api/2.0/mlflow/${path}`, { method: 'POST', body })).body)
  const experiment = (await post('experiments/create', { name: 'x' })).experiment_id
  const run = (await post('runs/create', { experiment_id: experiment })).run.info.run_id
  artifact = `/api/2.0/mlflow-artifacts/artifacts/${experiment}/${run}/artifacts/page.html`
  expect((await server.send(artifact, { method: 'PUT', body: SCRIPT })).status).toBe(200)
})
afterAll(async () => server.close())

const header = (answer: Answer, name: string) => String(answer.headers[name] ?? '')

test.each([
  [{ host: 'evil.example' }],
  [{ host: 'evil.example:7300' }],
  [{ host: '127.0.0.1.evil.example' }],
  [{ host: 'localhost.evil.example' }],
  [{ host: '169.254.169.254' }],
  [{ host: '[::ffff:127.0.0.1]' }],
  [{ origin: 'http://evil.example' }],
  [{ origin: 'null' }],
  [{ origin: 'http://127.0.0.1:1' }],
  [{ origin: 'http://localhost' }],
  [{ origin: 'file://' }],
  [{ 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'no-cors' }],
  [{ 'sec-fetch-site': 'same-site', 'sec-fetch-mode': 'cors' }],
  [{ 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'navigate' }],
])('a request with %j is refused on every face, and changes nothing', async (headers) => {
  for (const [method, path] of [
    ['GET', '/api/v1/projects'],
    ['POST', '/api/v1/projects'],
    ['POST', '/api/2.0/mlflow/experiments/create'],
    ['GET', '/api/2.0/preview/mlflow/experiments/list'],
    ['GET', artifact],
    ['DELETE', artifact],
    ['POST', '/v2/models/x/infer'],
    ['GET', '/api/v1/events'],
    ['GET', '/metrics'],
    ['GET', '/api/v1/nothing'],
  ] as const) {
    const answer = await server.send(path, {
      method,
      headers,
      ...(method === 'POST' ? { body: { name: 'forged' } } : {}),
    })
    expect([400, 403], `${method} ${path} ${answer.status}`).toContain(answer.status)
    expect(header(answer, 'access-control-allow-origin')).toBe('')
  }
  expect((await server.send('/api/v1/projects')).body).not.toContain('forged')
  expect((await server.send(artifact)).body).toBe(SCRIPT)
})

test('a form, which needs no permission of the other site, changes nothing', async () => {
  for (const type of ['application/x-www-form-urlencoded', 'multipart/form-data; boundary=x', 'text/plain', ''])
    for (const path of ['/api/v1/projects', '/api/2.0/mlflow/experiments/create', '/api/v1/projects/default/apply']) {
      const answer = await server.send(path, {
        method: 'POST',
        headers: type === '' ? {} : { 'content-type': type },
        body: '{"name":"forged"}',
      })
      expect([400, 415], `${type} ${path} ${answer.status} ${answer.body}`).toContain(answer.status)
    }
  expect((await server.send('/api/v1/projects')).body).not.toContain('forged')
})

test('an artifact is an attachment that no browser runs', async () => {
  for (const path of [artifact, artifact.replace('/api/', '/ajax-api/'), `${artifact}?x=.html`]) {
    const answer = await server.send(path)
    expect(answer.body).toBe(SCRIPT)
    expect(header(answer, 'content-disposition')).toMatch(/^attachment/)
    expect(header(answer, 'content-type')).toBe('application/octet-stream')
    expect(header(answer, 'x-content-type-options')).toBe('nosniff')
    expect(header(answer, 'content-security-policy')).toMatch(/sandbox/)
    expect(header(answer, 'content-security-policy')).toMatch(/default-src 'none'/)
  }
  const [, , , , , , run] = artifact.split('/')
  const own = await server.send(`/api/v1/projects/default/runs/${run}/artifacts/content?path=page.html`)
  expect(own.status, own.body).toBe(200)
  expect(header(own, 'content-type')).not.toMatch(/html|svg|xml/)
  expect(header(own, 'x-content-type-options')).toBe('nosniff')
  expect(header(own, 'content-security-policy')).toMatch(/sandbox/)
})

test('what was sent does not come back as a page', async () => {
  const answers = [
    await server.send('/api/2.0/mlflow/users/create', {
      method: 'POST',
      headers: { 'content-type': SCRIPT },
      body: 'x',
    }),
    await server.send('/api/v1/projects', { method: 'POST', headers: { 'content-type': SCRIPT }, body: 'x' }),
    await server.send(`/api/v1/projects/${SCRIPT}`),
    await server.send(`/${SCRIPT}`),
    await server.send(`/%zz${SCRIPT}`),
    await server.send(`/api/v1/projects/%zz${SCRIPT}`),
    await server.send(`/api/2.0/mlflow/${SCRIPT}`),
    await server.send(`/api/2.0/mlflow/runs/get?run_id=${SCRIPT}`),
    await server.send(`/api/2.0/mlflow-artifacts/artifacts?path=${SCRIPT}`),
    await server.send('/api/v1/projects', { method: 'POST', body: { name: SCRIPT } }),
    await server.send('/v2/models/x', { headers: { host: SCRIPT } }),
    await server.send(`/v2/models/${SCRIPT}/infer`, { method: 'POST', body: {} }),
    await server.send('/', { method: SCRIPT.length > 0 ? 'PROPFIND' : 'GET' }),
  ]
  for (const answer of answers) {
    expect(answer.status, answer.body).toBeGreaterThanOrEqual(400)
    expect(header(answer, 'content-type'), answer.body).toMatch(/^(application\/json|text\/plain)/)
    expect(header(answer, 'x-content-type-options'), answer.body).toBe('nosniff')
  }
})

test('a page of the UI runs only its own scripts and is framed by nobody', async () => {
  for (const path of ['/', '/p/default', '/o/audit']) {
    const answer = await server.send(path)
    if (answer.status === 404) continue // the UI is not built here
    const policy = header(answer, 'content-security-policy')
    expect(policy).toMatch(/default-src 'none'|default-src 'self'/)
    expect(policy).toMatch(/frame-ancestors 'none'/)
    expect(policy).not.toMatch(/script-src[^;]*unsafe-(inline|eval)/)
    expect(policy).not.toMatch(/https?:\/\//)
    expect(header(answer, 'x-frame-options')).toBe('DENY')
  }
})

test('no answer opens the server to other origins', async () => {
  const preflight = await server.send('/api/v1/projects', {
    method: 'OPTIONS',
    headers: { origin: 'http://evil.example', 'access-control-request-method': 'POST' },
  })
  expect(preflight.status).toBe(403)
  const names = Object.keys(preflight.headers).filter((name) => name.startsWith('access-control'))
  expect(names).toEqual([])
})
