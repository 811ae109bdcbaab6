import { z } from 'zod'
import { defineEndpoint } from './endpoint.ts'
import { Instant, Json, Name, PageQuery, ProjectParams, Sha256 } from './primitives.ts'

/** `blocked_by_cancel` does not exist on purpose: what never started in a cancelled run is `cancelled`. */
export const StepState = z.enum([
  'waiting',
  'preparing',
  'running',
  'succeeded',
  'failed',
  'skipped',
  'upstream_failed',
  'cancelled',
])
export type StepState = z.infer<typeof StepState>

export const PipelineRunState = z.enum(['queued', 'running', 'cancelling', 'succeeded', 'failed', 'cancelled'])
export type PipelineRunState = z.infer<typeof PipelineRunState>

export const StepKind = z.enum(['run', 'sql', 'uses', 'notebook', 'approval', 'wait'])
export type StepKind = z.infer<typeof StepKind>

/** What a step gave: bytes by the hash of their tree, or a small value. `version` is set when it was published. */
export const StepOutput = z.object({
  type: z.string(),
  tree: Sha256.optional(),
  sizeBytes: z.number().int().optional(),
  value: Json.optional(),
  published: z.object({ uri: z.string(), versionId: z.string(), number: z.number().int() }).optional(),
})
export type StepOutput = z.infer<typeof StepOutput>

/** One part of a cache key that differs from the newest success of the same step. */
export const CacheDifference = z.object({
  part: z.string(),
  name: z.string(),
  before: z.string().nullable(),
  after: z.string().nullable(),
})
export type CacheDifference = z.infer<typeof CacheDifference>

/** Why a step was computed or taken from the cache (project-file §4). */
export const CacheReport = z.object({
  result: z.enum(['hit', 'miss', 'disabled', 'not_cacheable']),
  key: Sha256.nullable(),
  /** The step run whose outputs were taken; for a miss, the one it was compared with. */
  stepRunId: z.string().nullable(),
  reason: z.enum(['first_run', 'changed', 'ttl', 'output_gone', 'disabled', 'same']),
  differences: z.array(CacheDifference),
})
export type CacheReport = z.infer<typeof CacheReport>

export const StepAttempt = z.object({
  number: z.number().int(),
  jobId: z.string().nullable(),
  state: z.enum(['running', 'succeeded', 'failed', 'cancelled']),
  cause: z.string().nullable(),
  message: z.string().nullable(),
  startedAt: Instant,
  endedAt: Instant.nullable(),
})

/** One step (one item of it) of a run; also a node of the run's graph. */
export const StepRun = z.object({
  id: z.string(),
  name: z.string(),
  item: z.string(),
  kind: StepKind,
  /** What it uses or runs, as written, cut at 200 characters. */
  summary: z.string(),
  needs: z.array(z.string()),
  state: StepState,
  /** What it waits for, in plain words; null when it does not wait. */
  reason: z.string().nullable(),
  cause: z.string().nullable(),
  message: z.string().nullable(),
  cache: CacheReport.nullable(),
  jobId: z.string().nullable(),
  /** The MLflow run that has its parameters and metrics. */
  runId: z.string().nullable(),
  sweepId: z.string().nullable(),
  attempts: z.array(StepAttempt),
  inputs: z.record(z.string(), Json),
  outputs: z.record(z.string(), StepOutput),
  metrics: z.record(z.string(), z.number()),
  startedAt: Instant.nullable(),
  endedAt: Instant.nullable(),
})
export type StepRun = z.infer<typeof StepRun>

export const Trigger = z.object({
  kind: z.string(),
  id: z.string(),
  /** The facts an expression sees as `trigger.…`. */
  facts: z.record(z.string(), Json),
})

export const PipelineRun = z.object({
  id: z.string(),
  /** `train #12`. */
  name: z.string(),
  project: z.string(),
  pipeline: z.string(),
  number: z.number().int(),
  state: PipelineRunState,
  cause: z.string().nullable(),
  message: z.string().nullable(),
  params: z.record(z.string(), Json),
  trigger: Trigger,
  code: Sha256,
  /** URI as written → the version it was pinned to when the run was created. */
  pins: z.record(
    z.string(),
    z.object({ kind: z.enum(['dataset', 'model']), versionId: z.string(), number: z.number().int() }),
  ),
  outputs: z.record(z.string(), Json),
  /** Steps by state, for lists. */
  stepCounts: z.record(z.string(), z.number().int()),
  rerunOf: z.string().nullable(),
  createdAt: Instant,
  createdBy: z.string(),
  startedAt: Instant.nullable(),
  endedAt: Instant.nullable(),
})
export type PipelineRun = z.infer<typeof PipelineRun>

export const PipelineRunDetail = PipelineRun.extend({ steps: z.array(StepRun) })
export type PipelineRunDetail = z.infer<typeof PipelineRunDetail>

export const PipelineParam = z.object({
  name: z.string(),
  type: z.string(),
  required: z.boolean(),
  default: Json.optional(),
  description: z.string().optional(),
  min: Json.optional(),
  max: Json.optional(),
  enum: z.array(Json).optional(),
  pattern: z.string().optional(),
})

export const Pipeline = z.object({
  id: z.string(),
  name: z.string(),
  project: z.string(),
  description: z.string().nullable(),
  params: z.array(PipelineParam),
  steps: z.array(z.object({ name: z.string(), kind: StepKind, summary: z.string(), needs: z.array(z.string()) })),
  lastRun: PipelineRun.nullable(),
  archivedAt: Instant.nullable(),
  createdAt: Instant,
  createdBy: z.string(),
})
export type Pipeline = z.infer<typeof Pipeline>

const PipelineParams = ProjectParams.extend({ pipeline: Name })
const RunParams = ProjectParams.extend({ run: z.string().max(100) })

export const listPipelines = defineEndpoint({
  name: 'listPipelines',
  method: 'GET',
  path: '/projects/:project/pipelines',
  summary: 'The pipelines of a project, with the newest run of each.',
  action: 'run.read',
  params: ProjectParams,
  response: z.object({ pipelines: z.array(Pipeline) }),
  errors: ['project_not_found'],
})

export const getPipeline = defineEndpoint({
  name: 'getPipeline',
  method: 'GET',
  path: '/projects/:project/pipelines/:pipeline',
  summary: 'One pipeline: its parameters and the graph of its steps.',
  action: 'run.read',
  params: PipelineParams,
  response: Pipeline,
  errors: ['project_not_found', 'pipeline_not_found'],
})

export const listPipelineRuns = defineEndpoint({
  name: 'listPipelineRuns',
  method: 'GET',
  path: '/projects/:project/pipeline-runs',
  summary: 'Pipeline runs, newest first; of one pipeline or in one state when asked.',
  action: 'run.read',
  params: ProjectParams,
  query: PageQuery.extend({ pipeline: Name.optional(), state: PipelineRunState.optional() }),
  response: z.object({ runs: z.array(PipelineRun), nextCursor: z.string().nullable() }),
  errors: ['project_not_found'],
})

export const getPipelineRun = defineEndpoint({
  name: 'getPipelineRun',
  method: 'GET',
  path: '/projects/:project/pipeline-runs/:run',
  summary: 'One run with every step: state, cache reason, attempts, jobs, outputs and times.',
  action: 'run.read',
  params: RunParams,
  response: PipelineRunDetail,
  errors: ['project_not_found', 'pipeline_run_not_found'],
})

export const startPipelineRun = defineEndpoint({
  name: 'startPipelineRun',
  method: 'POST',
  path: '/projects/:project/pipelines/:pipeline/runs',
  summary: 'Starts a run. File, code, parameters and the versions of everything it reads are frozen now.',
  action: 'job.run',
  audit: 'each',
  params: PipelineParams,
  body: z.strictObject({
    params: z.record(z.string(), Json).default({}),
    /** Makes the call safe to repeat: the same key starts one run only. */
    idempotencyKey: z.string().min(1).max(200).optional(),
    noCache: z.boolean().default(false),
    /** Steps that are computed even when the cache has them. */
    recompute: z.array(Name).default([]),
  }),
  response: PipelineRun,
  status: 201,
  errors: [
    'bad_request',
    'project_not_found',
    'pipeline_not_found',
    'pipeline_params_invalid',
    'pipeline_input_unresolved',
  ],
})

export const cancelPipelineRun = defineEndpoint({
  name: 'cancelPipelineRun',
  method: 'POST',
  path: '/projects/:project/pipeline-runs/:run/cancel',
  summary: 'Cancels a run: its jobs are stopped, what has not started never starts.',
  action: 'job.stop',
  audit: 'each',
  params: RunParams,
  response: PipelineRun,
  errors: ['project_not_found', 'pipeline_run_not_found', 'pipeline_run_ended'],
})

export const resumePipelineRun = defineEndpoint({
  name: 'resumePipelineRun',
  method: 'POST',
  path: '/projects/:project/pipeline-runs/:run/resume',
  summary: 'Continues a failed or cancelled run: unfinished steps get another attempt, finished ones stay.',
  action: 'job.run',
  audit: 'each',
  params: RunParams,
  response: PipelineRun,
  errors: ['project_not_found', 'pipeline_run_not_found', 'pipeline_run_active', 'pipeline_run_succeeded'],
})

export const rerunPipelineRun = defineEndpoint({
  name: 'rerunPipelineRun',
  method: 'POST',
  path: '/projects/:project/pipeline-runs/:run/rerun',
  summary: 'A new run with the same file, code, parameters and versions; from one step on, or with the cache off.',
  action: 'job.run',
  audit: 'each',
  params: RunParams,
  body: z.strictObject({
    /** This step and all after it are computed again. */
    from: Name.optional(),
    recompute: z.array(Name).default([]),
    noCache: z.boolean().default(false),
  }),
  response: PipelineRun,
  status: 201,
  errors: ['bad_request', 'project_not_found', 'pipeline_run_not_found', 'pipeline_step_not_found'],
})
