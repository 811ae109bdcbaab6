import { z } from 'zod'
import { Json } from '@kiban/contract/primitives'
import { ExpressionError } from '@kiban/contract/project-file'
import { emit, inTransaction } from '@kiban/kit/context'
import type { Ctx } from '@kiban/kit/context'
import { newId } from '@kiban/kit/ids'
import { cancelJob, getJob, submitJob } from '../jobs/index.ts'
import type { JobView } from '../jobs/index.ts'
import { recordEdges } from '../lineage/index.ts'
import { createRun, endRun, getRunSummary, logMetrics } from '../tracking/index.ts'
import { SamplerFault } from './sampler-process.ts'
import type { Point } from './sampler-process.ts'
import { closeSampler, samplerOf } from './samplers.ts'
import { bestTrial } from './sweep-result.ts'
import { trialCommand } from './trial-template.ts'
import type { TrialTemplate } from './trial-template.ts'
import { insertTrial, listTrialRows, updateHeldSweep, updateSweep, updateTrial } from './tuning.store.ts'
import type { SweepRow, TrialRow } from './tuning.store.ts'

export const LEASE_MS = 180_000
/** When the first trials all fail, the rest would too: the code is wrong, not the point. */
const HOPELESS = 3

/** Another process has taken the sweep over. */
export class LeaseLost extends Error {}

const Values = z.record(z.string(), Json)

/** Moves a held sweep as far as it goes now: takes in ended trials, asks for points, starts jobs, ends it. */
export async function advanceSweep(ctx: Ctx, sweep: SweepRow): Promise<void> {
  for (const trial of await listTrialRows(ctx.db, sweep.id))
    if (trial.state === 'running') await advanceTrial(ctx, sweep, trial)
  const trials = await listTrialRows(ctx.db, sweep.id)
  const running = trials.filter((trial) => trial.state === 'running')
  if (sweep.cancel_requested === 1) {
    for (const trial of running) if (trial.job_id !== null) await cancelJob(ctx, trial.job_id)
    if (running.length === 0) await endSweep(ctx, sweep, { state: 'cancelled', cause: null, message: null })
    return
  }
  const ended = trials.filter((trial) => trial.state !== 'running')
  const hopeless = ended.length >= HOPELESS && ended.every((trial) => trial.state === 'failed')
  const timeUp = sweep.time_ms !== null && ctx.clock.now() >= sweep.created_at + sweep.time_ms
  if (!hopeless && !timeUp && trials.length < sweep.trials && running.length < sweep.parallel) {
    const started = await startTrial(ctx, sweep, trials)
    // One at a time: the next point is better for knowing this one.
    if (started && running.length + 1 < sweep.parallel) return advanceSweep(ctx, sweep)
    return
  }
  if (running.length === 0) await concludeSweep(ctx, sweep, trials, hopeless)
}

async function advanceTrial(ctx: Ctx, sweep: SweepRow, trial: TrialRow): Promise<void> {
  if (trial.job_id === null) return
  const job = await getJob(ctx, trial.job_id)
  if (job.state !== 'succeeded' && job.state !== 'failed' && job.state !== 'cancelled') return
  const metrics = await trackMetrics(ctx, trial, job)
  const objective = metrics[sweep.metric]
  const measured = job.state === 'succeeded' && objective !== undefined
  const state = job.state === 'cancelled' ? 'cancelled' : measured ? 'succeeded' : 'failed'
  if (trial.run_id !== null)
    await endRun(ctx, trial.run_id, state === 'succeeded' ? 'FINISHED' : state === 'failed' ? 'FAILED' : 'KILLED')
  const unmeasured = `It ended well but gave no finite ${sweep.metric}. Log it with MLflow, print \`kiban:metric ${sweep.metric}=…\`, or write $KIBAN_OUTPUTS/metrics.json.`
  await whileHeld(ctx, sweep, (ctx) =>
    updateTrial(ctx.db, trial.id, {
      state,
      objective: objective ?? null,
      metrics: JSON.stringify(metrics),
      outputs: JSON.stringify(job.outputs),
      cause: state === 'failed' ? (job.cause ?? 'user_error') : null,
      message: state === 'failed' ? (job.state === 'succeeded' ? unmeasured : job.message) : null,
      ended_at: ctx.clock.now(),
    }),
  )
}

/** Everything the trial measured, the last value of each: by the job's own ways and by the MLflow client. */
async function trackMetrics(ctx: Ctx, trial: TrialRow, job: JobView): Promise<Record<string, number>> {
  const own = Object.fromEntries(job.metrics.map((metric) => [metric.key, metric.value]))
  if (trial.run_id === null) return own
  if (job.metrics.length > 0) await logMetrics(ctx, trial.run_id, job.metrics)
  const logged = (await getRunSummary(ctx, trial.run_id)).metrics
  const all = { ...logged, ...own }
  return Object.fromEntries(
    Object.entries(all).flatMap(([key, value]) =>
      typeof value === 'number' && Number.isFinite(value) ? [[key, value]] : [],
    ),
  )
}

async function startTrial(ctx: Ctx, sweep: SweepRow, trials: readonly TrialRow[]): Promise<boolean> {
  const number = trials.length
  const history = trials.map((trial): Point => ({
    values: Values.parse(JSON.parse(trial.vals)),
    state: trial.state,
    objective: trial.objective,
  }))
  try {
    const values = await samplerOf(ctx, sweep).ask(number, history)
    // The template was written by startSweep from this type.
    const template = JSON.parse(sweep.template) as TrialTemplate
    const command = trialCommand(template, number, values)
    await insertStarted(ctx, sweep, { number, values, spec: { ...template.job, ...command } })
    return true
  } catch (error) {
    if (!(error instanceof SamplerFault || error instanceof ExpressionError)) throw error
    await endSweep(ctx, sweep, { state: 'failed', cause: 'user_error', message: error.message })
    return false
  }
}

async function insertStarted(
  ctx: Ctx,
  sweep: SweepRow,
  trial: {
    number: number
    values: Record<string, Json>
    spec: Omit<Parameters<typeof submitJob>[1], 'name' | 'owner' | 'runId'>
  },
): Promise<void> {
  const id = newId('trial')
  const params = Object.fromEntries(
    Object.entries(trial.values).map(([name, value]) => [
      name,
      typeof value === 'string' ? value : JSON.stringify(value),
    ]),
  )
  await whileHeld(ctx, sweep, async (ctx) => {
    const { runId } = await createRun(ctx, {
      project: sweep.project,
      experiment: sweep.experiment,
      name: `${sweep.name.split('/').at(-1) ?? 'sweep'} trial ${trial.number}`,
      tags: {
        'kiban.sweep': sweep.id,
        'kiban.trial': String(trial.number),
        'kiban.pipeline_run': sweep.pipeline_run_id,
      },
      params,
      ...(sweep.parent_run_id === null ? {} : { parentRunId: sweep.parent_run_id }),
    })
    const jobId = await submitJob(ctx, {
      ...trial.spec,
      name: `${sweep.name} trial ${trial.number}`,
      owner: { kind: 'trial', id },
      runId,
    })
    await insertTrial(ctx.db, {
      id,
      sweep_id: sweep.id,
      number: trial.number,
      state: 'running',
      vals: JSON.stringify(trial.values),
      objective: null,
      metrics: '{}',
      outputs: '{}',
      job_id: jobId,
      run_id: runId,
      cause: null,
      message: null,
      started_at: ctx.clock.now(),
      ended_at: null,
    })
    await recordEdges(ctx, [
      { from: { kind: 'step_run', id: sweep.step_run_id }, relation: 'generated', to: { kind: 'run', id: runId } },
      { from: { kind: 'step_run', id: sweep.step_run_id }, relation: 'generated', to: { kind: 'job', id: jobId } },
    ])
  })
}

async function concludeSweep(ctx: Ctx, sweep: SweepRow, trials: readonly TrialRow[], hopeless: boolean): Promise<void> {
  const best = bestTrial(sweep, trials)
  if (!hopeless && best) return endSweep(ctx, sweep, { state: 'succeeded', cause: null, message: null })
  const failed = trials.find((trial) => trial.state === 'failed')
  const head =
    trials.length === 0
      ? 'The time was over before a trial began.'
      : hopeless
        ? `The first ${trials.length} trials all failed.`
        : 'No trial succeeded.'
  await endSweep(ctx, sweep, {
    state: 'failed',
    cause: failed?.cause ?? 'user_error',
    message: `${head} ${failed ? `Trial ${failed.number}: ${failed.message ?? ''}` : ''}`.trim(),
  })
}

async function endSweep(ctx: Ctx, sweep: SweepRow, end: Pick<SweepRow, 'state' | 'cause' | 'message'>): Promise<void> {
  await whileHeld(ctx, sweep, (ctx) => updateSweep(ctx.db, sweep.id, { ...end, ended_at: ctx.clock.now() }))
  closeSampler(ctx, sweep.id)
  ctx.platform.wake('pipelines')
}

async function whileHeld<T>(ctx: Ctx, sweep: SweepRow, write: (ctx: Ctx) => Promise<T>): Promise<T> {
  return inTransaction(ctx, async (ctx) => {
    if (!(await updateHeldSweep(ctx.db, sweep, { lease_until: ctx.clock.now() + LEASE_MS })))
      throw new LeaseLost(sweep.id)
    const result = await write(ctx)
    emit(ctx, { topic: `projects/${sweep.project}/sweeps`, kind: 'sweep.changed', id: sweep.id })
    return result
  })
}
