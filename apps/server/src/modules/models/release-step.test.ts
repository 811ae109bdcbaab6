import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { canonicalJson } from '@kiban/kit/canonical-json'
import { inTransaction, SYSTEM } from '@kiban/kit/context'
import { snapshotFolder } from '@kiban/kit/manifests'
import type { StepComponent } from '@kiban/kit/module'
import { startTestApp } from '@kiban/testkit/app'
import type { TestApp } from '@kiban/testkit/app'
import { testDatabases } from '@kiban/testkit/database'
import { classifierModel } from '@kiban/testkit/onnx-model'
import { access } from '../access/index.ts'
import { audit } from '../audit/index.ts'
import { datasets, writeParquet } from '../datasets/index.ts'
import { environments } from '../environments/index.ts'
import { jobs } from '../jobs/index.ts'
import { lineageModule } from '../lineage/index.ts'
import { pipelinesModule } from '../pipelines/index.ts'
import { createProject, projects } from '../projects/index.ts'
import { secrets } from '../secrets/index.ts'
import { tracking } from '../tracking/index.ts'
import { tuning } from '../tuning/index.ts'
import { createModel } from './create-model.ts'
import { getVersionRow } from './find-model.ts'
import { models, resolveModel } from './index.ts'
import { findModel, updateModelRow } from './models.store.ts'
import { moveAlias } from './set-alias.ts'

const MLMODEL = `flavors: { onnx: { data: model.onnx } }
signature: { inputs: '[{"type": "string", "name": "kind"}, {"type": "float", "name": "x", "required": false}]', outputs: null }
`
const GATE = {
  checks: [
    { metric: 'auc', min: 0.7 },
    { metric: 'log_loss', betterThan: 'production', bootstrap: 'day' },
  ],
}
const release = models.components?.['kiban/release'] as StepComponent // the module declares it
type Step = Parameters<StepComponent['advance']>[1]

describe.each(testDatabases())('kiban/release on $name', (database) => {
  let app: TestApp
  let drop = async (): Promise<void> => {}
  let folder: string
  let rows: string
  let steps = 0

  beforeAll(async () => {
    const fresh = await database.fresh()
    drop = fresh.drop
    app = await startTestApp({
      modules: [
        projects,
        access,
        audit,
        secrets,
        lineageModule([]),
        datasets,
        environments,
        jobs,
        tracking,
        tuning,
        pipelinesModule(() => ({ components: {} })),
        models,
      ],
      databaseUrl: fresh.url,
      loops: true,
    })
    folder = mkdtempSync(join(tmpdir(), 'kiban-release-'))
    await createProject(app.ctx, { name: 'shop', title: '', description: '' })
    rows = await parquetTree()
  })
  afterAll(async () => {
    await app.close()
    await drop()
    rmSync(folder, { recursive: true, force: true })
  })

  /** 1,000 rows over 20 days whose truth follows x, one in ten without x; `kind` says nothing. */
  async function parquetTree(): Promise<string> {
    const dir = join(folder, 'rows')
    const { mkdirSync } = await import('node:fs')
    mkdirSync(dir)
    const query = `select case when i % 2 = 0 then 'a' else 'b' end as kind, case when i % 10 = 3 then null else (i % 17) / 4.0 - 2 end as x,
      ((i % 17) / 4.0 - 2 + sin(i)) > 0 as good, timestamp '2013-01-01' + to_hours(i // 50 * 24) as at from range(1000) t(i)`
    await writeParquet(query, join(dir, 'rows.parquet'), { readable: [] })
    return (await snapshotFolder(app.ctx.platform.blobs, dir)).hash
  }

  async function modelTree(weight: number, bias = 0): Promise<string> {
    const dir = mkdtempSync(join(folder, 'model-'))
    writeFileSync(join(dir, 'MLmodel'), MLMODEL)
    writeFileSync(
      join(dir, 'model.onnx'),
      classifierModel({ categories: { kind: ['a', 'b'] }, numbers: ['x'], weights: [0, weight], bias }),
    )
    return (await snapshotFolder(app.ctx.platform.blobs, dir)).hash
  }

  async function declare(name: string, gate: object | undefined): Promise<void> {
    const spec = canonicalJson({
      task: 'classification',
      target: 'good',
      timestamp: 'at',
      threshold: 0.5,
      slices: [],
      ...(gate ? { gate } : {}),
    })
    if (await findModel(app.ctx.db, 'shop', name)) return
    await createModel(app.ctx, { project: 'shop', name, spec, silent: true })
  }

  const step = (model: string, name: string, more: Partial<Step> = {}): Step => ({
    id: `stp_${++steps}`,
    project: 'shop',
    pipelineRunId: 'plr_1',
    inputs: { model: { tree: model }, name: { value: name }, evaluation: { tree: rows } },
    state: null,
    code: null,
    environmentId: null,
    ...more,
  })

  /** Advances as the pipelines loop does, until the step ends or waits for a person. */
  async function run(start: Step): Promise<Awaited<ReturnType<StepComponent['advance']>>> {
    let state = start.state
    for (;;) {
      const result = await release.advance({ ...app.ctx, actor: SYSTEM }, { ...start, state })
      if (result.status !== 'waiting' || result.reason.includes('approval')) return result
      state = result.state
      await new Promise((resolve) => setTimeout(resolve, 100))
    }
  }
  const version = (name: string, number: string) =>
    fetch(`${app.url}/api/v1/projects/shop/models/${name}/versions/${number}`).then(
      (response) => response.json() as Promise<Record<string, unknown>>,
    )
  const post = (path: string, body: object) =>
    fetch(`${app.url}/api/v1/projects/shop/models/${path}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
    })

  test('the first version passes without a champion, a better one takes its place, a worse one is refused', async () => {
    await declare('good', GATE)
    expect(await run(step(await modelTree(0.7), 'good'))).toMatchObject({
      status: 'succeeded',
      outputs: { version: { value: 1 }, verdict: { value: 'released' } },
    })
    expect(await run(step(await modelTree(2), 'good'))).toMatchObject({
      outputs: { version: { value: 2 }, verdict: { value: 'released' } },
    })
    expect(await run(step(await modelTree(0.1), 'good'))).toMatchObject({
      outputs: { version: { value: 3 }, verdict: { value: 'refused' } },
    })
    expect(await resolveModel(app.ctx, 'shop', 'models:/good@production')).toMatchObject({
      number: 2,
      state: 'released',
    })
    const first = await version('good', '1')
    expect(first).toMatchObject({
      evidence: [
        {
          verdict: 'passed',
          champion: null,
          checks: [{ rule: 'auc >= 0.7', verdict: 'passed', rows: 1000 }, { verdict: 'not_applicable' }],
        },
      ],
    })
    const second = await version('good', '@production')
    expect(second).toMatchObject({
      number: 2,
      evidence: [
        { champion: { version: 1 }, checks: [{}, { verdict: 'passed', referenceName: 'good v1', groups: 20 }] },
      ],
      importanceMetric: 'auc',
      importances: [{ feature: 'x' }, { feature: 'kind', drop: 0 }],
    })
    const third = await version('good', '3')
    expect(third).toMatchObject({ state: 'refused', stateReason: expect.stringContaining('not proven better') })
    const moves = (await (await fetch(`${app.url}/api/v1/projects/shop/models/good/alias-moves`)).json()) as {
      items: { from: number | null; to: number }[]
    }
    expect(moves.items.map((move) => [move.from, move.to])).toEqual([
      [1, 2],
      [null, 1],
    ])
  }, 120_000)

  test('a refused version is promoted only by override with a reason, and a rollback takes it back', async () => {
    expect((await post('good/versions/3/promote', { reason: 'try' })).status).toBe(409)
    expect((await post('good/versions/3/promote', { override: true })).status).toBe(400)
    expect((await post('good/versions/3/promote', { reason: 'late', override: true, expected: 1 })).status).toBe(409)
    expect(
      await (await post('good/versions/3/promote', { reason: 'shown on purpose', override: true, expected: 2 })).json(),
    ).toMatchObject({ from: 2, to: 3, override: true })
    expect(await (await post('good/rollback', { reason: 'it is worse' })).json()).toMatchObject({ from: 3, to: 2 })
    expect((await getVersionRow(app.ctx, 'shop', 'good', '3')).state).toBe('rolled_back')
    expect((await post('good/versions/3/promote', { reason: 'again' })).status).toBe(409)
  })

  test('advancing again after a crash makes no second version and no second job', async () => {
    await declare('once', { checks: [{ metric: 'auc', min: 0.7 }] })
    const one = step(await modelTree(1), 'once')
    const ctx = { ...app.ctx, actor: SYSTEM }
    await release.advance(ctx, one)
    await release.advance(ctx, one)
    expect(await run(one)).toMatchObject({ outputs: { version: { value: 1 } } })
    expect(await release.advance(ctx, one)).toMatchObject({
      outputs: { version: { value: 1 }, verdict: { value: 'released' } },
    })
    expect(
      (await (await fetch(`${app.url}/api/v1/projects/shop/models/once/versions`)).json()) as object,
    ).toMatchObject({ items: [{ number: 1 }] })
  }, 60_000)

  test('a model that cannot answer rows fails, and says so', async () => {
    await declare('broken', { checks: [{ metric: 'auc', min: 0.5 }] })
    const result = await run(step(await modelTree(Number.NaN), 'broken'))
    expect(result).toMatchObject({
      outputs: { verdict: { value: 'refused' }, reason: { value: expect.stringContaining('NaN') } },
    })
  }, 60_000)

  test('a gate with approvers waits, binds the evidence that was looked at, and goes on', async () => {
    await declare('asked', { checks: [{ metric: 'auc', min: 0.5 }], approvers: ['ml-lead'] })
    const one = step(await modelTree(1), 'asked')
    expect(await run(one)).toMatchObject({ status: 'waiting', reason: expect.stringContaining('ml-lead') })
    const { evidence } = (await version('asked', '1')) as { evidence: { digest: string }[] }
    expect((await post('asked/versions/1/approve', { digest: '0'.repeat(64) })).status).toBe(409)
    const approved = await post('asked/versions/1/approve', { digest: evidence[0]?.digest, comment: 'fine' })
    expect(await approved.json()).toMatchObject({
      state: 'ready',
      approvals: [{ decision: 'approved', soleUser: true }],
    })
    expect(await run(one)).toMatchObject({ outputs: { verdict: { value: 'released' } } })
    expect((await post('asked/versions/1/approve', { digest: evidence[0]?.digest })).status).toBe(409)
  }, 60_000)

  test('when production moves during the evaluation, the version is compared again with the new champion', async () => {
    await declare('raced', { checks: [{ metric: 'log_loss', notWorseThan: 'production' }] })
    await run(step(await modelTree(0.2), 'raced'))
    await run(step(await modelTree(0.2, 0.01), 'raced'))
    const ctx = { ...app.ctx, actor: SYSTEM }
    const late = step(await modelTree(2), 'raced')
    const begun = await release.advance(ctx, late)
    expect(begun.status).toBe('waiting')
    const one = await getVersionRow(app.ctx, 'shop', 'raced', '1')
    await inTransaction(ctx, (ctx) => moveAlias(ctx, { version: one, alias: 'production', reason: 'somebody else' }))
    const result = await run({ ...late, state: begun.status === 'waiting' ? begun.state : null })
    expect(result).toMatchObject({ outputs: { version: { value: 3 }, verdict: { value: 'released' } } })
    expect(await version('raced', '3')).toMatchObject({ evidence: [{ champion: { version: 1 } }] })
  }, 120_000)

  test('kiban/evaluate compares versions on the same rows, by month and by a column', async () => {
    const evaluate = models.components?.['kiban/evaluate'] as StepComponent // the module declares it
    const ask = step('', 'good', {
      inputs: {
        models: { value: ['models:/good/1', 'models:/good/2'] },
        dataset: { tree: rows },
        slices: { value: ['month', 'kind'] },
      },
    })
    let result = await evaluate.advance({ ...app.ctx, actor: SYSTEM }, ask)
    while (result.status === 'waiting') {
      await new Promise((resolve) => setTimeout(resolve, 100))
      result = await evaluate.advance({ ...app.ctx, actor: SYSTEM }, ask)
    }
    const report = result.status === 'succeeded' ? result.outputs['report'] : result
    expect(report).toMatchObject({
      value: {
        rows: 1000,
        metrics: { 'good v1': { auc: expect.any(Number) }, 'good v2': { log_loss: expect.any(Number) } },
        slices: [
          { slice: 'month', value: '2013-01', rows: 1000 },
          { slice: 'kind', value: 'a', rows: 500, metrics: { 'good v1': {}, 'good v2': {} } },
          { slice: 'kind', value: 'b', rows: 500 },
        ],
      },
    })
    expect(
      await evaluate.advance(
        { ...app.ctx, actor: SYSTEM },
        { ...ask, inputs: { models: { value: 3 }, dataset: { tree: rows } } },
      ),
    ).toMatchObject({ status: 'failed', message: expect.stringContaining('list of texts') })
  }, 60_000)

  test('wrong inputs fail with the remedy', async () => {
    const empty = await app.ctx.platform.blobs.put(Buffer.from(canonicalJson({ files: [] })))
    expect(await release.advance({ ...app.ctx, actor: SYSTEM }, step(empty.hash, 'good'))).toMatchObject({
      status: 'failed',
      message: expect.stringContaining('save_model'),
    })
    await declare('targetless', { checks: [{ metric: 'auc', min: 0.5 }] })
    const model = await findModel(app.ctx.db, 'shop', 'targetless')
    await inTransaction(app.ctx, (ctx) =>
      updateModelRow(ctx.db, model?.id ?? '', {
        spec: canonicalJson({ gate: { checks: [{ metric: 'auc', min: 0.5 }] } }),
        updated_at: 1,
      }),
    )
    expect(await run(step(await modelTree(1), 'targetless'))).toMatchObject({
      outputs: { verdict: { value: 'refused' }, reason: { value: expect.stringContaining('target') } },
    })
  })
})
