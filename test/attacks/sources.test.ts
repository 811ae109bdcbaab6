import { writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import type { AddressInfo, Server } from 'node:net'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { startAttackedServer } from './attacked-server.ts'
import type { AttackedServer } from './attacked-server.ts'

// Where a model version or an experiment may come from (CVE-2023-1177, 2023-6909, 2023-6977, 2024-1483, 2025-11201, 2026-2614), requests
// that a server is talked into (CVE-2023-6974, 2026-2393), and names that look like one another (CVE-2024-3099).

const MLFLOW = '/api/2.0/mlflow'

let server: AttackedServer
let listener: Server
let connections = 0
let outside: string
let experiment: string
let run: string

beforeAll(async () => {
  server = await startAttackedServer()
  listener = createServer((socket) => {
    connections += 1
    socket.destroy()
  })
  await new Promise<void>((resolve) => listener.listen(0, '127.0.0.1', resolve))
  outside = `http://127.0.0.1:${(listener.address() as AddressInfo).port}` // a listening TCP server has one
  writeFileSync(join(server.home, 'MLmodel'), 'flavors: { canary: {} }')
  await server.send('/api/v1/projects', { method: 'POST', body: { name: 'default' } })
  experiment = JSON.parse((await post('experiments/create', { name: 'sources' })).body).experiment_id
  run = JSON.parse((await post('runs/create', { experiment_id: experiment })).body).run.info.run_id
  const file = `/api/2.0/mlflow-artifacts/artifacts/${experiment}/${run}/artifacts/model/MLmodel`
  expect((await server.send(file, { method: 'PUT', body: 'flavors:\n  python_function: {}\n' })).status).toBe(200)
  expect((await post('registered-models/create', { name: 'm' })).status).toBe(200)
})
afterAll(async () => {
  listener.close()
  await server.close()
})

const post = (path: string, body: object) => server.send(`${MLFLOW}/${path}`, { method: 'POST', body })

test('a version can be made of what the server keeps itself', async () => {
  const answer = await post('model-versions/create', { name: 'm', source: `runs:/${run}/model`, run_id: run })
  expect(answer.status, answer.body).toBe(200)
})

const sources = (): string[] => [
  'file:///etc/',
  'file:///etc/passwd',
  'file://host/../../../etc',
  'file://./etc',
  'file:../../etc',
  `file://${server.home}`,
  server.home,
  '/etc',
  '//proc/self/root',
  '\\\\host\\share',
  'C:/Windows',
  '../../etc',
  `${outside}/api/2.0/mlflow-artifacts/artifacts/`,
  'http:///?/../../../../etc/',
  'http:///#/../../../../etc/',
  'https://169.254.169.254/latest/meta-data/',
  's3://bucket/path',
  'gs://bucket/path',
  'dbfs:/x/artifacts/a%3f/../../../',
  'ftp://127.0.0.1/x',
  'mlflow-artifacts:/../../etc',
  `mlflow-artifacts:/${experiment}/${run}/artifacts/../../../../etc`,
  `mlflow-artifacts:/${experiment}/${run}/artifacts/%2e%2e/%2e%2e`,
  `mlflow-artifacts://127.0.0.1/${experiment}/${run}/artifacts/model`,
  `mlflow-artifacts:/${experiment}/${run}/artifacts/model#/../../etc`,
  `mlflow-artifacts:/${experiment}/${run}/artifacts/a?/../../etc`,
  `runs:/${run}/../../etc`,
  `runs:/${run}/%2e%2e/%2e%2e/etc`,
  `runs:/${run}//etc`,
  'runs:/../x/model',
  `runs:/${'0'.repeat(32)}/model`,
  'models:/none/1',
  'models:/m/99',
  'models:/../m/1',
  'models:/m@none',
  `models:/m-${'0'.repeat(32)}`,
  'x'.repeat(100_000),
]

test('of nothing else, whatever its tags and its run say', async () => {
  for (const source of sources())
    for (const extra of [
      {},
      { tags: [{ key: 'mlflow.prompt.is_prompt', value: 'true' }] },
      { run_id: run, tags: [{ key: 'mlflow.prompt.is_prompt', value: 'True' }] },
    ]) {
      const answer = await post('model-versions/create', { name: 'm', source, ...extra })
      expect([400, 404], `${source.slice(0, 200)} ${answer.status} ${answer.body.slice(0, 300)}`).toContain(
        answer.status,
      )
    }
  const found = JSON.parse((await server.send(`${MLFLOW}/model-versions/search`)).body)
  expect(found.model_versions).toHaveLength(1)
})

test('our own API takes no other source either', async () => {
  for (const source of sources()) {
    const answer = await server.send('/api/v1/projects/default/models/m/versions', { method: 'POST', body: { source } })
    expect([400, 404, 422], `${source.slice(0, 200)} ${answer.status} ${answer.body.slice(0, 300)}`).toContain(
      answer.status,
    )
  }
})

test('an experiment keeps its artifacts here, wherever it is told to', async () => {
  let n = 0
  for (const location of [
    '/etc',
    'file:///etc',
    'http:///?/../../../../etc/',
    'http:///#/../../../../etc/',
    `${outside}/x`,
    'dbfs:/',
    's3://bucket',
    'mlflow-artifacts:/../../etc',
    'mlflow-artifacts:/a/../../b',
    'mlflow-artifacts:/%2e%2e/etc',
    'runs:/x',
    'x#y',
    'x'.repeat(1_000_000),
  ]) {
    const answer = await post('experiments/create', { name: `at ${n++}`, artifact_location: location })
    expect(answer.status, `${location.slice(0, 100)} ${answer.body.slice(0, 300)}`).toBe(400)
  }
})

test('what MLflow once answered without asking who is there is not there', async () => {
  for (const [method, path] of [
    ['GET', `/get-artifact?path=../../etc/passwd&run_uuid=${run}`],
    ['GET', '/model-versions/get-artifact?path=passwd&name=m&version=1'],
    ['POST', `/ajax-api/2.0/mlflow/upload-artifact?run_uuid=${run}&path=a?/a`],
    ['POST', '/graphql'],
    ['POST', '/ajax-api/2.0/mlflow/gateway-proxy'],
    ['GET', '/ajax-api/2.0/mlflow/gateway-proxy?gateway_path=http://169.254.169.254/'],
    ['POST', '/api/2.0/mlflow/users/create'],
    ['POST', '/ajax-api/3.0/jobs/'],
    ['POST', '/v1/traces'],
    ['POST', '/api/2.0/mlflow/webhooks'],
    ['POST', '/signup'],
  ] as const) {
    const answer = await server.send(path, { method, ...(method === 'POST' ? { body: { url: outside } } : {}) })
    expect([400, 404, 415], `${method} ${path} ${answer.status} ${answer.body.slice(0, 200)}`).toContain(answer.status)
    expect(answer.body).not.toContain('root:')
  }
})

test('nothing of all this made the server call anybody', async () => {
  const file = `project: default\ndatasets: { remote: { source: "${outside}/a.csv" }, other: { source: { from: outside, path: a.csv } } }\nsources: { outside: { type: http, url: "${outside}" } }\n`
  const answer = await server.send('/api/v1/projects/default/apply', {
    method: 'POST',
    body: { text: file, files: [] },
  })
  expect(answer.status, answer.body).toBeLessThan(500)
  await server.send('/v2/models/x/infer', {
    method: 'POST',
    headers: { host: '127.0.0.1', 'x-forwarded-host': 'evil.example' },
    body: {},
  })
  expect(connections).toBe(0)
})

test('names that look or fold alike are one name, and hold no separators', async () => {
  const create = (name: string) => post('registered-models/create', { name })
  for (const name of ['a/b', 'a%2fb', 'a:b', 'a\u0000b', '', ' ', '../x', 'a\nb', 'x'.repeat(300)])
    expect((await create(name)).status, JSON.stringify(name.slice(0, 20))).toBe(400)
  expect((await create('caf\u00e9')).status).toBe(200)
  const twin = await create('cafe\u0301')
  expect(twin.status, twin.body).toBe(400)
  const project = (name: string) => server.send('/api/v1/projects', { method: 'POST', body: { name } })
  expect((await project('my-twin')).status).toBe(201)
  for (const name of ['My-Twin', 'my_twin', 'MY_TWIN']) expect((await project(name)).status, name).toBe(409)
  for (const name of ['a/b', '..', 'caf\u00e9', 'a b', 'a'.repeat(100)])
    expect((await project(name)).status, name).toBe(400)
  const hash = 'a'.repeat(64)
  const commit = await server.send('/api/v1/projects/default/datasets/d/versions', {
    method: 'POST',
    body: { files: [{ path: 'e\u0301.csv', hash, sizeBytes: 1 }], message: 'x' },
  })
  expect([400, 422], commit.body).toContain(commit.status)
})
