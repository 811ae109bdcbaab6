import { z } from 'zod'
import { Json } from '../primitives.ts'
import { Duration, NAME_PATTERN, ParamType, ProjectPath, Size, orExpression } from './scalars.ts'
import { keys, named } from './shape.ts'

const Count = z.number().int().min(0)

export const ResourcesSpec = keys('resources', {
  cpu: orExpression(z.number().positive()).optional(),
  memory: orExpression(Size).optional(),
  disk: orExpression(Size).optional(),
  gpu: z.union([Count, z.string()]).optional(),
  nodes: orExpression(z.number().int().min(1)).optional(),
  rdma: z.boolean().optional(),
  spot: z.boolean().optional(),
  custom: z.record(z.string(), Json).optional(),
})
export type ResourcesSpec = z.infer<typeof ResourcesSpec>

export const RetryCause = z.union([
  z.enum(['preempted', 'lost', 'timeout', 'oom', 'start_failed', 'user_error']),
  z.number().int().min(1).max(255),
])

export const RetryRule = keys('a retry rule', {
  on: z.union([RetryCause, z.array(RetryCause).min(1)]),
  times: z.number().int().min(0).max(100),
  delay: Duration.default('10s'),
  maxDelay: Duration.default('10m'),
  memory: z
    .string()
    .regex(/^x\d+(\.\d+)?$/, 'expected a factor such as x2')
    .optional(),
  maxMemory: Size.optional(),
})
export type RetryRule = z.infer<typeof RetryRule>

export const CacheSpec = z.union([
  z.boolean(),
  keys('cache', {
    ttl: Duration.optional(),
    ignore: z.array(z.string()).optional(),
    probe: z.string().optional(),
    version: z.string().optional(),
  }),
])

/** What `defaults` may give to every step, and a step may say itself. */
const EXECUTION = {
  environment: z.string().optional(),
  env: z
    .record(
      z.string().regex(/^[A-Za-z_][A-Za-z0-9_]*$/, 'expected the name of an environment variable'),
      z.union([z.string(), z.number(), z.boolean()]),
    )
    .optional(),
  code: z.array(z.string().min(1)).optional(),
  dir: ProjectPath.optional(),
  resources: ResourcesSpec.optional(),
  runtime: z.string().optional(),
  queue: z.string().optional(),
  priority: z.number().int().min(-100).max(100).optional(),
  retry: z.array(RetryRule).optional(),
  timeout: orExpression(Duration).optional(),
  cache: CacheSpec.optional(),
}

export const Defaults = keys('defaults', EXECUTION)
export type Defaults = z.infer<typeof Defaults>

export const OutputSpec = z.union([
  ParamType,
  keys('an output', { type: ParamType, publish: z.string().optional(), optional: z.boolean().default(false) }),
])
export type OutputSpec = z.infer<typeof OutputSpec>

export const ParamSpec = z.union([
  z.null(),
  z.string(),
  z.number(),
  z.boolean(),
  z.array(Json),
  keys('a parameter', {
    type: ParamType,
    default: Json.optional(),
    min: z.union([z.number(), z.string()]).optional(),
    max: z.union([z.number(), z.string()]).optional(),
    enum: z.array(Json).min(1).optional(),
    pattern: z.string().optional(),
  }),
])
export type ParamSpec = z.infer<typeof ParamSpec>

export const SpaceEntry = keys('a dimension of a search space', {
  low: z.number().optional(),
  high: z.number().optional(),
  log: z.boolean().optional(),
  /** Default: `float` when `low`, `high` or `step` is written with a point or exponent (`0.0`), else `int`. */
  type: z.enum(['int', 'float']).optional(),
  step: z.number().positive().optional(),
  choices: z
    .array(z.union([z.string(), z.number(), z.boolean(), z.null()]))
    .min(1)
    .optional(),
})
export type SpaceEntry = z.infer<typeof SpaceEntry>

export const Objective = keys('an objective', {
  metric: z.string().min(1),
  direction: z.enum(['minimize', 'maximize']),
})

const SamplerSpec = z.union([z.string(), z.record(z.string(), Json)])

export const SweepSpec = keys('a sweep', {
  space: named(SpaceEntry),
  objective: z.union([Objective, z.array(Objective).min(1)]),
  sampler: SamplerSpec.default('TPESampler'),
  pruner: SamplerSpec.optional(),
  budget: keys('a budget', {
    trials: orExpression(z.number().int().min(1).max(10_000)).optional(),
    time: orExpression(Duration).optional(),
    cost: z.number().positive().optional(),
    target: z.number().optional(),
  }),
})
export type SweepSpec = z.infer<typeof SweepSpec>

const Params = z.record(z.string(), Json)

const TRIGGER = {
  schedule: z.string().optional(),
  timeZone: z.string().optional(),
  catchUp: z.enum(['latest', 'none', 'all']).optional(),
  within: Duration.optional(),
  dataset: z.string().optional(),
  tag: z.string().optional(),
  model: z.string().optional(),
  monitor: z.string().optional(),
  signal: z.string().optional(),
  severity: z.enum(['warn', 'error']).optional(),
  pipeline: z.string().optional(),
  status: z.enum(['succeeded', 'failed', 'cancelled']).optional(),
  webhook: z.string().optional(),
  secret: z.string().optional(),
  if: z.string().optional(),
  params: Params.optional(),
  debounce: Duration.optional(),
}

/** One of `schedule dataset model monitor pipeline webhook`; the reference checks say which are missing or too many. */
export const TriggerSpec = keys('a trigger', TRIGGER)
export type TriggerSpec = z.infer<typeof TriggerSpec>
export const TRIGGER_KINDS = ['schedule', 'dataset', 'model', 'monitor', 'pipeline', 'webhook'] as const

const STEP_BODY = {
  run: z.union([z.string().min(1), z.array(z.union([z.string(), z.number()])).min(1)]).optional(),
  sql: z.string().min(1).optional(),
  notebook: ProjectPath.optional(),
  uses: z.string().min(1).optional(),
  approval: keys('an approval', {
    approvers: z.array(z.string()).min(1),
    count: z.number().int().min(1).default(1),
    fourEyes: z.boolean().optional(),
    deadline: Duration.optional(),
    message: z.string().optional(),
  }).optional(),
  wait: keys('a wait', { for: orExpression(Duration).optional(), until: z.string().optional(), ...TRIGGER }).optional(),
}
export const STEP_KINDS = ['run', 'sql', 'notebook', 'uses', 'approval', 'wait'] as const

/** One step; exactly one of the `STEP_KINDS` (checked with the references, code `step_kind`). */
export const StepSpec = keys('a step', {
  ...STEP_BODY,
  ...EXECUTION,
  needs: z.array(z.string()).default([]),
  if: z.union([z.string(), z.boolean()]).optional(),
  parallel: orExpression(z.number().int().min(1)).optional(),
  failFast: z.boolean().default(false),
  matrix: z.union([z.string(), z.array(Json), z.record(z.string(), z.union([z.string(), z.array(Json)]))]).optional(),
  sweep: SweepSpec.optional(),
  inputs: z.record(z.string().regex(NAME_PATTERN, 'bad_name'), Json).default({}),
  outputs: named(OutputSpec).default({}),
})
export type StepSpec = z.infer<typeof StepSpec>

export const PipelineSpec = keys('a pipeline', {
  params: named(ParamSpec).default({}),
  triggers: z.array(TriggerSpec).default([]),
  concurrency: keys('concurrency', {
    group: z.string().optional(),
    max: z.number().int().min(1).default(1),
    onConflict: z.enum(['queue', 'latest', 'skip', 'cancel_previous']).default('queue'),
  }).optional(),
  timeout: Duration.optional(),
  outputs: z.record(z.string().regex(NAME_PATTERN, 'bad_name'), Json).default({}),
  steps: named(StepSpec).refine((steps) => Object.keys(steps).length > 0, 'a pipeline has at least one step'),
})
export type PipelineSpec = z.infer<typeof PipelineSpec>

export const ComponentSpec = keys('a component', {
  version: z.union([z.string(), z.number()]).optional(),
  effect: z.boolean().default(false),
  ...STEP_BODY,
  ...EXECUTION,
  inputs: named(ParamSpec).default({}),
  outputs: named(OutputSpec).default({}),
})
