import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { canonicalJson } from '@kiban/kit/canonical-json'
import { AppError } from '@kiban/kit/errors'
import type { Gatekeeper } from '@kiban/kit/http'
import { startTestApp, TEST_PERSON } from '@kiban/testkit/app'
import type { TestApp } from '@kiban/testkit/app'
import { testDatabases } from '@kiban/testkit/database'
import { linearModel } from '@kiban/testkit/onnx-model'
import { access, authorize } from '../../access/index.ts'
import { audit } from '../../audit/index.ts'
import { lineageModule } from '../../lineage/index.ts'
import { createProject, projects } from '../../projects/index.ts'
import { tracking } from '../../tracking/index.ts'
import { createModel } from '../create-model.ts'
import { models } from '../index.ts'

type Answer = { readonly status: number; readonly body: Record<string, unknown> }
const JOB = { id: 'job_1', kind: 'job', name: 'job', roles: 'J', project: 'default' } as const
const gatekeeper: Gatekeeper = {
  authenticate: async (_ctx, request) => (request.headers.authorization === 'Bearer job' ? JOB : TEST_PERSON),
  require: (actor, action, resource) => {
    if (!authorize(actor, action, resource).allow) throw new AppError('forbidden', { message: `no ${action}` })
  },
}

describe.each(testDatabases())('MLflow registry protocol on $name', (database) => {
  let app: TestApp
  let drop = async (): Promise<void> => {}
  let run: string
  beforeAll(async () => {
    const fresh = await database.fresh()
    drop = fresh.drop
    app = await startTestApp({
      modules: [projects, access, audit, lineageModule([]), tracking, models],
      databaseUrl: fresh.url,
      gatekeeper,
    })
    await createProject(app.ctx, { name: 'default', title: '', description: '' })
    const { body } = await send('POST', 'runs/create', { experiment_id: '0' })
    run = (body['run'] as { info: { run_id: string } }).info.run_id
    for (const path of ['model/model.onnx', 'bad/notes.txt'])
      await fetch(`${app.url}/api/2.0/mlflow-artifacts/artifacts/0/${run}/artifacts/${path}`, {
        method: 'PUT',
        body: new Uint8Array(linearModel([1, 2], 0)),
      })
  })
  afterAll(async () => {
    await app.close()
    await drop()
  })

  async function send(method: string, path: string, body?: object, token?: string): Promise<Answer> {
    const response = await fetch(`${app.url}/api/2.0/mlflow/${path}`, {
      method,
      ...(body ? { body: JSON.stringify(body) } : {}),
      headers: {
        ...(body ? { 'content-type': 'application/json' } : {}),
        ...(token ? { authorization: `Bearer ${token}` } : {}),
      },
    })
    return { status: response.status, body: (await response.json()) as Record<string, unknown> }
  }
  const register = (name: string, source: string, more: object = {}) =>
    send('POST', 'model-versions/create', { name, source, ...more })

  test('names: refused when they could be taken for another, unique', async () => {
    for (const name of ['a/b', 'a:b', 'a%2fb', 'a\u0000b', 'x'.repeat(251)])
      expect(await send('POST', 'registered-models/create', { name }), name).toMatchObject({
        status: 400,
        body: { error_code: 'INVALID_PARAMETER_VALUE' },
      })
    expect(await send('POST', 'registered-models/create', {})).toMatchObject({
      status: 400,
      body: { message: expect.stringContaining("'name'") },
    })
    expect(
      (await send('POST', 'registered-models/create', { name: 'm', tags: [{ key: 'k', value: 'v' }] })).body,
    ).toMatchObject({ registered_model: { name: 'm', tags: [{ key: 'k', value: 'v' }] } })
    expect(await send('POST', 'registered-models/create', { name: 'm' })).toEqual({
      status: 400,
      body: { error_code: 'RESOURCE_ALREADY_EXISTS', message: 'Registered Model (name=m) already exists.' },
    })
  })

  test('sources: only runs, logged models and versions of this project, whatever the tags say (the public attacks)', async () => {
    for (const source of [
      'file:///etc/',
      '/etc',
      'file://host/../../../',
      '//proc/self/root',
      'http://127.0.0.1:9/api/2.0/mlflow-artifacts/artifacts/',
      'dbfs:/x',
      'mlflow-artifacts:/../../etc',
      `runs:/${run}/../../etc`,
      `runs:/${run}/%2e%2e/etc`,
      'models:/none/1',
    ])
      for (const more of [{}, { tags: [{ key: 'mlflow.prompt.is_prompt', value: 'true' }] }]) {
        const answer = await register('m', source, more)
        expect([400, 404], source).toContain(answer.status)
      }
    expect(await register('m', `runs:/${run}/nothing`)).toMatchObject({
      status: 400,
      body: { message: expect.stringContaining('no files') },
    })
    expect(await register('m', `runs:/${run}/bad`)).toMatchObject({
      status: 400,
      body: { message: expect.stringContaining('.onnx') },
    })
    expect(await register('none', `runs:/${run}/model`)).toMatchObject({ status: 404 })
    expect((await register('m', `runs:/${run}/model`)).body).toMatchObject({
      model_version: { name: 'm', version: '1', run_id: run, status: 'READY', current_stage: 'None' },
    })
    expect((await register('m', 'models:/m/1')).body).toMatchObject({ model_version: { version: '2', run_id: run } })
  })

  test('a version keeps its files though the run’s change, and nobody writes to them', async () => {
    const { artifact_uri } = (await send('GET', 'model-versions/get-download-uri?name=m&version=1')).body
    const root = `${app.url}/api/2.0/mlflow-artifacts/artifacts/${String(artifact_uri).slice('mlflow-artifacts:/'.length)}`
    await fetch(`${app.url}/api/2.0/mlflow-artifacts/artifacts/0/${run}/artifacts/model/model.onnx`, {
      method: 'PUT',
      body: 'other',
    })
    expect(Buffer.from(await (await fetch(`${root}/model.onnx`)).arrayBuffer())).toEqual(linearModel([1, 2], 0))
    expect((await fetch(`${root}/model.onnx`, { method: 'PUT', body: 'x' })).status).toBe(400)
    expect((await fetch(`${root}/model.onnx`, { method: 'DELETE' })).status).toBe(400)
  })

  test('versions by odd numbers, missing aliases and stages: MLflow’s own answers', async () => {
    expect(await send('GET', 'model-versions/get?name=m&version=abc')).toMatchObject({ status: 400 })
    expect(await send('GET', 'model-versions/get?name=m&version=99')).toMatchObject({
      status: 404,
      body: { error_code: 'RESOURCE_DOES_NOT_EXIST' },
    })
    expect(await send('GET', 'registered-models/alias?name=m&alias=zz')).toEqual({
      status: 400,
      body: { error_code: 'INVALID_PARAMETER_VALUE', message: 'Registered model alias zz not found.' },
    })
    for (const alias of ['latest', 'v3', 'a b', ''])
      expect((await send('POST', 'registered-models/alias', { name: 'm', alias, version: '1' })).status, alias).toBe(
        400,
      )
    expect(
      await send('POST', 'model-versions/transition-stage', { name: 'm', version: '1', stage: 'Foo' }),
    ).toMatchObject({
      body: { message: 'Invalid Model Version stage: Foo. Value must be one of None, Staging, Production, Archived.' },
    })
    expect(
      (await send('GET', "model-versions/search?filter=name%3D'm'&order_by=version_number%20ASC")).body,
    ).toMatchObject({ model_versions: [{ version: '1' }, { version: '2' }] })
    expect(await send('GET', 'registered-models/search?filter=nothing%20%3D%201')).toMatchObject({ status: 400 })
  })

  test('production moves only for who may promote, and only to what a gate has passed', async () => {
    expect(
      await send('POST', 'registered-models/alias', { name: 'm', alias: 'production', version: '1' }, 'job'),
    ).toMatchObject({ status: 403, body: { error_code: 'PERMISSION_DENIED' } })
    expect(
      (await send('POST', 'registered-models/alias', { name: 'm', alias: 'candidate', version: '1' }, 'job')).status,
    ).toBe(200)
    expect(
      (await send('POST', 'registered-models/alias', { name: 'm', alias: 'production', version: '1' })).status,
    ).toBe(200)
    expect((await send('DELETE', 'registered-models/alias', { name: 'm', alias: 'production' })).status).toBe(403)
    expect((await send('DELETE', 'model-versions/delete', { name: 'm', version: '1' })).status).toBe(403)
    expect((await send('DELETE', 'registered-models/delete', { name: 'm' })).status).toBe(403)
    await createModel(app.ctx, {
      project: 'default',
      name: 'gated',
      spec: canonicalJson({ target: 'y', gate: { checks: [{ metric: 'auc', min: 0.5 }] } }),
      silent: true,
    })
    await register('gated', 'models:/m/1')
    for (const [path, body] of [
      ['registered-models/alias', { alias: 'production' }],
      ['model-versions/transition-stage', { stage: 'Production' }],
    ] as const)
      expect(await send('POST', path, { name: 'gated', version: '1', ...body })).toMatchObject({
        status: 403,
        body: { message: expect.stringContaining('no gate has passed it') },
      })
  })
})
