import { createHash } from 'node:crypto'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { startAttackedServer } from './attacked-server.ts'
import type { AttackedServer } from './attacked-server.ts'

// Path traversal in every spelling (CVE-2023-30172, 2023-6831, 2023-3765, 2024-1560, 2024-8859 and their kin; access.md §10).
// Requests go out byte by byte as written: no client normalises them.

const CANARY = 'canary: this must stay unread and unharmed'
const ARTIFACTS = '/api/2.0/mlflow-artifacts/artifacts'

let server: AttackedServer
let canary: string
let run: string
beforeAll(async () => {
  server = await startAttackedServer()
  canary = join(server.home, 'canary.txt')
  writeFileSync(canary, CANARY)
  mkdirSync(join(server.home, 'home', 'artifacts'), { recursive: true })
  const post = async (path: string, body: object) =>
    JSON.parse((await server.send(`/api/2.0/mlflow/${path}`, { method: 'POST', body })).body)
  expect((await server.send('/api/v1/projects', { method: 'POST', body: { name: 'default' } })).status).toBe(201)
  const experiment = (await post('experiments/create', { name: 'paths' })).experiment_id
  run = `${experiment}/${(await post('runs/create', { experiment_id: experiment })).run.info.run_id}/artifacts`
  expect((await server.send(`${ARTIFACTS}/${run}/good/file.txt`, { method: 'PUT', body: 'good' })).status).toBe(200)
})
afterAll(async () => server.close())

const UP = [
  '../'.repeat(8),
  '..%2f'.repeat(8),
  '..%2F'.repeat(8),
  '%2e%2e/'.repeat(8),
  '%2E%2E%2F'.repeat(8),
  '.%2e/'.repeat(8),
  '%252e%252e%252f'.repeat(8),
  '%252E%252E/'.repeat(8),
  '%25252e%25252e%25252f'.repeat(8),
  '..%5c'.repeat(8),
  '..\\'.repeat(8),
  '..%255c'.repeat(8),
  '..;/'.repeat(8) + '../',
  'a;/../../../',
  './../',
  'good/../../',
  'good/%2e%2e/%2e%2e/',
  '/',
  '//',
  '%2f',
  '%252f',
  '/proc/self/root/',
  'file:///',
  'file:%2f%2f%2f',
  'C:/',
  'C:%5c',
  'c%3a/',
  'http:///',
  '%00/',
  'a%00',
  '%0d%0a',
  '%c0%ae%c0%ae%c0%af',
  '%ff%fe',
  '%',
  '%zz',
  '',
]

describe.each([
  ['from the root', (path: string) => path],
  ['inside a run', (path: string) => `${run}/${path}`],
])('a hostile path %s', (_where, under) => {
  test.each(UP.filter((spelling) => spelling !== ''))('spelled %j reaches nothing', async (spelling) => {
    for (const target of [`${spelling}canary.txt`, `${spelling}etc/passwd`, spelling])
      for (const method of ['GET', 'PUT', 'DELETE'] as const) {
        const answer = await server.send(`${ARTIFACTS}/${under(target)}`, {
          method,
          ...(method === 'PUT' ? { body: 'overwritten' } : {}),
        })
        expect(answer.status, `${method} ${target} ${answer.body}`).toBeGreaterThanOrEqual(400)
        expect(answer.status, `${method} ${target} ${answer.body}`).toBeLessThan(500)
        expect(answer.body).not.toMatch(/canary: this|root:/)
      }
  })

  test.each(UP.filter((spelling) => spelling !== ''))('spelled %j lists nothing', async (spelling) => {
    const query = under(spelling).replaceAll('\\', '%5c')
    const answer = await server.send(`${ARTIFACTS}?path=${query}`)
    expect(answer.body).not.toMatch(/canary|passwd|home/)
    if (answer.status === 200) expect(JSON.parse(answer.body).files).toEqual([])
    else expect(answer.status, answer.body).toBe(400)
  })
})

test('a hostile path in a query of our own API reaches nothing', async () => {
  const runId = run.split('/')[1]
  const csv = Buffer.from('a\n1\n')
  const hash = createHash('sha256').update(csv).digest('hex')
  await server.send(`/api/v1/projects/default/blobs/${hash}`, { method: 'PUT', body: csv })
  const commit = (path: string) =>
    server.send('/api/v1/projects/default/datasets/d/versions', {
      method: 'POST',
      body: { files: [{ path, hash, sizeBytes: csv.length }], message: 'x' },
    })
  expect((await commit('a.csv')).status).toBeLessThan(300)
  for (const spelling of UP) {
    const path = `${spelling.replaceAll('\\', '%5c')}canary.txt`
    for (const url of [
      `/api/v1/projects/default/runs/${runId}/artifacts/content?path=${path}`,
      `/api/v1/projects/default/runs/${runId}/artifacts?path=${path}`,
      `/api/v1/projects/default/datasets/d/versions/1/file?path=${path}`,
    ]) {
      const answer = await server.send(url)
      expect(answer.body, url).not.toContain(CANARY)
      if (answer.status === 200) expect(answer.body, url).not.toMatch(/canary/)
      else expect([400, 404], `${url} ${answer.status} ${answer.body}`).toContain(answer.status)
    }
  }
  for (const path of ['../up.csv', '/etc/passwd', 'a//b', 'a/../b', 'C:/x', 'a\u0000b', '%2e%2e/x', 'a\\b', ''])
    expect((await commit(path)).status, path).toBe(400)
})

test('a hostile path of a project file or of its code is refused', async () => {
  const bytes = Buffer.from('x')
  const hash = createHash('sha256').update(bytes).digest('hex')
  await server.send(`/api/v1/projects/default/blobs/${hash}`, { method: 'PUT', body: bytes })
  for (const path of ['../x.py', '/tmp/x.py', 'a/../../x.py', 'a\\x.py', '%2e%2e%2fx.py']) {
    const answer = await server.send('/api/v1/projects/default/apply', {
      method: 'POST',
      body: { text: 'project: default\n', files: [{ path, hash, sizeBytes: 1 }] },
    })
    expect(answer.status, `${path} ${answer.body}`).toBe(400)
  }
})

test('the files of the UI give out nothing but themselves', async () => {
  for (const spelling of UP)
    for (const root of ['/assets/', '/p/', '/', '/go/']) {
      const answer = await server.send(`${root}${spelling}canary.txt`)
      expect(answer.body).not.toContain(CANARY)
      expect(answer.status, `${root}${spelling} ${answer.body.slice(0, 100)}`).toBeLessThan(500)
    }
})

test('bytes that another project has are not given out for their hash', async () => {
  const bytes = Buffer.from('only of one project')
  const hash = createHash('sha256').update(bytes).digest('hex')
  await server.send('/api/v1/projects', { method: 'POST', body: { name: 'other' } })
  expect(
    (await server.send(`/api/v1/projects/other/blobs/${hash}`, { method: 'PUT', body: bytes })).status,
  ).toBeLessThan(300)
  const missing = await server.send('/api/v1/projects/default/blobs/missing', {
    method: 'POST',
    body: { hashes: [hash] },
  })
  expect(missing.body).toContain(hash)
  const stolen = await server.send('/api/v1/projects/default/datasets/stolen/versions', {
    method: 'POST',
    body: { files: [{ path: 'a.csv', hash, sizeBytes: bytes.length }], message: 'x' },
  })
  expect(stolen.status, stolen.body).toBeGreaterThanOrEqual(400)
  expect(stolen.status).toBeLessThan(500)
})

test('after all of it the canary is unharmed, and what was good still reads', async () => {
  expect(readFileSync(canary, 'utf8')).toBe(CANARY)
  expect((await server.send(`${ARTIFACTS}/${run}/good/file.txt`)).body).toBe('good')
  expect(JSON.parse((await server.send(`${ARTIFACTS}?path=${run}`)).body).files).toEqual([
    { path: 'good', is_dir: true },
  ])
})
