import { renderValue, ExpressionError } from '@kiban/contract/project-file'
import type { Json } from '@kiban/contract/primitives'
import type { Ctx } from '@kiban/kit/context'
import { cancelJob, getJob } from '../jobs/index.ts'
import { endRun } from '../tracking/index.ts'
import { cancelSweep, getSweepResult } from '../tuning/index.ts'
import { advanceStep } from './advance-step.ts'
import { parseDefinition, Pins } from './definition.ts'
import type { Definition } from './definition.ts'
import { cancelStep } from './finish-step.ts'
import { changeStep, whileHeld } from './held-run.ts'
import { updateRun } from './pipelines.store.ts'
import type { PipelineRunRow } from './pipelines.store.ts'
import { artifactIn, runScope, stepsScope } from './run-scope.ts'
import { ENDED } from './step-graph.ts'
import { listStepRuns } from './steps.store.ts'
import type { StepRunRow } from './steps.store.ts'

/** Moves a held run as far as it goes now; throws `LeaseLost` when another process took it. */
export async function advanceRun(ctx: Ctx, run: PipelineRunRow): Promise<void> {
  const definition = parseDefinition(run.definition)
  const pins = Pins.parse(JSON.parse(run.pins))
  if (run.state === 'queued')
    await whileHeld(ctx, run, (ctx) =>
      updateRun(ctx.db, run.id, { state: 'running', started_at: run.started_at ?? ctx.clock.now() }),
    )
  let steps = await listStepRuns(ctx.db, run.id)
  if (run.state === 'cancelling') {
    for (const row of steps) await cancelUnfinished(ctx, run, row)
    steps = await listStepRuns(ctx.db, run.id)
  } else {
    // A step that ended may make others ready: go on until nothing moves. Each pass sees what the one before wrote.
    for (let before = ''; before !== fingerprint(steps);) {
      before = fingerprint(steps)
      for (const { id } of steps.filter((step) => !ENDED.includes(step.state))) {
        const row = steps.find((step) => step.id === id)
        if (!row || ctx.signal.aborted) return
        await advanceStep(ctx, { run, definition, pins, steps }, row)
        steps = await listStepRuns(ctx.db, run.id)
      }
    }
  }
  if (steps.every((step) => ENDED.includes(step.state))) await endPipelineRun(ctx, run, definition, steps)
}

function fingerprint(steps: readonly StepRunRow[]): string {
  return steps.map((step) => step.state).join(' ')
}

async function cancelUnfinished(ctx: Ctx, run: PipelineRunRow, row: StepRunRow): Promise<void> {
  if (ENDED.includes(row.state)) return
  if (row.state !== 'running' || (row.job_id === null && row.sweep_id === null)) return cancelStep(ctx, run, row)
  if (row.sweep_id !== null) {
    await cancelSweep(ctx, row.sweep_id)
    if ((await getSweepResult(ctx, row.sweep_id)).state === 'running') return waitForEnd(ctx, run, row)
  } else if (row.job_id !== null) {
    await cancelJob(ctx, row.job_id)
    if (['queued', 'preparing', 'running'].includes((await getJob(ctx, row.job_id)).state))
      return waitForEnd(ctx, run, row)
  }
  if (row.mlflow_run_id !== null) await endRun(ctx, row.mlflow_run_id, 'KILLED')
  await cancelStep(ctx, run, row)
}

async function waitForEnd(ctx: Ctx, run: PipelineRunRow, row: StepRunRow): Promise<void> {
  const reason = 'It was told to end and is ending.'
  if (row.reason !== reason) await changeStep(ctx, run, row, { reason })
}

async function endPipelineRun(
  ctx: Ctx,
  run: PipelineRunRow,
  definition: Definition,
  steps: readonly StepRunRow[],
): Promise<void> {
  const failed = steps.filter((step) => step.state === 'failed')
  const cancelled = steps.some((step) => step.state === 'cancelled')
  const state = cancelled ? 'cancelled' : failed.length > 0 ? 'failed' : 'succeeded'
  const [first] = failed
  const outputs = state === 'succeeded' ? outputsOf(run, definition, steps) : { values: {} }
  await whileHeld(ctx, run, (ctx) =>
    updateRun(ctx.db, run.id, {
      state: outputs.fault === undefined ? state : 'failed',
      cause: outputs.fault === undefined ? (first?.cause ?? null) : 'user_error',
      message: outputs.fault ?? (first ? `${first.name}: ${first.message ?? 'failed'}` : null),
      outputs: JSON.stringify(outputs.values),
      ended_at: ctx.clock.now(),
    }),
  )
  // Loops and whatever else waits for pipelines look again.
  for (const loop of ['loops', 'models', 'monitors']) ctx.platform.wake(loop)
}

function outputsOf(
  run: PipelineRunRow,
  definition: Definition,
  steps: readonly StepRunRow[],
): { values: Record<string, Json>; fault?: string } {
  const scope = stepsScope(runScope(run, definition), definition, steps)
  try {
    return {
      values: Object.fromEntries(
        Object.entries(definition.spec.outputs).map(([name, value]) => [name, shown(renderValue(value, scope))]),
      ),
    }
  } catch (error) {
    if (error instanceof ExpressionError)
      return { values: {}, fault: `An output of the pipeline can't be evaluated: ${error.message}.` }
    throw error
  }
}

/** An artifact as an output of a pipeline: what it is and where, without the wrapping it has in expressions. */
function shown(value: Json): Json {
  const artifact = artifactIn(value)
  return artifact
    ? { type: artifact.type, tree: artifact.tree, ...(artifact.uri === undefined ? {} : { uri: artifact.uri }) }
    : value
}
