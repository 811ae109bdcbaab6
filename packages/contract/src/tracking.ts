import { z } from 'zod'
import { defineEndpoint } from './endpoint.ts'
import { Instant, PageQuery, ProjectParams } from './primitives.ts'

/** A decimal string, as in MLflow; "0" is the project's experiment `Default`. */
export const ExperimentId = z.string().regex(/^\d{1,18}$/, 'an experiment id is a decimal number')

/** 32 lower-case hex digits (as the MLflow client prints them), or any id a client chose in MLflow's own form. */
export const RunId = z.string().regex(/^[a-zA-Z0-9][\w-]{0,255}$/, 'a run id has letters, digits, _ and -')

/** A metric's value; null is NaN (JSON has none). ±Infinity is stored as ±1.7976931348623157e308, as MLflow does. */
export const MetricValue = z.number().nullable()

export const LifecycleState = z.enum(['active', 'deleted'])
export const RunStatus = z.enum(['running', 'scheduled', 'finished', 'failed', 'killed'])

export const Experiment = z.object({
  id: ExperimentId,
  name: z.string(),
  state: LifecycleState,
  tags: z.record(z.string(), z.string()),
  /** Runs that are not deleted. */
  runCount: z.number().int(),
  /** Start of the newest run. */
  lastRunAt: Instant.nullable(),
  createdAt: Instant,
  createdBy: z.string(),
  updatedAt: Instant,
})
export type Experiment = z.infer<typeof Experiment>

/** A row of the runs table: what every screen needs, and only the metrics, params and tags that were asked for. */
export const RunCells = z.object({
  id: RunId,
  name: z.string(),
  experimentId: ExperimentId,
  status: RunStatus,
  state: LifecycleState,
  startedAt: Instant.nullable(),
  endedAt: Instant.nullable(),
  createdBy: z.string(),
  parentRunId: RunId.nullable(),
  /** Latest value by key. */
  metrics: z.record(z.string(), MetricValue),
  params: z.record(z.string(), z.string()),
  tags: z.record(z.string(), z.string()),
})
export type RunCells = z.infer<typeof RunCells>

export const LatestMetric = z.object({
  key: z.string(),
  value: MetricValue,
  step: z.number().int(),
  timestamp: Instant,
  min: MetricValue,
  max: MetricValue,
  count: z.number().int(),
})

/** A data set that a run logged as an input (`mlflow.log_input`). */
export const RunInput = z.object({
  name: z.string(),
  digest: z.string(),
  sourceType: z.string(),
  source: z.string(),
  tags: z.record(z.string(), z.string()),
})

/** A model that a run logged (`log_model`), before or without registration. */
export const RunModel = z.object({
  id: z.string(),
  name: z.string(),
  status: z.enum(['pending', 'ready', 'failed', 'unspecified']),
  flavours: z.array(z.string()),
  createdAt: Instant,
  /** Registered model versions that were made from it. */
  versions: z.array(z.object({ name: z.string(), number: z.number().int() })),
})

export const Run = RunCells.extend({
  experimentName: z.string(),
  /** Every metric: latest, smallest and largest value and how many points. */
  latestMetrics: z.array(LatestMetric),
  /** The tag `mlflow.note.content`: Markdown. */
  notes: z.string(),
  inputs: z.array(RunInput),
  models: z.array(RunModel),
  children: z.array(z.object({ id: RunId, name: z.string(), status: RunStatus })),
  artifactBytes: z.number().int(),
  artifactCount: z.number().int(),
})
export type Run = z.infer<typeof Run>

/** An entry of one folder of a run's artifacts. */
export const ArtifactEntry = z.object({
  path: z.string(),
  isFolder: z.boolean(),
  sizeBytes: z.number().int().nullable(),
})

/** One bucket of a curve: the first and last x it covers, and the smallest, largest, first and last value in it. */
export const CurveBucket = z.object({
  fromX: z.number(),
  toX: z.number(),
  min: MetricValue,
  max: MetricValue,
  first: MetricValue,
  last: MetricValue,
  count: z.number().int(),
})

const ExperimentParams = ProjectParams.extend({ experiment: z.string().min(1).max(500) })
const RunParams = ProjectParams.extend({ run: RunId })
const StateFilter = z.enum(['active', 'deleted', 'all']).default('active')

export const listExperiments = defineEndpoint({
  name: 'listExperiments',
  method: 'GET',
  path: '/projects/:project/experiments',
  summary: 'Experiments of a project, newest activity first.',
  action: 'run.read',
  params: ProjectParams,
  query: PageQuery.extend({ state: StateFilter, search: z.string().max(500).optional() }),
  response: z.object({ items: z.array(Experiment), nextCursor: z.string().nullable() }),
  errors: ['project_not_found'],
})

export const createExperiment = defineEndpoint({
  name: 'createExperiment',
  method: 'POST',
  path: '/projects/:project/experiments',
  summary: 'Create an experiment.',
  action: 'run.write',
  audit: 'each',
  params: ProjectParams,
  body: z.object({
    name: z.string().min(1).max(500),
    tags: z.record(z.string().max(250), z.string().max(5000)).optional(),
  }),
  response: Experiment,
  status: 201,
  errors: ['project_not_found', 'experiment_exists'],
})

export const getExperiment = defineEndpoint({
  name: 'getExperiment',
  method: 'GET',
  path: '/projects/:project/experiments/:experiment',
  summary: 'One experiment by id, or by name when no id matches.',
  action: 'run.read',
  params: ExperimentParams,
  response: Experiment,
  errors: ['experiment_not_found'],
})

export const updateExperiment = defineEndpoint({
  name: 'updateExperiment',
  method: 'PATCH',
  path: '/projects/:project/experiments/:experiment',
  summary: 'Rename an experiment or change its tags (null removes one).',
  action: 'run.write',
  audit: 'each',
  params: ExperimentParams,
  body: z.object({
    name: z.string().min(1).max(500).optional(),
    tags: z.record(z.string().min(1).max(250), z.string().max(5000).nullable()).optional(),
  }),
  response: Experiment,
  errors: ['experiment_not_found', 'experiment_exists'],
})

export const deleteExperiment = defineEndpoint({
  name: 'deleteExperiment',
  method: 'DELETE',
  path: '/projects/:project/experiments/:experiment',
  summary: 'Delete an experiment and its runs; restore brings them back.',
  action: 'run.delete',
  audit: 'each',
  params: ExperimentParams,
  response: Experiment,
  errors: ['experiment_not_found'],
})

export const restoreExperiment = defineEndpoint({
  name: 'restoreExperiment',
  method: 'POST',
  path: '/projects/:project/experiments/:experiment/restore',
  summary: 'Bring a deleted experiment back, with the runs that were deleted with it.',
  action: 'run.write',
  audit: 'each',
  params: ExperimentParams,
  response: Experiment,
  errors: ['experiment_not_found'],
})

export const searchRuns = defineEndpoint({
  name: 'searchRuns',
  method: 'POST',
  path: '/projects/:project/runs/search',
  summary: 'Ordered ids of the runs that match a filter in the MLflow search grammar; cells come from getRunCells.',
  action: 'run.read',
  audit: { none: 'reads only' },
  params: ProjectParams,
  body: z.object({
    /** All experiments when absent. */
    experimentIds: z.array(ExperimentId).max(1000).optional(),
    filter: z.string().max(10_000).default(''),
    /** For example `metrics.auc DESC`. Then newest first. */
    orderBy: z.array(z.string().max(600)).max(10).default([]),
    state: StateFilter,
    limit: z.number().int().min(1).max(100_000).default(100_000),
  }),
  response: z.object({ ids: z.array(RunId), /** More runs match than `limit`. */ truncated: z.boolean() }),
  errors: ['filter_invalid', 'project_not_found'],
})

export const getRunCells = defineEndpoint({
  name: 'getRunCells',
  method: 'POST',
  path: '/projects/:project/runs/cells',
  summary: 'Cells of up to 200 runs, in the order of the ids; ids that do not exist are left out.',
  action: 'run.read',
  audit: { none: 'reads only' },
  params: ProjectParams,
  body: z.object({
    ids: z.array(RunId).max(200),
    /** Keys of the columns in view; absent: all. */
    metrics: z.array(z.string().max(250)).max(200).optional(),
    params: z.array(z.string().max(250)).max(200).optional(),
    tags: z.array(z.string().max(250)).max(200).optional(),
  }),
  response: z.object({ runs: z.array(RunCells) }),
  errors: ['project_not_found'],
})

export const listRunColumns = defineEndpoint({
  name: 'listRunColumns',
  method: 'GET',
  path: '/projects/:project/runs/columns',
  summary: 'Keys of metrics, params and tags of the newest 2,000 runs, those that vary most first.',
  action: 'run.read',
  params: ProjectParams,
  query: z.object({ experimentId: ExperimentId.optional() }),
  response: z.object({
    metrics: z.array(z.object({ key: z.string(), runs: z.number().int(), distinct: z.number().int() })),
    params: z.array(z.object({ key: z.string(), runs: z.number().int(), distinct: z.number().int() })),
    tags: z.array(z.object({ key: z.string(), runs: z.number().int(), distinct: z.number().int() })),
  }),
  errors: ['project_not_found'],
})

export const getRun = defineEndpoint({
  name: 'getRun',
  method: 'GET',
  path: '/projects/:project/runs/:run',
  summary: 'A run with all its metrics, params, tags, inputs, models and children.',
  action: 'run.read',
  params: RunParams,
  response: Run,
  errors: ['run_not_found'],
})

export const updateRun = defineEndpoint({
  name: 'updateRun',
  method: 'PATCH',
  path: '/projects/:project/runs/:run',
  summary: 'Change a run’s name, notes or tags (null removes one).',
  action: 'run.write',
  audit: 'each',
  params: RunParams,
  body: z.object({
    name: z.string().min(1).max(250).optional(),
    notes: z.string().max(8000).optional(),
    tags: z.record(z.string().min(1).max(250), z.string().max(8000).nullable()).optional(),
  }),
  response: Run,
  errors: ['run_not_found', 'run_deleted'],
})

export const deleteRun = defineEndpoint({
  name: 'deleteRun',
  method: 'DELETE',
  path: '/projects/:project/runs/:run',
  summary: 'Delete a run; restore brings it back.',
  action: 'run.delete',
  audit: 'each',
  params: RunParams,
  response: Run,
  errors: ['run_not_found'],
})

export const restoreRun = defineEndpoint({
  name: 'restoreRun',
  method: 'POST',
  path: '/projects/:project/runs/:run/restore',
  summary: 'Bring a deleted run back.',
  action: 'run.write',
  audit: 'each',
  params: RunParams,
  response: Run,
  errors: ['run_not_found'],
})

export const getMetricHistory = defineEndpoint({
  name: 'getMetricHistory',
  method: 'GET',
  path: '/projects/:project/runs/:run/metric-history',
  summary: 'The curve of one metric, down-sampled on the server to min/max buckets.',
  action: 'run.read',
  params: RunParams,
  query: z.object({
    key: z.string().min(1).max(250),
    buckets: z.coerce.number().int().min(1).max(2000).default(500),
    x: z.enum(['step', 'time']).default('step'),
  }),
  response: z.object({
    key: z.string(),
    x: z.enum(['step', 'time']),
    pointCount: z.number().int(),
    buckets: z.array(CurveBucket),
  }),
  errors: ['run_not_found'],
})

export const listRunArtifacts = defineEndpoint({
  name: 'listRunArtifacts',
  method: 'GET',
  path: '/projects/:project/runs/:run/artifacts',
  summary: 'Files and folders directly below a folder of the run’s artifacts, by name.',
  action: 'run.read',
  params: RunParams,
  query: PageQuery.extend({ path: z.string().max(1024).default('') }),
  response: z.object({ items: z.array(ArtifactEntry), nextCursor: z.string().nullable() }),
  errors: ['run_not_found', 'bad_request'],
})

export const getRunArtifact = defineEndpoint({
  name: 'getRunArtifact',
  method: 'GET',
  path: '/projects/:project/runs/:run/artifacts/content',
  summary: 'The bytes of one artifact, always as an attachment.',
  action: 'run.read',
  params: RunParams,
  query: z.object({ path: z.string().min(1).max(1024) }),
  response: 'bytes',
  errors: ['run_not_found', 'artifact_not_found', 'bad_request'],
})
