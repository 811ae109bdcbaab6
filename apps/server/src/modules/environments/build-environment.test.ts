import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { inTransaction } from '@kiban/kit/context'
import type { Ctx } from '@kiban/kit/context'
import { putManifest } from '@kiban/kit/manifests'
import { runProcess } from '@kiban/kit/subprocess'
import { startTestApp } from '@kiban/testkit/app'
import type { TestApp } from '@kiban/testkit/app'
import { access } from '../access/index.ts'
import { audit } from '../audit/index.ts'
import { projects } from '../projects/index.ts'
import { secrets } from '../secrets/index.ts'
import { environmentPaths } from './build-environment.ts'
import { upsertSpec } from './environments.store.ts'
import { environments, getEnvironment, requestEnvironment } from './index.ts'
import type { EnvironmentView } from './index.ts'

let app: TestApp

beforeAll(async () => {
  app = await startTestApp({ modules: [projects, access, audit, secrets, environments], loops: true })
  const body = JSON.stringify({ name: 'lab' })
  await fetch(`${app.url}/api/v1/projects`, { method: 'POST', headers: { 'content-type': 'application/json' }, body })
})
afterAll(() => app.close())

async function request(name: string, spec: object, files: Record<string, string>): Promise<string> {
  const { blobs } = app.ctx.platform
  const entries = Object.entries(files).map(async ([path, text]) => ({ path, ...(await blobs.put(Buffer.from(text))) }))
  const code = await putManifest(blobs, await Promise.all(entries))
  return inTransaction(app.ctx, async (ctx: Ctx) => {
    await upsertSpec(ctx.db, 'lab', name, JSON.stringify(spec))
    return (await requestEnvironment(ctx, 'lab', name, code)).id
  })
}

async function built(id: string): Promise<EnvironmentView> {
  for (;;) {
    const view = await getEnvironment(app.ctx, id)
    if (view.state === 'ready' || view.state === 'failed') return view
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
}

describe('an environment', () => {
  test(
    'is built from requirements, lists its packages, and is shared by all that ask for the same',
    { timeout: 120_000 },
    async () => {
      const first = await request(
        'py',
        { requirements: 'requirements.txt' },
        { 'requirements.txt': 'six==1.16.0 # pinned\n', 'a.py': '1' },
      )
      const view = await built(first)
      expect(view.error).toBeNull()
      expect(view).toMatchObject({ state: 'ready', packages: [{ name: 'six', version: '1.16.0' }] })
      const { stdout } = await runProcess([view.python ?? '', '-c', 'import six; print(six.__version__)'])
      expect(stdout.trim()).toBe('1.16.0')
      const second = await request('other', { packages: ['six==1.16.0'] }, { 'b.py': '2' })
      const shared = await built(second)
      expect(shared).toMatchObject({ prefix: view.prefix, lockHash: view.lockHash })
      expect(second).not.toBe(first)

      const answer = await fetch(`${app.url}/api/v1/projects/lab/environments/${first}/log`)
      expect(((await answer.json()) as { lines: string[] }).lines.at(-1)).toMatch(/^Ready: 1 packages/)
    },
  )

  test('half built by a killed server is removed and built anew', { timeout: 120_000 }, async () => {
    const id = await request('py', { packages: ['six==1.15.0'] }, { 'c.py': '3' })
    const { specHash } = await built(id)
    const paths = environmentPaths(app.home, specHash ?? '')
    // As a kill in the middle leaves it: a folder without its mark, and a row that a dead process claims to build.
    const marker = join(paths.prefix, 'kiban-environment.json')
    await runProcess(['rm', marker])
    mkdirSync(join(paths.prefix, 'rubbish'), { recursive: true })
    writeFileSync(join(paths.prefix, 'rubbish', 'half'), '')
    const writer = app.ctx.platform.database.writer
    await writer
      .updateTable('environment_builds')
      .set({ state: 'building', runner: `${(await import('node:os')).hostname()} 999999 1` })
      .where('spec_hash', '=', specHash ?? '')
      .execute()
    app.ctx.platform.wake('environments')
    expect((await built(id)).state).toBe('ready')
    expect(existsSync(join(paths.prefix, 'rubbish'))).toBe(false)
    expect(JSON.parse(readFileSync(marker, 'utf8'))).toMatchObject({ packages: [{ name: 'six' }] })
  })

  test.each([
    [
      'a version that there is not',
      { packages: ['six==99.0'] },
      {},
      'user_error',
      /no version six==99.0|no matching version for six==99.0/,
    ],
    [
      'a package that there is not',
      { packages: ['kiban-no-such-package==1'] },
      {},
      'user_error',
      /no package kiban-no-such-package|no matching version/,
    ],
    ['a file that there is not', { requirements: 'missing.txt' }, {}, 'user_error', /There is no file missing.txt/],
    [
      'a folder as package',
      { requirements: 'r.txt' },
      { 'r.txt': '\n-e ./lib\n' },
      'user_error',
      /r.txt:2: "-e .\/lib" is a package in a folder/,
    ],
    [
      'a Python that there is not',
      { python: '3.99' },
      {},
      'start_failed',
      /Python 3.99 is asked for, but this machine has 3\./,
    ],
  ] as const)('with %s fails and says why', { timeout: 120_000 }, async (_name, spec, files, cause, message) => {
    const view = await built(await request('bad', spec, { 'x.py': _name, ...files }))
    expect(view).toMatchObject({ state: 'failed', error: { cause } })
    expect(view.error?.message).toMatch(message)
  })

  test('that the project does not have can not be asked for', async () => {
    const asked = inTransaction(app.ctx, (ctx) => requestEnvironment(ctx, 'lab', 'pyy', '0'.repeat(64)))
    await expect(asked).rejects.toMatchObject({ code: 'environment_invalid' })
  })

  test('that did not fail can not be built again', async () => {
    const id = await request('none', {}, { 'n.py': '' })
    expect((await built(id)).state).toBe('ready')
    const answer = await fetch(`${app.url}/api/v1/projects/lab/environments/${id}/rebuild`, { method: 'POST' })
    expect(answer.status).toBe(409)
    expect(await answer.json()).toMatchObject({ error: { code: 'environment_not_failed' } })
  })
})
