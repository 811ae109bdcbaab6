import { createHash } from 'node:crypto'
import type { Json } from '@kiban/contract/primitives'
import { durationMs, parseDuration } from '@kiban/contract/project-file'
import type { SweepSpec } from '@kiban/contract/project-file'
import { emit, inTransaction, wake } from '@kiban/kit/context'
import type { Ctx } from '@kiban/kit/context'
import { newId } from '@kiban/kit/ids'
import type { TrialTemplate } from './trial-template.ts'
import { findSweepOfStep, insertSweep } from './tuning.store.ts'

export type StartSweep = {
  readonly project: string
  readonly pipelineRunId: string
  readonly stepRunId: string
  readonly attempt: number
  readonly name: string
  readonly experiment: string
  /** MLflow run of the step; trials are its children. */
  readonly parentRunId: string | null
  /** The same text gives the same seed, unless the sampler has one of its own. */
  readonly seedText: string
  readonly space: SweepSpec['space']
  readonly objective: SweepSpec['objective']
  readonly sampler: SweepSpec['sampler']
  /** As evaluated: a number of trials or null, a duration or null. */
  readonly budget: { readonly trials: Json; readonly time: Json }
  readonly parallel: Json
  readonly environmentPython: string | null
  readonly onBehalfOf: string
  readonly template: TrialTemplate
}

const MOST_TRIALS = 10_000

/**
 * Starts the search of one step in the caller's transaction; the loop does the rest. Idempotent by step run and attempt. A budget or
 * sampler that can't be used gives a sweep that has failed, with the reason.
 */
export async function startSweep(ctx: Ctx, input: StartSweep): Promise<string> {
  return inTransaction(ctx, async (ctx) => {
    const known = await findSweepOfStep(ctx.db, input.stepRunId, input.attempt)
    if (known) return known.id
    const id = newId('sweep')
    const sampler = samplerOf(input.sampler)
    const [objective] = Array.isArray(input.objective) ? input.objective : [input.objective]
    const trials = input.budget.trials === null ? MOST_TRIALS : input.budget.trials
    const timeMs =
      typeof input.budget.time === 'string' && parseDuration(input.budget.time) ? durationMs(input.budget.time) : null
    const parallel = input.parallel ?? 1
    const fault = !isCount(trials)
      ? `\`budget.trials\` is ${JSON.stringify(trials)}; give a whole number from 1 to ${MOST_TRIALS}.`
      : input.budget.time !== null && timeMs === null
        ? `\`budget.time\` is ${JSON.stringify(input.budget.time)}; give a duration such as 10m.`
        : !isCount(parallel)
          ? `\`parallel\` is ${JSON.stringify(parallel)}; give a whole number of at least 1.`
          : input.environmentPython === null
            ? 'A sweep needs an environment with Python and Optuna. Give the step `environment`.'
            : undefined
    const now = ctx.clock.now()
    await insertSweep(ctx.db, {
      id,
      project: input.project,
      name: input.name,
      pipeline_run_id: input.pipelineRunId,
      step_run_id: input.stepRunId,
      attempt: input.attempt,
      state: fault === undefined ? 'running' : 'failed',
      cancel_requested: 0,
      cause: fault === undefined ? null : 'user_error',
      message: fault ?? null,
      experiment: input.experiment,
      parent_run_id: input.parentRunId,
      seed: sampler.seed ?? createHash('sha256').update(input.seedText).digest().readUInt32BE(0) % 2 ** 31,
      sampler: sampler.name,
      sampler_options: JSON.stringify(sampler.options),
      space: JSON.stringify(input.space),
      metric: objective?.metric ?? '',
      direction: objective?.direction ?? 'minimize',
      trials: isCount(trials) ? trials : 0,
      time_ms: timeMs,
      parallel: isCount(parallel) ? parallel : 1,
      python: input.environmentPython,
      template: JSON.stringify(input.template),
      created_at: now,
      created_by: input.onBehalfOf,
      ended_at: fault === undefined ? null : now,
      lease_token: null,
      lease_until: null,
    })
    emit(ctx, { topic: `projects/${input.project}/sweeps`, kind: 'sweep.started', id })
    wake(ctx, fault === undefined ? 'tuning' : 'pipelines')
    return id
  })
}

function isCount(value: Json): value is number {
  return Number.isInteger(value) && Number(value) >= 1 && Number(value) <= MOST_TRIALS
}

/** `TPESampler`, or `{type: TPESampler, seed: 7, multivariate: true}` with Optuna's own options. */
function samplerOf(written: SweepSpec['sampler']): {
  name: string
  seed: number | undefined
  options: Record<string, Json>
} {
  if (typeof written === 'string') return { name: written, seed: undefined, options: {} }
  const { type, seed, ...options } = written
  return {
    name: typeof type === 'string' ? type : 'TPESampler',
    seed: typeof seed === 'number' ? seed : undefined,
    options,
  }
}
