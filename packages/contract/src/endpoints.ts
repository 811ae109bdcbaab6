import { z } from 'zod'
import { defineEndpoint } from './endpoint.ts'
import { TensorSpec } from './inference-control.ts'
import { Instant, Json, Name, PageQuery, ProjectParams } from './primitives.ts'

/** The path parameters of one endpoint; `endpoint` is its name. */
export const EndpointParams = ProjectParams.extend({ endpoint: Name })

export const EndpointState = z.enum(['pending', 'loading', 'ready', 'rolling_out', 'degraded', 'failed', 'archived'])
export const RolloutStrategy = z.enum(['all_at_once', 'blue_green', 'canary', 'shadow'])
export type RolloutStrategyName = z.infer<typeof RolloutStrategy>
export const RolloutState = z.enum([
  'loading',
  'baking',
  'paused',
  'promoting',
  'done',
  'rolling_back',
  'rolled_back',
  'failed',
])
export type RolloutState = z.infer<typeof RolloutState>

/** A model version as endpoints show it. */
export const VersionRef = z.object({ id: z.string(), model: z.string(), number: z.number().int() })
export type VersionRef = z.infer<typeof VersionRef>

/** One version behind an endpoint. `weight` in percent of the traffic; a shadow has 0 and sees all of it. */
export const Deployment = z.object({
  version: VersionRef,
  role: z.enum(['running', 'candidate', 'shadow', 'variant', 'kept']),
  weight: z.number(),
  state: z.enum(['loading', 'ready', 'failed', 'draining', 'released']),
  error: z.string().nullable(),
  since: Instant,
})
export type Deployment = z.infer<typeof Deployment>

/** What requests met in the last `windowMs`. Latencies are null without a request. */
export const LiveStats = z.object({
  requests: z.number(),
  requestsPerSecond: z.number(),
  errors: z.number(),
  errorRate: z.number().nullable(),
  rejected: z.number(),
  fallbacks: z.number(),
  p50Ms: z.number().nullable(),
  p95Ms: z.number().nullable(),
  p99Ms: z.number().nullable(),
})
export type LiveStats = z.infer<typeof LiveStats>
export const EndpointLive = LiveStats.extend({
  at: Instant,
  windowMs: z.number(),
  inFlight: z.number(),
  totalRequests: z.number(),
  byVersion: z.array(LiveStats.extend({ version: VersionRef, variant: z.string(), inFlight: z.number() })),
})
export type EndpointLive = z.infer<typeof EndpointLive>

/** One question the judge asks of the new version, with the numbers it looked at. `limit`: `difference` wholly beyond it is worse. */
export const JudgeLook = z.object({
  metric: z.string(),
  rule: z.string(),
  running: z.object({ value: z.number().nullable(), count: z.number() }),
  candidate: z.object({ value: z.number().nullable(), count: z.number() }),
  difference: z.number().nullable(),
  interval: z.tuple([z.number(), z.number()]).nullable(),
  level: z.number(),
  limit: z.number().nullable(),
  verdict: z.enum(['ok', 'worse', 'not_enough']),
  lookedAt: Instant,
})
export type JudgeLook = z.infer<typeof JudgeLook>

export const RolloutEvent = z.object({
  at: Instant,
  kind: z.string(),
  from: RolloutState.nullable(),
  to: RolloutState,
  step: z.number().int(),
  weight: z.number(),
  message: z.string(),
  actor: z.string(),
})
export type RolloutEvent = z.infer<typeof RolloutEvent>

/** A change of version, from loading to done or rolled back. Times of the bake run on the project's clock. */
export const Rollout = z.object({
  id: z.string(),
  endpointId: z.string(),
  endpoint: z.string(),
  strategy: RolloutStrategy,
  state: RolloutState,
  from: VersionRef.nullable(),
  to: VersionRef,
  steps: z.array(z.number()),
  step: z.number().int(),
  weight: z.number(),
  manual: z.boolean(),
  onNotEnough: z.enum(['pause', 'promote', 'rollback']),
  bakeMs: z.number(),
  maxBakeMs: z.number(),
  stepElapsedMs: z.number(),
  minRequests: z.number().int(),
  stepRequests: z.number(),
  judge: z.array(JudgeLook),
  cause: z.string().nullable(),
  message: z.string(),
  createdAt: Instant,
  createdBy: z.string(),
  endedAt: Instant.nullable(),
  events: z.array(RolloutEvent),
})
export type Rollout = z.infer<typeof Rollout>

export const EndpointUrls = z.object({
  /** Infer address through the server's port. */
  rest: z.string(),
  /** The same on the data plane's own port: the fast one. */
  fast: z.string(),
  /** Plain rows instead of tensors. */
  rows: z.string(),
  grpc: z.string(),
})

export const EndpointSummary = z.object({
  id: z.string(),
  project: z.string(),
  name: z.string(),
  description: z.string().nullable(),
  model: z.string(),
  state: EndpointState,
  reason: z.string().nullable(),
  traffic: z.array(Deployment),
  rollout: Rollout.nullable(),
  live: EndpointLive.nullable(),
  urls: EndpointUrls,
  createdAt: Instant,
  createdBy: z.string(),
  updatedAt: Instant,
})
export type EndpointSummary = z.infer<typeof EndpointSummary>

export const EndpointDetail = EndpointSummary.extend({
  config: Json,
  signature: z
    .object({
      inputs: z.array(TensorSpec),
      outputs: z.array(TensorSpec),
      key: z.array(z.string()),
      timestamp: z.string().nullable(),
    })
    .nullable(),
  /** A row that can be sent as it stands; from the last logged request, else made from the signature. */
  example: z.object({ row: z.record(z.string(), Json), request: Json }).nullable(),
})
export type EndpointDetail = z.infer<typeof EndpointDetail>

export const Snippet = z.object({
  language: z.enum(['curl', 'python', 'javascript', 'tritonclient', 'grpcurl']),
  title: z.string(),
  code: z.string(),
})

export const SeriesPoint = z.object({
  at: Instant,
  requests: z.number(),
  errors: z.number(),
  fallbacks: z.number(),
  p50Ms: z.number().nullable(),
  p95Ms: z.number().nullable(),
  p99Ms: z.number().nullable(),
})
export const EndpointSeries = z.object({
  resolutionMs: z.number(),
  fromMs: Instant,
  toMs: Instant,
  versions: z.array(z.object({ version: VersionRef, points: z.array(SeriesPoint) })),
  rollouts: z.array(z.object({ id: z.string(), at: Instant, state: RolloutState, message: z.string() })),
})
export type EndpointSeries = z.infer<typeof EndpointSeries>

/** One logged row. `prediction` is the score as one number, `output` all that the model said. */
export const Prediction = z.object({
  id: z.string(),
  endpointId: z.string(),
  endpoint: z.string(),
  version: VersionRef,
  variant: z.string(),
  receivedAt: Instant,
  eventTime: Instant,
  key: z.string().nullable(),
  status: z.enum(['ok', 'fallback', 'shadow', 'error']),
  latencyMs: z.number(),
  prediction: z.number().nullable(),
  output: Json,
  features: z.record(z.string(), Json),
})
export type Prediction = z.infer<typeof Prediction>

export const listEndpoints = defineEndpoint({
  name: 'listEndpoints',
  method: 'GET',
  path: '/projects/:project/endpoints',
  summary: 'Endpoints of a project with their traffic and live numbers.',
  action: 'endpoint.read',
  params: ProjectParams,
  query: z.object({ archived: z.enum(['true', 'false']).default('false') }),
  response: z.object({ items: z.array(EndpointSummary) }),
  errors: ['project_not_found'],
})

export const getEndpoint = defineEndpoint({
  name: 'getEndpoint',
  method: 'GET',
  path: '/projects/:project/endpoints/:endpoint',
  summary: 'One endpoint: traffic by version, live numbers, running roll-out, signature and an example row.',
  action: 'endpoint.read',
  params: EndpointParams,
  response: EndpointDetail,
  errors: ['project_not_found', 'endpoint_not_found'],
})

export const getEndpointSeries = defineEndpoint({
  name: 'getEndpointSeries',
  method: 'GET',
  path: '/projects/:project/endpoints/:endpoint/series',
  summary: 'Requests, errors and latency quantiles by version over time, for charts.',
  action: 'endpoint.read',
  params: EndpointParams,
  query: z.object({
    lastMs: z.coerce
      .number()
      .int()
      .min(10_000)
      .max(31 * 86_400_000)
      .default(900_000),
    points: z.coerce.number().int().min(10).max(500).default(180),
  }),
  response: EndpointSeries,
  errors: ['project_not_found', 'endpoint_not_found'],
})

export const getEndpointOpenapi = defineEndpoint({
  name: 'getEndpointOpenapi',
  method: 'GET',
  path: '/projects/:project/endpoints/:endpoint/openapi',
  summary: 'OpenAPI 3.1 of this endpoint alone, with its features as typed fields.',
  action: 'endpoint.read',
  params: EndpointParams,
  response: z.record(z.string(), Json),
  errors: ['project_not_found', 'endpoint_not_found', 'endpoint_not_ready'],
})

export const listEndpointSnippets = defineEndpoint({
  name: 'listEndpointSnippets',
  method: 'GET',
  path: '/projects/:project/endpoints/:endpoint/snippets',
  summary: 'Ready-to-run calls of this endpoint in several languages.',
  action: 'endpoint.read',
  params: EndpointParams,
  response: z.object({ items: z.array(Snippet) }),
  errors: ['project_not_found', 'endpoint_not_found', 'endpoint_not_ready'],
})

export const listRollouts = defineEndpoint({
  name: 'listRollouts',
  method: 'GET',
  path: '/projects/:project/endpoints/:endpoint/rollouts',
  summary: 'Roll-outs of an endpoint, newest first.',
  action: 'endpoint.read',
  params: EndpointParams,
  query: PageQuery.pick({ limit: true }),
  response: z.object({ items: z.array(Rollout) }),
  errors: ['project_not_found', 'endpoint_not_found'],
})

export const getRollout = defineEndpoint({
  name: 'getRollout',
  method: 'GET',
  path: '/projects/:project/rollouts/:rollout',
  summary: 'One roll-out with its steps, the judge and its limits.',
  action: 'endpoint.read',
  params: ProjectParams.extend({ rollout: z.string().max(64) }),
  response: Rollout,
  errors: ['project_not_found', 'rollout_not_found'],
})

const RolloutCommand = z.object({ reason: z.string().max(2000).optional() })
const command = {
  method: 'POST',
  action: 'endpoint.release',
  audit: 'each',
  params: EndpointParams,
  body: RolloutCommand,
  response: Rollout,
  errors: ['project_not_found', 'endpoint_not_found', 'rollout_not_active'],
} as const

export const pauseRollout = defineEndpoint({
  ...command,
  name: 'pauseRollout',
  path: '/projects/:project/endpoints/:endpoint/rollout/pause',
  summary: 'Holds the running roll-out at its present share of traffic.',
})
export const resumeRollout = defineEndpoint({
  ...command,
  name: 'resumeRollout',
  path: '/projects/:project/endpoints/:endpoint/rollout/resume',
  summary: 'Goes on with a paused roll-out; one paused at the end of a step takes the next step.',
})
export const promoteRollout = defineEndpoint({
  ...command,
  name: 'promoteRollout',
  path: '/projects/:project/endpoints/:endpoint/rollout/promote',
  summary: 'Gives all traffic to the new version now.',
})
export const abortRollout = defineEndpoint({
  ...command,
  name: 'abortRollout',
  path: '/projects/:project/endpoints/:endpoint/rollout/abort',
  summary: 'Goes back to the old version in one push and sets the alias back.',
})
export const rollbackEndpoint = defineEndpoint({
  ...command,
  name: 'rollbackEndpoint',
  path: '/projects/:project/endpoints/:endpoint/rollback',
  summary: 'Goes back to the version that ran before, after a roll-out is done as well as during one.',
  errors: ['project_not_found', 'endpoint_not_found', 'rollout_not_active', 'nothing_to_roll_back_to'],
})

export const listPredictions = defineEndpoint({
  name: 'listPredictions',
  method: 'GET',
  path: '/projects/:project/endpoints/:endpoint/predictions',
  summary: 'The prediction log, newest first.',
  action: 'prediction.read',
  params: EndpointParams,
  query: PageQuery.extend({
    fromMs: z.coerce.number().int().optional(),
    toMs: z.coerce.number().int().optional(),
    versionId: z.string().max(64).optional(),
    key: z.string().max(500).optional(),
    status: z.enum(['ok', 'fallback', 'shadow', 'error']).optional(),
  }),
  response: z.object({ items: z.array(Prediction), nextCursor: z.string().nullable() }),
  errors: ['project_not_found', 'endpoint_not_found'],
})

export const getPrediction = defineEndpoint({
  name: 'getPrediction',
  method: 'GET',
  path: '/projects/:project/predictions/:prediction',
  summary: 'One prediction by the id that the caller was given.',
  action: 'prediction.read',
  params: ProjectParams.extend({ prediction: z.string().max(120) }),
  response: Prediction,
  errors: ['project_not_found', 'prediction_not_found'],
})
