import { z } from 'zod'
import { Json } from '../primitives.ts'
import { ResourcesSpec, TriggerSpec } from './pipeline-schema.ts'
import { Duration, ProjectPath, Size } from './scalars.ts'
import { keys, named } from './shape.ts'

const Tolerance = z.union([
  z.number().nonnegative(),
  z.string().regex(/^\d+(\.\d+)?%$/, 'expected a number or a percentage such as 20%'),
])

/** One check of a gate, a roll-out or a monitor (project-file §7). */
export const CheckSpec = keys('a check', {
  metric: z.string().min(1),
  min: z.number().optional(),
  max: z.number().optional(),
  notWorseThan: z.string().optional(),
  betterThan: z.string().optional(),
  tolerance: Tolerance.default(0),
  slice: z.string().optional(),
  bootstrap: z
    .union([
      z.string(),
      keys('a bootstrap', {
        group: z.string(),
        samples: z.number().int().min(100).max(100_000).default(2000),
        level: z.number().gt(0).lt(1).default(0.95),
        seed: z.number().int().default(0),
        minGroups: z.number().int().min(2).default(10),
      }),
    ])
    .optional(),
  direction: z.enum(['minimize', 'maximize']).optional(),
  minRows: z.number().int().min(1).optional(),
  for: z.number().int().min(1).default(1),
  severity: z.enum(['error', 'warn']).default('error'),
})
export type CheckSpec = z.infer<typeof CheckSpec>

export const GateSpec = keys('a gate', {
  checks: z.array(CheckSpec).min(1),
  minRows: z.number().int().min(1).default(100),
  parity: z.union([z.literal(false), z.number().positive()]).default(1e-4),
  approvers: z.array(z.string()).optional(),
  count: z.number().int().min(1).default(1),
  fourEyes: z.boolean().optional(),
  deadline: Duration.optional(),
})
export type GateSpec = z.infer<typeof GateSpec>

export const ModelSpec = keys('a model', {
  task: z.enum(['classification', 'regression', 'ranking', 'forecasting', 'other']).optional(),
  target: z.string().optional(),
  key: z.array(z.string()).optional(),
  timestamp: z.string().optional(),
  threshold: z.number().optional(),
  signature: z.record(z.string(), Json).optional(),
  slices: z.array(z.string()).optional(),
  gate: GateSpec.optional(),
  card: ProjectPath.optional(),
  retention: z.record(z.string(), Json).optional(),
})
export type ModelSpec = z.infer<typeof ModelSpec>

export const RolloutSpec = keys('a roll-out', {
  strategy: z.enum(['all_at_once', 'blue_green', 'canary', 'shadow']).default('all_at_once'),
  steps: z.array(z.number().gt(0).max(100)).min(1).default([10, 50, 100]),
  bake: Duration.default('10m'),
  maxBake: Duration.default('1h'),
  minRequests: z.number().int().min(0).default(200),
  judge: z.array(CheckSpec).optional(),
  onNotEnough: z.enum(['pause', 'promote', 'rollback']).default('pause'),
  fallback: z.boolean().default(true),
  manual: z.boolean().default(false),
  keepOld: Duration.default('1h'),
})
export type RolloutSpec = z.infer<typeof RolloutSpec>

export const EndpointSpec = keys('an endpoint', {
  model: z.string().optional(),
  variants: named(keys('a variant', { model: z.string(), weight: z.number().min(0) })).optional(),
  graph: z.record(z.string(), Json).optional(),
  command: z.union([z.string(), z.array(z.string())]).optional(),
  stickyBy: z.string().optional(),
  runtime: z.enum(['auto', 'onnx', 'python', 'command']).default('auto'),
  port: z.number().int().min(1).max(65_535).optional(),
  health: z.string().optional(),
  protocol: z.enum(['oip', 'http']).default('oip'),
  environment: z.string().optional(),
  env: z.record(z.string(), z.union([z.string(), z.number(), z.boolean()])).optional(),
  resources: ResourcesSpec.optional(),
  features: z.string().optional(),
  timeout: Duration.default('30s'),
  rollout: RolloutSpec.optional(),
  scaling: keys('scaling', {
    min: z.number().int().min(0).default(1),
    max: z.number().int().min(1).default(1),
    target: keys('a scaling target', {
      concurrency: z.number().positive().optional(),
      cpu: z.union([z.number(), z.string()]).optional(),
      latencyP95: Duration.optional(),
    }).optional(),
    idle: Duration.optional(),
  }).optional(),
  batching: keys('batching', { maxSize: z.number().int().min(1), maxDelay: Duration.default('0ms') }).optional(),
  access: keys('access to an endpoint', {
    public: z.boolean().default(false),
    apps: named(
      keys('an application', {
        rateLimit: z.union([z.string(), z.number()]).optional(),
        expires: z.string().optional(),
      }),
    ).optional(),
    maxBody: Size.optional(),
  }).optional(),
  log: z
    .union([
      z.literal(false),
      keys('a prediction log', {
        sample: z.number().min(0).max(1).default(1),
        keepFor: Duration.optional(),
        mask: z.array(z.string()).optional(),
        hash: z.array(z.string()).optional(),
      }),
    ])
    .optional(),
})
export type EndpointSpec = z.infer<typeof EndpointSpec>

export const SIGNALS = [
  'data_drift',
  'prediction_drift',
  'data_quality',
  'performance',
  'estimated_performance',
  'concept_drift',
  'attribution_drift',
  'operations',
  'fairness',
] as const
export const SignalName = z.enum(SIGNALS)

export const SignalSpec = keys('a signal', {
  columns: z.array(z.string()).optional(),
  test: z.string().default('auto'),
  threshold: z.union([z.number(), z.literal('learned')]).optional(),
  weightBy: z.literal('importance').optional(),
  checks: z.array(CheckSpec).optional(),
  severity: z.enum(['error', 'warn']).optional(),
  for: z.number().int().min(1).optional(),
})
export type SignalSpec = z.infer<typeof SignalSpec>

export const MonitorSpec = keys('a monitor', {
  endpoint: z.string().optional(),
  dataset: z.string().optional(),
  reference: z
    .union([z.string(), keys('a reference window', { window: Duration, offset: Duration.optional() })])
    .default('training'),
  timestamp: z.string().optional(),
  window: Duration.default('1d'),
  every: Duration.optional(),
  timeZone: z.string().default('UTC'),
  lateness: Duration.default('1h'),
  recomputeFor: Duration.default('30d'),
  sameSeason: z.enum(['hour', 'weekday']).optional(),
  minRows: z.number().int().min(1).default(100),
  slices: z.array(z.string()).optional(),
  labels: keys('labels', {
    dataset: z.string(),
    column: z.string(),
    key: z.union([z.string(), z.array(z.string())]).optional(),
    within: Duration.optional(),
  }).optional(),
  signals: z.union([z.array(SignalName).min(1), z.partialRecord(SignalName, z.union([z.null(), SignalSpec]))]),
})
export type MonitorSpec = z.infer<typeof MonitorSpec>

export const LoopSpec = keys('a loop', {
  when: z.array(TriggerSpec).default([]),
  pipeline: z.string(),
  params: z.record(z.string(), Json).default({}),
  model: z.string(),
  endpoint: z.string().optional(),
  limits: keys('limits', {
    cooldown: Duration.optional(),
    perMonth: z.number().int().min(1).optional(),
    cost: z.number().positive().optional(),
  }).optional(),
  watch: z.union([Duration, z.record(z.string(), Json)]).optional(),
  notify: z.array(z.string()).optional(),
  enabled: z.boolean().default(true),
})
export type LoopSpec = z.infer<typeof LoopSpec>

export const AlertsSpec = keys('alerts', {
  receivers: named(
    keys('a receiver', {
      email: z.string().optional(),
      slack: z.string().optional(),
      webhook: z.string().optional(),
      alertmanager: z.string().optional(),
      pagerduty: z.string().optional(),
    }),
  ).optional(),
  routes: z
    .array(
      keys('an alert route', {
        match: z.record(z.string(), z.string()).optional(),
        to: z.string(),
        groupBy: z.array(z.string()).optional(),
        groupWait: Duration.optional(),
        repeatInterval: Duration.optional(),
        escalate: keys('an escalation', { after: Duration, to: z.string() }).optional(),
      }),
    )
    .optional(),
})
