import { z } from 'zod'
import { defineEndpoint } from './endpoint.ts'
import { Instant, Json, ProjectParams } from './primitives.ts'

export const SweepState = z.enum(['running', 'succeeded', 'failed', 'cancelled'])
export type SweepState = z.infer<typeof SweepState>

export const TrialState = z.enum(['running', 'succeeded', 'failed', 'cancelled'])
export type TrialState = z.infer<typeof TrialState>

export const SweepObjective = z.object({ metric: z.string(), direction: z.enum(['minimize', 'maximize']) })
export type SweepObjective = z.infer<typeof SweepObjective>

/** One trial: the values the sampler chose, its job, its MLflow run, and what it measured. */
export const Trial = z.object({
  id: z.string(),
  number: z.number().int(),
  state: TrialState,
  values: z.record(z.string(), Json),
  /** The objective's value; null until measured. */
  objective: z.number().nullable(),
  metrics: z.record(z.string(), z.number()),
  jobId: z.string().nullable(),
  runId: z.string().nullable(),
  cause: z.string().nullable(),
  message: z.string().nullable(),
  startedAt: Instant,
  endedAt: Instant.nullable(),
})
export type Trial = z.infer<typeof Trial>

export const Sweep = z.object({
  id: z.string(),
  /** `train/train`: pipeline and step. */
  name: z.string(),
  project: z.string(),
  pipelineRunId: z.string(),
  stepRunId: z.string(),
  state: SweepState,
  cause: z.string().nullable(),
  message: z.string().nullable(),
  sampler: z.string(),
  seed: z.number().int(),
  space: z.record(z.string(), Json),
  objective: SweepObjective,
  budget: z.object({ trials: z.number().int(), timeMs: z.number().int().nullable() }),
  trialCounts: z.record(z.string(), z.number().int()),
  best: Trial.nullable(),
  createdAt: Instant,
  createdBy: z.string(),
  endedAt: Instant.nullable(),
})
export type Sweep = z.infer<typeof Sweep>

const SweepParams = ProjectParams.extend({ sweep: z.string().max(100) })

export const listSweeps = defineEndpoint({
  name: 'listSweeps',
  method: 'GET',
  path: '/projects/:project/sweeps',
  summary: 'The newest 200 sweeps of a project; of one pipeline run when asked.',
  action: 'run.read',
  params: ProjectParams,
  query: z.object({ pipelineRun: z.string().max(100).optional() }),
  response: z.object({ sweeps: z.array(Sweep) }),
  errors: ['project_not_found'],
})

export const getSweep = defineEndpoint({
  name: 'getSweep',
  method: 'GET',
  path: '/projects/:project/sweeps/:sweep',
  summary: 'One sweep: space, objective, budget, and the best trial so far.',
  action: 'run.read',
  params: SweepParams,
  response: Sweep,
  errors: ['project_not_found', 'sweep_not_found'],
})

export const listTrials = defineEndpoint({
  name: 'listTrials',
  method: 'GET',
  path: '/projects/:project/sweeps/:sweep/trials',
  summary: 'Every trial of a sweep, by number.',
  action: 'run.read',
  params: SweepParams,
  response: z.object({ trials: z.array(Trial) }),
  errors: ['project_not_found', 'sweep_not_found'],
})
