import { ExpressionError, renderTemplate } from '@kiban/contract/project-file'
import type { Scope, StepSpec } from '@kiban/contract/project-file'
import { Json } from '@kiban/contract/primitives'
import type { StepState } from '@kiban/contract/pipelines'
import type { Ctx } from '@kiban/kit/context'
import { getJob } from '../jobs/index.ts'
import type { JobView } from '../jobs/index.ts'
import { recordEdges } from '../lineage/index.ts'
import { endRun, getRunSummary, logMetrics } from '../tracking/index.ts'
import { getSweepResult } from '../tuning/index.ts'
import { kindOf, withDefaults } from './definition.ts'
import type { Definition, Pins } from './definition.ts'
import { failStep, succeedStep } from './finish-step.ts'
import { changeStep, whileHeld } from './held-run.ts'
import { partsOf } from './parts.ts'
import type { PipelineRunRow } from './pipelines.store.ts'
import { StepFault, prepareStep } from './prepare-step.ts'
import type { PreparedStep } from './prepare-step.ts'
import { runScope, stepsScope } from './run-scope.ts'
import { startStep } from './start-step.ts'
import { stepEdges } from './step-edges.ts'
import { readiness } from './step-graph.ts'
import { insertAttempt, updateStepRun } from './steps.store.ts'
import type { StepRunRow } from './steps.store.ts'

export type Situation = {
  readonly run: PipelineRunRow
  readonly definition: Definition
  readonly pins: Pins
  readonly steps: readonly StepRunRow[]
}

/** Moves one step as far as it goes now. A fault of the user's ends the step, never the loop. */
export async function advanceStep(ctx: Ctx, situation: Situation, row: StepRunRow): Promise<void> {
  try {
    if (row.state === 'waiting') await advanceWaiting(ctx, situation, row)
    else if (row.state === 'preparing') await prepareAndStart(ctx, situation, row)
    else if (row.state === 'running') await advanceRunning(ctx, situation, row)
  } catch (error) {
    if (!(error instanceof StepFault)) throw error
    await failStep(ctx, situation.run, row, { cause: 'user_error', message: error.message })
  }
}

function stepOf(situation: Situation, row: StepRunRow): StepSpec {
  const spec = situation.definition.spec.steps[row.name]
  if (!spec) throw new StepFault(`The run's file has no step ${row.name}.`)
  return withDefaults(spec, situation.definition.defaults)
}

function scopeOf({ run, definition, steps }: Situation): Scope {
  return stepsScope(runScope(run, definition), definition, steps)
}

async function advanceWaiting(ctx: Ctx, situation: Situation, row: StepRunRow): Promise<void> {
  const { run, definition, steps } = situation
  const states = new Map<string, StepState>(steps.map((step) => [step.name, step.state]))
  const ready = readiness(definition.spec, row.name, states)
  if (ready.verdict === 'wait') return
  const now = ctx.clock.now()
  if (ready.verdict !== 'ready') return changeStep(ctx, run, row, { state: ready.verdict, reason: null, ended_at: now })
  if (!condition(definition.spec.steps[row.name]?.if, scopeOf(situation), ready.failed))
    return changeStep(ctx, run, row, { state: 'skipped', reason: null, ended_at: now })
  await changeStep(ctx, run, row, { state: 'preparing', reason: null })
  await prepareAndStart(ctx, situation, { ...row, state: 'preparing', reason: null })
}

function condition(written: string | boolean | undefined, scope: Scope, failed: boolean): boolean {
  if (written === undefined) return true
  if (typeof written === 'boolean') return written
  try {
    const value = renderTemplate(written, scope, { failed })
    if (typeof value === 'boolean') return value
    throw new StepFault(`\`if\` gives ${JSON.stringify(value)}; it must be true or false.`)
  } catch (error) {
    if (error instanceof ExpressionError) throw new StepFault(`\`if\` can't be evaluated: ${error.message}.`)
    throw error
  }
}

async function prepareAndStart(ctx: Ctx, situation: Situation, row: StepRunRow): Promise<void> {
  const { run, definition, pins, steps } = situation
  const step = stepOf(situation, row)
  const prepared = await prepareStep(ctx, { run, definition, pins, steps, row, step, scope: scopeOf(situation) })
  if ('reason' in prepared) {
    if (row.reason !== prepared.reason || row.environment_id !== prepared.environmentId)
      await changeStep(ctx, run, row, { reason: prepared.reason, environment_id: prepared.environmentId })
    return
  }
  if (kindOf(step) === 'uses') return startComponent(ctx, situation, row, prepared)
  try {
    await startStep(ctx, { run, definition, row, step, prepared })
  } catch (error) {
    if (error instanceof ExpressionError) throw new StepFault(`An expression can't be evaluated: ${error.message}.`)
    throw error
  }
}

async function startComponent(ctx: Ctx, situation: Situation, row: StepRunRow, prepared: PreparedStep): Promise<void> {
  const { run } = situation
  const step = stepOf(situation, row)
  const component = partsOf(ctx).components[step.uses ?? '']
  if (!component)
    throw new StepFault(
      `This server has no component ${step.uses}. It has ${Object.keys(partsOf(ctx).components).join(', ') || 'none'}.`,
    )
  for (const [name, input] of Object.entries(component.inputs))
    if (!input.optional && !Object.hasOwn(prepared.inputs, name))
      throw new StepFault(
        `${step.uses} needs the input ${name} (${input.type}). It takes ${Object.keys(component.inputs).join(', ')}.`,
      )
  for (const name of Object.keys(prepared.inputs))
    if (!Object.hasOwn(component.inputs, name))
      throw new StepFault(`${step.uses} has no input ${name}. It takes ${Object.keys(component.inputs).join(', ')}.`)
  const now = ctx.clock.now()
  await whileHeld(ctx, run, async (ctx) => {
    await updateStepRun(ctx.db, row.id, {
      state: 'running',
      reason: null,
      started_at: row.started_at ?? now,
      environment_id: prepared.environment?.id ?? null,
      inputs: JSON.stringify(prepared.inputs),
      cache_report: JSON.stringify({
        result: 'not_cacheable',
        key: null,
        stepRunId: null,
        reason: 'disabled',
        differences: [],
      }),
    })
    await insertAttempt(ctx.db, {
      step_run_id: row.id,
      number: row.attempt,
      job_id: null,
      state: 'running',
      cause: null,
      message: null,
      started_at: now,
      ended_at: null,
    })
    await recordEdges(ctx, stepEdges(row, prepared, { jobId: null, runId: null }))
  })
  await advanceComponent(
    ctx,
    situation,
    { ...row, state: 'running', environment_id: prepared.environment?.id ?? null },
    prepared.inputs,
  )
}

async function advanceComponent(
  ctx: Ctx,
  situation: Situation,
  row: StepRunRow,
  inputs: PreparedStep['inputs'],
): Promise<void> {
  const { run } = situation
  const step = stepOf(situation, row)
  const component = partsOf(ctx).components[step.uses ?? '']
  if (!component) throw new StepFault(`This server has no component ${step.uses}.`)
  const result = await component.advance(ctx, {
    id: row.id,
    project: run.project,
    pipelineRunId: run.id,
    inputs,
    state: row.component_state === null ? null : Json.parse(JSON.parse(row.component_state)),
    code: run.code_manifest,
    environmentId: row.environment_id,
  })
  if (result.status === 'succeeded')
    return succeedStep(ctx, { run, row, step }, { outputs: result.outputs, metrics: {}, store: false })
  if (result.status === 'failed') return failStep(ctx, run, row, { cause: result.cause, message: result.message })
  const state = JSON.stringify(result.state)
  if (state !== row.component_state || result.reason !== row.reason)
    await changeStep(ctx, run, row, { component_state: state, reason: result.reason })
}

async function advanceRunning(ctx: Ctx, situation: Situation, row: StepRunRow): Promise<void> {
  if (row.sweep_id !== null) return advanceSweep(ctx, situation, row, row.sweep_id)
  if (row.job_id !== null) return advanceJob(ctx, situation, row, row.job_id)
  const { run, definition, pins, steps } = situation
  const step = stepOf(situation, row)
  const prepared = await prepareStep(ctx, { run, definition, pins, steps, row, step, scope: scopeOf(situation) })
  if (!('reason' in prepared)) await advanceComponent(ctx, situation, row, prepared.inputs)
}

async function advanceJob(ctx: Ctx, situation: Situation, row: StepRunRow, jobId: string): Promise<void> {
  const { run } = situation
  const job = await getJob(ctx, jobId)
  if (job.state === 'succeeded') {
    const metrics = await trackMetrics(ctx, row, job)
    if (row.mlflow_run_id !== null) await endRun(ctx, row.mlflow_run_id, 'FINISHED')
    return succeedStep(ctx, { run, row, step: stepOf(situation, row) }, { outputs: job.outputs, metrics, store: true })
  }
  if (job.state === 'failed' || job.state === 'cancelled') {
    await trackMetrics(ctx, row, job)
    if (row.mlflow_run_id !== null) await endRun(ctx, row.mlflow_run_id, job.state === 'failed' ? 'FAILED' : 'KILLED')
    const message = job.message ?? (job.state === 'cancelled' ? 'Its job was cancelled.' : 'Its job failed.')
    return failStep(ctx, run, row, { cause: job.cause ?? 'cancelled', message })
  }
  const reason = job.state === 'queued' ? job.reason : null
  if (reason !== row.reason) await changeStep(ctx, run, row, { reason })
}

/** Writes what the job measured to its MLflow run; returns the last value of each, with what the client logged itself. */
async function trackMetrics(ctx: Ctx, row: StepRunRow, job: JobView): Promise<Record<string, number>> {
  const own = Object.fromEntries(job.metrics.map((metric) => [metric.key, metric.value]))
  if (row.mlflow_run_id === null) return own
  if (job.metrics.length > 0)
    await logMetrics(
      ctx,
      row.mlflow_run_id,
      job.metrics.map((metric) => ({ ...metric })),
    )
  const summary = await getRunSummary(ctx, row.mlflow_run_id)
  return { ...finite(summary.metrics), ...own }
}

function finite(metrics: unknown): Record<string, number> {
  const entries = typeof metrics === 'object' && metrics !== null ? Object.entries(metrics) : []
  return Object.fromEntries(
    entries.flatMap(([key, value]) => (typeof value === 'number' && Number.isFinite(value) ? [[key, value]] : [])),
  )
}

async function advanceSweep(ctx: Ctx, situation: Situation, row: StepRunRow, sweepId: string): Promise<void> {
  const { run } = situation
  const sweep = await getSweepResult(ctx, sweepId)
  if (sweep.state === 'running') {
    if (sweep.progress !== row.reason) await changeStep(ctx, run, row, { reason: sweep.progress })
    return
  }
  if (row.mlflow_run_id !== null)
    await endRun(
      ctx,
      row.mlflow_run_id,
      sweep.state === 'succeeded' ? 'FINISHED' : sweep.state === 'failed' ? 'FAILED' : 'KILLED',
    )
  if (sweep.state !== 'succeeded' || !sweep.best)
    return failStep(ctx, run, row, {
      cause: sweep.cause ?? sweep.state,
      message: sweep.message ?? 'The sweep ended without a result.',
    })
  await succeedStep(
    ctx,
    { run, row, step: stepOf(situation, row) },
    {
      outputs: sweep.best.outputs,
      metrics: sweep.best.metrics,
      store: true,
      change: sweep.best.runId === null ? {} : { mlflow_run_id: sweep.best.runId },
    },
  )
}
