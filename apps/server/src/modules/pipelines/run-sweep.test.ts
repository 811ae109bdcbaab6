import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Sweep, Trial } from '@kiban/contract/tuning'
import { testDatabases } from '@kiban/testkit/database'
import { openLab, stepNamed } from './pipeline-lab.ts'
import type { Lab } from './pipeline-lab.ts'

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
const CODE = { 'trial.py': TRIAL, 'requirements.txt': 'optuna==5.0.0\n' }

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

  test(
    'the best trial’s outputs and metrics become the step’s, each trial is a child run, and a repeat is a cache hit',
    { timeout: 120_000 },
    async () => {
      await lab.apply(file({ trials: '"${{ params.trials }}"' }), CODE)
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
    },
  )

  test(
    'the same seed and history give the same points, also after the sampler was killed',
    { timeout: 120_000 },
    async () => {
      const { trials } = await sweepOf({ id: (await lab.run('search#1')).id })
      const run = await lab.ended((await lab.start('search', { noCache: true })).id)
      const again = await sweepOf(run)
      expect(again.trials[0]?.values).toEqual(trials[0]?.values)
      expect(again.trials[1]?.values).toEqual(trials[1]?.values)
    },
  )

  test('a trial that fails does not end the sweep', { timeout: 120_000 }, async () => {
    await lab.apply(file({ trials: 6, fail: 'some' }), CODE)
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

  test(
    'when the first trials all fail, or give no objective, or the sampler is unknown, the step fails and says why',
    { timeout: 120_000 },
    async () => {
      await lab.apply(file({ trials: 50, fail: 'all' }), CODE)
      const hopeless = await lab.ended((await lab.start('search')).id)
      expect(stepNamed(hopeless, 'fit').message).toMatch(
        /^The first \d trials all failed\. Trial 0: .*this point can not be fitted/s,
      )
      expect(stepNamed(hopeless, 'use').state).toBe('upstream_failed')
      await lab.apply(file({ trials: 50, metric: 'auc' }), CODE)
      expect(stepNamed(await lab.ended((await lab.start('search')).id), 'fit').message).toContain('gave no finite auc')
      await lab.apply(file({ trials: 2, sampler: 'GridSampler' }), CODE)
      expect(stepNamed(await lab.ended((await lab.start('search')).id), 'fit').message).toContain(
        'The sampler GridSampler is not supported yet; use TPESampler',
      )
      await lab.apply(file({ trials: '"${{ params.trials }}"' }), CODE)
      expect(
        stepNamed(await lab.ended((await lab.start('search', { params: { trials: 0 } })).id), 'fit').message,
      ).toContain('`budget.trials` is 0')
    },
  )
})
