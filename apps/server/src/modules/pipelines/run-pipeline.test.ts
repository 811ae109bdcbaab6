import { readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import type { PipelineRun, PipelineRunDetail, StepRun } from '@kiban/contract/pipelines'
import type { Sweep, Trial } from '@kiban/contract/tuning'
import { sha256 } from '@kiban/kit/canonical-json'
import { getManifest } from '@kiban/kit/manifests'
import type { StepComponent } from '@kiban/kit/module'
import { startTestApp } from '@kiban/testkit/app'
import type { TestApp } from '@kiban/testkit/app'
import { testDatabases } from '@kiban/testkit/database'
import { access } from '../access/index.ts'
import { audit } from '../audit/index.ts'
import { datasets } from '../datasets/index.ts'
import { environments } from '../environments/index.ts'
import { jobs } from '../jobs/index.ts'
import { lineageModule } from '../lineage/index.ts'
import { projects } from '../projects/index.ts'
import { revisionsModule } from '../revisions/index.ts'
import { secrets } from '../secrets/index.ts'
import { tracking } from '../tracking/index.ts'
import { tuning } from '../tuning/index.ts'
import { Sampler, SamplerFault } from '../tuning/sampler-process.ts'
import type { Point, SamplerSetup } from '../tuning/sampler-process.ts'
import { pipelineLineage, pipelinesModule, startPipelineRun } from './index.ts'

// Real jobs and a real Python environment: on a busy machine a step takes seconds, a first environment a minute.
vi.setConfig({ testTimeout: 240_000 })

type Lab = {
  readonly app: TestApp
  call(method: string, path: string, body?: unknown): Promise<{ status: number; body: unknown }>
  /** Applies a project file with code files to the project `lab`. */
  apply(yaml: string, files?: Readonly<Record<string, string>>): Promise<void>
  commit(dataset: string, files: Readonly<Record<string, string>>): Promise<void>
  start(pipeline: string, body?: Record<string, unknown>): Promise<PipelineRun>
  run(id: string): Promise<PipelineRunDetail>
  ended(id: string): Promise<PipelineRunDetail>
  until(id: string, holds: (run: PipelineRunDetail) => boolean): Promise<PipelineRunDetail>
}

/** For tests: the modules that a pipeline needs on a real database with real jobs, and a project `lab`. */
async function openLab(databaseUrl: string, components: Readonly<Record<string, StepComponent>> = {}): Promise<Lab> {
  const parts = pipelinesModule(() => ({ components }))
  const nouns = [
    projects,
    access,
    audit,
    secrets,
    lineageModule([pipelineLineage]),
    datasets,
    environments,
    jobs,
    tracking,
    tuning,
    parts,
  ]
  const sections = nouns.flatMap((module) => (module.apply ? [module.apply] : []))
  const app = await startTestApp({ modules: [...nouns, revisionsModule(sections)], loops: true, databaseUrl })
  const call = async (method: string, path: string, body?: unknown): Promise<{ status: number; body: unknown }> => {
    const response = await fetch(`${app.url}/api/v1${path}`, {
      method,
      ...(body === undefined ? {} : { headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) }),
    })
    return { status: response.status, body: await response.json() }
  }
  const must = async (method: string, path: string, body?: unknown): Promise<unknown> => {
    const answer = await call(method, path, body)
    if (answer.status >= 300) throw new Error(`${method} ${path}: ${answer.status} ${JSON.stringify(answer.body)}`)
    return answer.body
  }
  const upload = async (files: Readonly<Record<string, string>>) =>
    Promise.all(
      Object.entries(files).map(async ([path, text]) => {
        const hash = sha256(text)
        const put = await fetch(`${app.url}/api/v1/projects/lab/blobs/${hash}`, {
          method: 'PUT',
          headers: { 'content-type': 'application/octet-stream' },
          body: text,
        })
        if (!put.ok) throw new Error(await put.text())
        return { path, hash, sizeBytes: Buffer.byteLength(text) }
      }),
    )
  const run = async (id: string): Promise<PipelineRunDetail> =>
    (await must('GET', `/projects/lab/pipeline-runs/${encodeURIComponent(id)}`)) as PipelineRunDetail // the server checked it
  const until: Lab['until'] = async (id, holds) => {
    for (const end = Date.now() + 200_000; ;) {
      const found = await run(id)
      if (holds(found)) return found
      if (Date.now() > end)
        throw new Error(
          `still ${found.state}: ${JSON.stringify(found.steps.map((step) => [step.name, step.state, step.reason, step.message]))}`,
        )
      await new Promise((resolve) => setTimeout(resolve, 30))
    }
  }
  await must('POST', '/projects', { name: 'lab' })
  return {
    app,
    call,
    run,
    until,
    apply: async (text, files = {}) =>
      void (await must('POST', '/projects/lab/apply', { text, files: await upload(files) })),
    commit: async (name, files) =>
      void (await must('POST', `/projects/lab/datasets/${name}/versions`, {
        files: await upload(files),
        message: 'test',
      })),
    start: async (pipeline, body = {}) =>
      (await must('POST', `/projects/lab/pipelines/${pipeline}/runs`, body)) as PipelineRun, // the server checked it
    ended: (id) => until(id, (found) => ['succeeded', 'failed', 'cancelled'].includes(found.state)),
  }
}

/** One step of a run by name. */
function stepNamed(run: PipelineRunDetail, name: string): StepRun {
  const step = run.steps.find((candidate) => candidate.name === name)
  if (!step) throw new Error(`no step ${name}`)
  return step
}

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
    for (const id of [first.id, ...started.map((run) => run.id)]) await lab.ended(id)
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

  test('pipelines and runs are listed, in pages; what does not exist or can not be done is said', async () => {
    await lab.apply(TABLES, CODE)
    const { body } = await lab.call('GET', '/projects/lab/pipelines')
    expect(body).toMatchObject({
      pipelines: [
        {
          name: 'report',
          params: [{ name: 'least', type: 'int', required: false, default: 2 }, { name: 'word' }],
          lastRun: { pipeline: 'report', stepCounts: { succeeded: 2, skipped: 2 } },
        },
      ],
    })
    const one = await lab.call('GET', '/projects/lab/pipelines/report')
    expect(one.body).toMatchObject({
      steps: [
        { name: 'sums', kind: 'sql', needs: [] },
        { name: 'count', kind: 'run', needs: ['sums'] },
        { name: 'big', needs: ['count'] },
        { needs: ['big'] },
      ],
    })
    const page = (await lab.call('GET', '/projects/lab/pipeline-runs?pipeline=report&limit=2')).body as {
      runs: PipelineRun[]
      nextCursor: string
    } // the server checked it
    const next = (
      await lab.call('GET', `/projects/lab/pipeline-runs?pipeline=report&limit=2&cursor=${page.nextCursor}`)
    ).body as typeof page
    expect([...page.runs, ...next.runs].map((run) => run.number)).toEqual(
      [0, 1, 2, 3].map((n) => (page.runs[0]?.number ?? 0) - n),
    )
    const done = page.runs[0]?.id
    for (const [method, path, code] of [
      ['GET', 'pipeline-runs/prun_none', 'pipeline_run_not_found'],
      ['GET', 'pipelines/none', 'pipeline_not_found'],
      ['GET', 'sweeps/none', 'sweep_not_found'],
      ['GET', 'sweeps/none/trials', 'sweep_not_found'],
      ['POST', `pipeline-runs/${done}/resume`, 'pipeline_run_succeeded'],
      ['POST', `pipeline-runs/${done}/cancel`, 'pipeline_run_ended'],
    ] as const)
      expect((await lab.call(method, `/projects/lab/${path}`)).body).toMatchObject({ error: { code } })
    expect((await lab.call('POST', `/projects/lab/pipeline-runs/${done}/rerun`, { from: 'none' })).body).toMatchObject({
      error: { code: 'pipeline_step_not_found' },
    })
    expect((await lab.call('GET', '/projects/nowhere/pipelines')).status).toBe(404)
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

const TRIAL = `import json, os, sys
x, kind = float(sys.argv[1]), sys.argv[2]
if os.environ.get("FAIL") == "all" or (os.environ.get("FAIL") == "some" and x < 0.5):
    sys.exit("this point can not be fitted")
os.makedirs(sys.argv[3], exist_ok=True)
open(os.path.join(sys.argv[3], "x"), "w").write(str(x))
print("kiban:metric loss=%r" % ((x - 0.3) ** 2 + (0 if kind == "good" else 1)))
`

const file = (options: {
  trials: number | string
  fail?: string
  metric?: string
  sampler?: string
}): string => `project: lab
defaults: { environment: py }
environments: { py: { python: "3", requirements: requirements.txt } }
pipelines:
  search:
    params: { trials: 4 }
    steps:
      fit:
        run: python trial.py \${{ trial.x }} \${{ trial.kind }} \${{ outputs.model }}
        outputs: { model: model }
        env: { FAIL: "${options.fail ?? 'none'}" }
        parallel: 2
        sweep:
          space: { x: { low: 0.0, high: 1.0 }, kind: { choices: [good, bad] } }
          objective: { metric: ${options.metric ?? 'loss'}, direction: minimize }
          sampler: ${options.sampler ?? '{ type: TPESampler, n_startup_trials: 2 }'}
          budget: { trials: ${options.trials} }
      use: { run: 'cat inputs/model/x', inputs: { model: "\${{ steps.fit.outputs.model }}" } }
`
const TRIAL_CODE = { 'trial.py': TRIAL, 'requirements.txt': 'optuna==5.0.0\n' }

describe.each(testDatabases())('sweeps on $name', (database) => {
  let lab: Lab
  let drop = async (): Promise<void> => {}
  beforeAll(async () => {
    const fresh = await database.fresh()
    drop = fresh.drop
    lab = await openLab(fresh.url)
  })
  afterAll(async () => {
    await lab.app.close()
    await drop()
  })

  const sweepOf = async (run: { id: string }): Promise<{ sweep: Sweep; trials: Trial[] }> => {
    const { body } = await lab.call('GET', `/projects/lab/sweeps?pipelineRun=${run.id}`)
    const [sweep] = (body as { sweeps: Sweep[] }).sweeps // the server checked it
    if (!sweep) throw new Error('no sweep')
    const trials = await lab.call('GET', `/projects/lab/sweeps/${sweep.id}/trials`)
    return { sweep, trials: (trials.body as { trials: Trial[] }).trials }
  }

  test('the best trial’s outputs and metrics become the step’s, each trial is a child run, and a repeat is a cache hit', async () => {
    await lab.apply(file({ trials: '"${{ params.trials }}"' }), TRIAL_CODE)
    const run = await lab.until(
      (await lab.start('search')).id,
      (now) => now.state === 'succeeded' || now.state === 'failed',
    )
    expect(run.message).toBeNull()
    const { sweep, trials } = await sweepOf(run)
    expect(sweep).toMatchObject({
      state: 'succeeded',
      sampler: 'TPESampler',
      budget: { trials: 4 },
      trialCounts: { succeeded: 4 },
    })
    expect(trials.map((trial) => trial.number)).toEqual([0, 1, 2, 3])
    const losses = trials.map((trial) => trial.objective ?? Infinity)
    expect(sweep.best?.objective).toBe(Math.min(...losses))
    const fit = stepNamed(run, 'fit')
    expect(fit.metrics['loss']).toBe(Math.min(...losses))
    expect(fit.runId).toBe(sweep.best?.runId)
    const best = await lab.call('GET', `/projects/lab/runs/${sweep.best?.runId}`)
    expect(best.body).toMatchObject({
      params: { x: String(sweep.best?.values['x']) },
      status: 'finished',
      metrics: { loss: Math.min(...losses) },
    })
    expect(JSON.stringify(best.body)).toMatch(/"parentRunId":"[0-9a-f]{32}"/)
    const again = await lab.ended((await lab.start('search')).id)
    expect(stepNamed(again, 'fit')).toMatchObject({
      cache: { result: 'hit' },
      sweepId: sweep.id,
      runId: sweep.best?.runId,
    })
  })

  test('the same seed searches the same points', async () => {
    const { trials } = await sweepOf({ id: (await lab.run('search#1')).id })
    const again = await sweepOf(await lab.ended((await lab.start('search', { noCache: true })).id))
    // Two trials run at a time, so from the third on the history may differ.
    expect(again.trials.slice(0, 2).map((trial) => trial.values)).toEqual(
      trials.slice(0, 2).map((trial) => trial.values),
    )
  })

  test('a sampler that was killed goes on as if it had not been', async () => {
    const home = join(lab.app.home, 'environments')
    const [environment] = readdirSync(home, { withFileTypes: true }).filter((entry) => entry.isDirectory())
    const setup: SamplerSetup = {
      python: join(home, environment?.name ?? '', 'bin', 'python'),
      space: { x: { low: 0, high: 1, type: 'float' }, n: { low: 1, high: 64, log: true } },
      direction: 'minimize',
      sampler: 'TPESampler',
      options: { n_startup_trials: 2 },
      seed: 7,
    }
    const history = [0.9, 0.2, 0.3, 0.7].map((x): Point => ({
      values: { x, n: 4 },
      state: 'succeeded',
      objective: (x - 0.25) ** 2,
    }))
    const first = new Sampler(setup)
    const point = await first.ask(4, history)
    expect(await first.ask(4, history)).toEqual(point)
    const other = await first.ask(
      4,
      history.map((one) => ({ ...one, objective: -(one.objective ?? 0) })),
    )
    expect(other).not.toEqual(point)
    const asked = first.ask(5, history)
    first.close()
    await expect(asked).rejects.not.toBeInstanceOf(SamplerFault)
    const second = new Sampler(setup)
    expect(await second.ask(4, history)).toEqual(point)
    await expect(second.ask(5, [{ values: { nope: 1 }, state: 'succeeded', objective: 1 }])).rejects.toBeInstanceOf(
      SamplerFault,
    )
    second.close()
  })

  test('a trial that fails does not end the sweep', async () => {
    await lab.apply(file({ trials: 6, fail: 'some' }), TRIAL_CODE)
    const run = await lab.ended((await lab.start('search')).id)
    const { sweep, trials } = await sweepOf(run)
    const failed = trials.filter((trial) => trial.state === 'failed')
    expect(
      failed.every(
        (trial) => Number(trial.values['x']) < 0.5 && trial.message?.includes('this point can not be fitted'),
      ),
    ).toBe(true)
    if (trials.some((trial) => trial.state === 'succeeded')) expect(sweep.state).toBe('succeeded')
    expect(failed.length).toBeGreaterThan(0)
  })

  test('when the first trials all fail, or give no objective, or the sampler is unknown, the step fails and says why', async () => {
    await lab.apply(file({ trials: 50, fail: 'all' }), TRIAL_CODE)
    const hopeless = await lab.ended((await lab.start('search')).id)
    expect(stepNamed(hopeless, 'fit').message).toMatch(
      /^The first \d trials all failed\. Trial 0: .*this point can not be fitted/s,
    )
    expect(stepNamed(hopeless, 'use').state).toBe('upstream_failed')
    await lab.apply(file({ trials: 50, metric: 'auc' }), TRIAL_CODE)
    expect(stepNamed(await lab.ended((await lab.start('search')).id), 'fit').message).toContain('gave no finite auc')
    await lab.apply(file({ trials: 2, sampler: 'GridSampler' }), TRIAL_CODE)
    expect(stepNamed(await lab.ended((await lab.start('search')).id), 'fit').message).toContain(
      'The sampler GridSampler is not supported yet; use TPESampler',
    )
    await lab.apply(file({ trials: '"${{ params.trials }}"' }), TRIAL_CODE)
    expect(
      stepNamed(await lab.ended((await lab.start('search', { params: { trials: 0 } })).id), 'fit').message,
    ).toContain('`budget.trials` is 0')
  })
})
