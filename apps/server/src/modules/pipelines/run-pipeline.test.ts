import { writeFileSync } from 'node:fs'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { StepComponent } from '@kiban/kit/module'
import { getManifest } from '@kiban/kit/manifests'
import { testDatabases } from '@kiban/testkit/database'
import { startPipelineRun } from './index.ts'
import { openLab, stepNamed } from './pipeline-lab.ts'
import type { Lab } from './pipeline-lab.ts'

const TABLES = `project: lab
datasets: { sales: {}, sums: {} }
pipelines:
  report:
    params: { least: 2, word: it's }
    steps:
      sums:
        sql: sums.sql
        inputs: { sales: datasets:/sales, least: "\${{ params.least }}", word: "\${{ params.word }}" }
        outputs: { sums: { type: dataset, publish: datasets:/sums } }
      count:
        run: sh count.sh \${{ inputs.sums }} \${{ inputs.word }} > \${{ outputs.text }}; echo 3 > \${{ outputs.number }}
        inputs: { sums: "\${{ steps.sums.outputs.sums }}", word: "\${{ params.word }}" }
        outputs: { text: string, number: int }
      big:
        if: \${{ steps.count.outputs.number > 100 }}
        run: echo big
      after: { run: echo after, needs: [big] }
    outputs: { number: "\${{ steps.count.outputs.number }}" }
`
const SQL =
  'create table sums as select shop, sum(price) as total, $word as word from sales where price >= $least group by shop order by shop'
const CODE = { 'sums.sql': SQL, 'count.sh': 'ls "$1"; echo "$2"\n', 'README.md': 'prose' }
const SALES = { 'sales.csv': 'shop,price\na,1\na,2\nb,3\nb,4\n' }

let waits = 0
const components: Record<string, StepComponent> = {
  'kiban/validate': {
    inputs: { model: { type: 'folder' }, name: { type: 'string', optional: true } },
    outputs: { version: { type: 'int' } },
    advance: async (_ctx, step) => {
      waits += 1
      if (step.state === null)
        return { status: 'waiting', state: { asked: true }, reason: 'It waits for its second call.' }
      const { model } = step.inputs
      if (model && 'tree' in model && model.runId) return { status: 'succeeded', outputs: { version: { value: 7 } } }
      return { status: 'failed', cause: 'user_error', message: 'the model has no run' }
    },
  },
}

describe.each(testDatabases())('pipelines on $name', (database) => {
  let lab: Lab
  let drop = async (): Promise<void> => {}
  beforeAll(async () => {
    const fresh = await database.fresh()
    drop = fresh.drop
    lab = await openLab(fresh.url, components)
  })
  afterAll(async () => {
    await lab.app.close()
    await drop()
  })

  test('a run computes its steps in order, publishes, skips what `if` refuses, and gives its outputs', async () => {
    await lab.apply(TABLES, CODE)
    await lab.commit('sales', SALES)
    const run = await lab.ended((await lab.start('report')).id)
    expect(run.steps.map((step) => [step.name, step.state, step.message])).toEqual([
      ['sums', 'succeeded', null],
      ['count', 'succeeded', null],
      ['big', 'skipped', null],
      ['after', 'skipped', null],
    ])
    expect(run).toMatchObject({
      state: 'succeeded',
      number: 1,
      outputs: { number: 3 },
      pins: { 'datasets:/sales': { kind: 'dataset', number: 1 } },
    })
    expect(stepNamed(run, 'sums').outputs['sums']).toMatchObject({
      type: 'dataset',
      published: { uri: 'datasets:/sums/1', number: 1 },
    })
    expect(stepNamed(run, 'sums').metrics).toEqual({ rows_sums: 2 })
    expect(stepNamed(run, 'count').outputs['text']).toEqual({ type: 'string', value: "part-0.parquet\nit's" })
    const versions = await lab.call('GET', '/projects/lab/datasets/sums/versions')
    expect(JSON.stringify(versions.body)).toContain(stepNamed(run, 'sums').id)
  })

  test('the same again is taken from the cache; a change computes what it touches and says what changed', async () => {
    const again = await lab.ended((await lab.start('report')).id)
    expect(stepNamed(again, 'sums').cache).toMatchObject({ result: 'hit', reason: 'same' })
    expect(stepNamed(again, 'count').cache).toMatchObject({ result: 'hit' })
    expect(stepNamed(again, 'sums').jobId).toBeNull()
    const other = await lab.ended((await lab.start('report', { params: { least: 4 } })).id)
    expect(stepNamed(other, 'sums').cache).toMatchObject({
      result: 'miss',
      reason: 'changed',
      differences: [{ part: 'inputs', name: 'least', before: '2', after: '4' }],
    })
    const fresh = await lab.ended((await lab.start('report', { recompute: ['count'] })).id)
    expect(fresh.steps.map((step) => step.cache?.result)).toEqual(['hit', 'disabled', undefined, undefined])
    await lab.apply(TABLES, { ...CODE, 'count.sh': 'echo changed; echo "$2"\n' })
    const changed = await lab.ended((await lab.start('report')).id)
    expect(stepNamed(changed, 'sums').cache?.result).toBe('hit')
    expect(stepNamed(changed, 'count').cache?.differences.map((change) => [change.part, change.name])).toEqual([
      ['code', 'count.sh'],
    ])
  })

  test('a run sees the versions of the time it was created, and a new version is another key', async () => {
    await lab.commit('sales', { 'sales.csv': 'shop,price\nz,9\n' })
    const run = await lab.ended((await lab.start('report')).id)
    expect(run.pins['datasets:/sales']?.number).toBe(2)
    expect(stepNamed(run, 'sums').cache?.differences.map((change) => change.name)).toContain('sales')
  })

  test('an idempotency key starts one run, and so does a trigger', async () => {
    const first = await lab.start('report', { idempotencyKey: 'k' })
    expect((await lab.start('report', { idempotencyKey: 'k' })).id).toBe(first.id)
    const trigger = { kind: 'monitor', id: 'alert_1' }
    const started = await Promise.all(
      [1, 2, 3].map(() => startPipelineRun(lab.app.ctx, { project: 'lab', pipeline: 'report', trigger })),
    )
    expect(new Set(started.map((run) => run.id)).size).toBe(1)
    await lab.ended(first.id)
  })

  test('a failing step says why, what comes after it does not run, and resume goes on from there', async () => {
    await lab.apply(
      `project: lab
pipelines:
  shaky:
    steps:
      one: { run: 'echo 1 > \${{ outputs.n }}', outputs: { n: int } }
      two: { run: 'test "\${{ inputs.n }}" = 1; echo oh no >&2; test -e READY; echo 2 > \${{ outputs.n }}', inputs: { n: "\${{ steps.one.outputs.n }}" }, outputs: { n: int } }
      three: { run: 'echo 3', needs: [two] }
      always: { run: 'echo cleaning', if: "\${{ always() }}", needs: [two] }
      joined: { run: 'echo \${{ inputs.n }}', inputs: { n: "\${{ default(steps.two.outputs.n, 9) }}" } }
`.replace('READY', `${lab.app.home}/ready`),
    )
    const run = await lab.ended((await lab.start('shaky')).id)
    expect(run.steps.map((step) => [step.name, step.state])).toEqual([
      ['one', 'succeeded'],
      ['two', 'failed'],
      ['three', 'upstream_failed'],
      ['always', 'succeeded'],
      ['joined', 'succeeded'],
    ])
    expect(run).toMatchObject({ state: 'failed', cause: 'user_error' })
    expect(run.message).toContain('oh no')
    writeFileSync(`${lab.app.home}/ready`, '')
    expect((await lab.call('POST', `/projects/lab/pipeline-runs/${run.id}/resume`)).status).toBe(200)
    const resumed = await lab.ended(run.id)
    expect(resumed.state).toBe('succeeded')
    expect(stepNamed(resumed, 'two').attempts.map((attempt) => attempt.state)).toEqual(['failed', 'succeeded'])
    expect(stepNamed(resumed, 'one').attempts).toHaveLength(1)
    const rerun = await lab.call('POST', `/projects/lab/pipeline-runs/${run.id}/rerun`, { from: 'two' })
    expect(rerun.status).toBe(201)
    const again = await lab.ended((rerun.body as { id: string }).id)
    expect([stepNamed(again, 'one').cache?.result, stepNamed(again, 'two').cache?.result]).toEqual(['hit', 'disabled'])
    expect(again.rerunOf).toBe(run.id)
  })

  test('cancel stops the job and what has not started', async () => {
    await lab.apply(
      'project: lab\npipelines: { slow: { steps: { a: { run: sleep 60 }, b: { run: echo b, needs: [a] } } } }',
    )
    const run = await lab.start('slow')
    await lab.until(run.id, (now) => stepNamed(now, 'a').state === 'running')
    expect((await lab.call('POST', `/projects/lab/pipeline-runs/${run.id}/cancel`)).status).toBe(200)
    const ended = await lab.ended(run.id)
    expect([ended.state, ...ended.steps.map((step) => step.state)]).toEqual(['cancelled', 'cancelled', 'cancelled'])
    expect((await lab.call('POST', `/projects/lab/pipeline-runs/${run.id}/cancel`)).body).toMatchObject({
      error: { code: 'pipeline_run_ended' },
    })
  })

  test('a platform component is given artifacts with the run that made them, and waits as long as it says', async () => {
    await lab.apply(`project: lab
pipelines:
  comp:
    steps:
      fit: { run: 'echo w > \${{ outputs.model }}/w; echo "kiban:metric auc=0.75"', outputs: { model: model } }
      use: { uses: kiban/validate, inputs: { model: "\${{ steps.fit.outputs.model }}" }, outputs: { version: int } }
      wrong: { uses: kiban/validate, inputs: { modle: 1 } }
    outputs: { version: "\${{ steps.use.outputs.version }}" }
`)
    const run = await lab.ended((await lab.start('comp')).id)
    expect(stepNamed(run, 'use')).toMatchObject({
      state: 'succeeded',
      outputs: { version: { value: 7 } },
      cache: { result: 'not_cacheable' },
    })
    expect(waits).toBeGreaterThan(1)
    expect(stepNamed(run, 'wrong').message).toBe('kiban/validate needs the input model (folder). It takes model, name.')
    const fit = stepNamed(run, 'fit')
    expect(fit.metrics).toEqual({ auc: 0.75 })
    const tree = fit.outputs['model']?.tree ?? ''
    expect(await getManifest(lab.app.ctx.platform.blobs, tree)).toMatchObject([{ path: 'w' }])
    const edges = await lab.call('GET', `/projects/lab/lineage?kind=step_run&id=${stepNamed(run, 'use').id}&upstream=5`)
    expect(JSON.stringify(edges.body)).toContain(`step_run:${fit.id}`)
  })

  test.each([
    ['nothing', {}, 404, 'pipeline_not_found'],
    ['typed', {}, 422, 'pipeline_params_invalid'],
    ['typed', { params: { day: '2013-02-30', n: 1 } }, 422, 'pipeline_params_invalid'],
    ['typed', { params: { day: '2013-02-28', n: 11 } }, 422, 'pipeline_params_invalid'],
    ['typed', { params: { day: '2013-02-28', m: 1 } }, 422, 'pipeline_params_invalid'],
    ['typed', { recompute: ['nope'] }, 404, 'pipeline_step_not_found'],
    ['reads', {}, 422, 'pipeline_input_unresolved'],
  ])('starting %s with %j is refused: %i %s', async (pipeline, body, status, code) => {
    await lab.apply(`project: lab
datasets: { missing: {} }
pipelines:
  typed: { params: { day: { type: date }, n: { type: int, default: 1, max: 10 } }, steps: { a: { run: echo a } } }
  reads: { steps: { a: { run: echo a, inputs: { d: datasets:/missing } } } }
`)
    const answer = await lab.call('POST', `/projects/lab/pipelines/${pipeline}/runs`, body)
    expect([answer.status, answer.body]).toMatchObject([status, { error: { code } }])
  })

  test('mistakes that show only when a step is ready end the step with a sentence', async () => {
    await lab.apply(
      `project: lab
pipelines:
  bad:
    steps:
      files: { run: echo a, code: [none.py] }
      sql: { sql: gone.sql, outputs: { t: dataset } }
      table: { sql: create table u as select 1, outputs: { t: dataset } }
      param: { sql: create table t as select $nope, outputs: { t: dataset } }
      outside: { sql: create table t as select * from read_text('/etc/passwd'), outputs: { t: dataset } }
      output: { run: echo a, outputs: { f: file } }
`,
    )
    const run = await lab.ended((await lab.start('bad')).id)
    const messages = Object.fromEntries(
      run.steps.map((step) => [step.name, `${step.state} ${step.cause}: ${step.message}`]),
    )
    expect(messages['files']).toContain('failed user_error: `code` names none.py')
    expect(messages['sql']).toContain('`sql` names gone.sql')
    expect(messages['table']).toContain('The SQL makes no table or view t')
    expect(messages['param']).toContain('$nope is not an input of the step')
    expect(messages['outside']).toMatch(/Permission Error|disabled/)
    expect(messages['output']).toContain('The output f (file) is missing')
  })
})
