import { z } from 'zod'
import { defineEndpoint } from './endpoint.ts'
import { Instant, Json, Name, PageQuery, ProjectParams, Sha256 } from './primitives.ts'

/** A job's life: queued, preparing (its folder and environment), running, then one of three ends. A retry goes back to queued. */
export const JobState = z.enum(['queued', 'preparing', 'running', 'succeeded', 'failed', 'cancelled'])
export type JobState = z.infer<typeof JobState>

/** Why an attempt failed (project-file §6). `user_error`: it ended with its own exit status, or its outputs are not what it declared. */
export const JobCause = z.enum(['preempted', 'lost', 'timeout', 'oom', 'start_failed', 'user_error'])
export type JobCause = z.infer<typeof JobCause>

/** What a declared output is: a folder (`dataset model folder`), a file, or a small value of at most 64 KiB. */
export const OutputType = z.enum(['dataset', 'model', 'file', 'folder', 'json', 'string', 'float', 'int', 'bool'])
export type OutputType = z.infer<typeof OutputType>

/** What a job asks of the machine. `cpu` may be a fraction. */
export const JobResources = z.object({ cpu: z.number().positive(), memoryBytes: z.number().int().positive() })
export type JobResources = z.infer<typeof JobResources>

/** One retry rule (project-file §6) with its durations and sizes resolved. The first rule that matches counts. */
export const RetryRule = z.object({
  on: z.array(z.union([JobCause, z.number().int().min(1).max(255)])).min(1),
  times: z.number().int().min(0).max(100),
  delayMs: z.number().int().nonnegative().default(10_000),
  maxDelayMs: z.number().int().nonnegative().default(600_000),
  /** Memory of the next attempt is multiplied by this. */
  memoryFactor: z.number().min(1).max(16).optional(),
  maxMemoryBytes: z.number().int().positive().optional(),
})
export type RetryRule = z.infer<typeof RetryRule>

/** What an attempt really used, sampled each second over all its processes. `maxRssBytes` is null when it ended before the first sample. */
export const JobUsage = z.object({
  cpuSeconds: z.number(),
  maxRssBytes: z.number().int().nullable(),
  sampleCount: z.number().int(),
})
export type JobUsage = z.infer<typeof JobUsage>

/** One start of a job. `logBytes`: stored size; `logDroppedBytes`: what lay beyond the log's limit and was not kept. */
export const JobAttempt = z.object({
  number: z.number().int(),
  state: JobState,
  cause: JobCause.nullable(),
  message: z.string().nullable(),
  exitCode: z.number().int().nullable(),
  signal: z.string().nullable(),
  resources: JobResources,
  usage: JobUsage.nullable(),
  createdAt: Instant,
  startedAt: Instant.nullable(),
  endedAt: Instant.nullable(),
  logBytes: z.number().int(),
  logDroppedBytes: z.number().int(),
})
export type JobAttempt = z.infer<typeof JobAttempt>

/** One measured value: `step` counts a series. */
export const JobMetric = z.object({ key: z.string(), value: z.number(), step: z.number().int(), timestamp: Instant })
export type JobMetric = z.infer<typeof JobMetric>

/** A finished output: a content-addressed tree, or a small value. */
export const JobOutput = z.union([
  z.object({ type: OutputType, tree: Sha256, sizeBytes: z.number().int(), fileCount: z.number().int() }),
  z.object({ type: OutputType, value: Json }),
])
export type JobOutput = z.infer<typeof JobOutput>

/** A row of the queue page. `position` (from 1) and `reason` (a sentence: what it waits for) only while it is queued. */
export const JobSummary = z.object({
  id: z.string(),
  name: z.string(),
  project: Name,
  state: JobState,
  position: z.number().int().nullable(),
  reason: z.string().nullable(),
  priority: z.number().int(),
  owner: z.object({ kind: z.string(), id: z.string() }),
  runId: z.string().nullable(),
  environmentId: z.string().nullable(),
  resources: JobResources,
  attempt: z.number().int(),
  cause: JobCause.nullable(),
  message: z.string().nullable(),
  exitCode: z.number().int().nullable(),
  createdAt: Instant,
  createdBy: z.string(),
  startedAt: Instant.nullable(),
  endedAt: Instant.nullable(),
  /** Time spent queued or preparing in the current attempt. */
  waitedMs: z.number().int(),
})
export type JobSummary = z.infer<typeof JobSummary>

/** Everything about one job. `inputs` name a tree or a small value. */
export const Job = JobSummary.extend({
  command: z.string(),
  code: Sha256.nullable(),
  inputs: z.record(z.string(), z.union([z.object({ tree: Sha256 }), z.object({ value: Json })])),
  params: Json,
  outputs: z.record(z.string(), JobOutput),
  metrics: z.array(JobMetric),
  timeoutMs: z.number().int().nullable(),
  retryAt: Instant.nullable(),
  cancelRequestedAt: Instant.nullable(),
  cancelledBy: z.string().nullable(),
  attempts: z.array(JobAttempt),
})
export type Job = z.infer<typeof Job>

/** The machine's capacity for jobs and what running ones hold. */
export const JobCapacity = z.object({
  cpu: z.number(),
  cpuUsed: z.number(),
  memoryBytes: z.number().int(),
  memoryUsedBytes: z.number().int(),
})
export type JobCapacity = z.infer<typeof JobCapacity>

/** A piece of an attempt's log. Offsets are bytes of the stored log; ask again from `nextOffset`. `ended`: nothing will follow `nextOffset`. */
export const JobLog = z.object({
  attempt: z.number().int(),
  offset: z.number().int(),
  nextOffset: z.number().int(),
  sizeBytes: z.number().int(),
  ended: z.boolean(),
  lines: z.array(z.string()),
})
export type JobLog = z.infer<typeof JobLog>

export const JobParams = ProjectParams.extend({
  id: z.string().regex(/^job_[0-9A-Za-z]+$/, 'a job id begins with job_'),
})

const LogQuery = z.object({
  attempt: z.coerce.number().int().min(1).optional().describe('the newest when left out'),
  offset: z.coerce.number().int().optional().describe('bytes from the beginning; negative: from the end'),
})

export const listJobs = defineEndpoint({
  name: 'listJobs',
  method: 'GET',
  path: '/projects/:project/jobs',
  summary: 'The queue in its order, then running and finished jobs, newest first',
  action: 'run.read',
  params: ProjectParams,
  query: PageQuery.extend({
    state: JobState.optional(),
    active: z.stringbool().optional().describe('only queued, preparing and running ones'),
    ownerId: z.string().max(100).optional(),
  }),
  response: z.object({ jobs: z.array(JobSummary), nextCursor: z.string().nullable(), capacity: JobCapacity }),
  errors: ['project_not_found', 'bad_request'],
})

export const getJob = defineEndpoint({
  name: 'getJob',
  method: 'GET',
  path: '/projects/:project/jobs/:id',
  summary: 'One job with its attempts, cause, outputs and what it used',
  action: 'run.read',
  params: JobParams,
  response: Job,
  errors: ['project_not_found', 'job_not_found'],
})

export const getJobLog = defineEndpoint({
  name: 'getJobLog',
  method: 'GET',
  path: '/projects/:project/jobs/:id/log',
  summary: 'Lines of an attempt’s log from a byte offset; secrets are masked',
  action: 'run.read',
  params: JobParams,
  query: LogQuery.extend({
    limit: z.coerce.number().int().min(1).max(10_000).default(1000).describe('lines at the most'),
  }),
  response: JobLog,
  errors: ['project_not_found', 'job_not_found', 'job_attempt_not_found'],
})

export const downloadJobLog = defineEndpoint({
  name: 'downloadJobLog',
  method: 'GET',
  path: '/projects/:project/jobs/:id/log.txt',
  summary: 'An attempt’s whole log as text; secrets are masked',
  action: 'run.read',
  params: JobParams,
  query: LogQuery.pick({ attempt: true }),
  response: 'bytes',
  errors: ['project_not_found', 'job_not_found', 'job_attempt_not_found'],
})

/** Events: `log` with a JobLog as data and its `nextOffset` as id (so Last-Event-ID goes on from there), then one `end`. */
export const followJobLog = defineEndpoint({
  name: 'followJobLog',
  method: 'GET',
  path: '/projects/:project/jobs/:id/log/follow',
  summary: 'An attempt’s log as it grows',
  action: 'run.read',
  params: JobParams,
  query: LogQuery,
  response: 'events',
  errors: ['project_not_found', 'job_not_found', 'job_attempt_not_found'],
})

export const cancelJob = defineEndpoint({
  name: 'cancelJob',
  method: 'POST',
  path: '/projects/:project/jobs/:id/cancel',
  summary:
    'Ask a job to end: TERM to all its processes, KILL after a grace of 10 s. Cancelling an ended job changes nothing',
  action: 'job.stop',
  audit: 'each',
  params: JobParams,
  response: JobSummary,
  errors: ['project_not_found', 'job_not_found'],
})
