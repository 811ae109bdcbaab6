import { z } from 'zod'
import { Json } from '@kiban/contract/primitives'
import type { Sweep, Trial } from '@kiban/contract/tuning'
import { bestTrial } from './sweep-result.ts'
import type { SweepRow, TrialRow } from './tuning.store.ts'

const Values = z.record(z.string(), Json)
const Metrics = z.record(z.string(), z.number())

export function presentSweep(row: SweepRow, trials: readonly TrialRow[]): Sweep {
  const best = bestTrial(row, trials)
  const counts: Record<string, number> = {}
  for (const trial of trials) counts[trial.state] = (counts[trial.state] ?? 0) + 1
  return {
    id: row.id,
    name: row.name,
    project: row.project,
    pipelineRunId: row.pipeline_run_id,
    stepRunId: row.step_run_id,
    state: row.state,
    cause: row.cause,
    message: row.message,
    sampler: row.sampler,
    seed: row.seed,
    space: Values.parse(JSON.parse(row.space)),
    objective: { metric: row.metric, direction: row.direction },
    budget: { trials: row.trials, timeMs: row.time_ms },
    trialCounts: counts,
    best: best ? presentTrial(best) : null,
    createdAt: row.created_at,
    createdBy: row.created_by,
    endedAt: row.ended_at,
  }
}

export function presentTrial(row: TrialRow): Trial {
  return {
    id: row.id,
    number: row.number,
    state: row.state,
    values: Values.parse(JSON.parse(row.vals)),
    objective: row.objective,
    metrics: Metrics.parse(JSON.parse(row.metrics)),
    jobId: row.job_id,
    runId: row.run_id,
    cause: row.cause,
    message: row.message,
    startedAt: row.started_at,
    endedAt: row.ended_at,
  }
}
