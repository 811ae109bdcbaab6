import { z } from 'zod'
import { defineEndpoint } from './endpoint.ts'
import { Instant, Json, Name, ProjectParams } from './primitives.ts'

/** Where a firing of a closed loop stands; the last seven are ends. */
export const FiringState = z.enum([
  'starting',
  'training',
  'approving',
  'rolling_out',
  'watching',
  'kept',
  'rolled_back',
  'refused',
  'failed',
  'suppressed',
  'stopped',
  'superseded',
])
export type FiringState = z.infer<typeof FiringState>

/** One link of the strip: monitor > retrain > gate > approve > rollout > watch. */
export const LoopLink = z.object({
  link: z.enum(['monitor', 'retrain', 'gate', 'approve', 'rollout', 'watch']),
  state: z.enum(['pending', 'active', 'passed', 'failed', 'skipped']),
  reason: z.string(),
  at: Instant.nullable(),
  /** What it is about: alert, pipeline_run, model_version, deployment, monitor_window. */
  target: z.object({ kind: z.string(), id: z.string() }).nullable(),
})
export type LoopLink = z.infer<typeof LoopLink>

/** One passage through the loop, started by exactly one alert. */
export const LoopFiring = z.object({
  id: z.string(),
  loop: z.string(),
  number: z.number().int(),
  state: FiringState,
  reason: z.string(),
  alertId: z.string().nullable(),
  trigger: z.object({
    kind: z.string(),
    monitor: z.string(),
    signal: z.string(),
    windowStartAt: Instant,
    windowEndAt: Instant,
  }),
  params: z.record(z.string(), Json),
  pipelineRunId: z.string().nullable(),
  modelVersionId: z.string().nullable(),
  modelVersionNumber: z.number().int().nullable(),
  deploymentId: z.string().nullable(),
  links: z.array(LoopLink),
  createdAt: Instant,
  updatedAt: Instant,
  endedAt: Instant.nullable(),
})
export type LoopFiring = z.infer<typeof LoopFiring>

export const Loop = z.object({
  id: z.string(),
  name: Name,
  description: z.string().nullable(),
  when: z.array(z.object({ monitor: z.string(), signal: z.string(), severity: z.string() })),
  pipeline: z.string(),
  params: z.record(z.string(), Json),
  model: z.string(),
  endpoint: z.string().nullable(),
  limits: z.object({ cooldownMs: z.number().int().nullable(), perMonth: z.number().int().nullable() }),
  enabled: z.boolean(),
  /** Why it would not fire now; null when it would. */
  blockedReason: z.string().nullable(),
  firingsThisMonth: z.number().int(),
  lastFiring: LoopFiring.nullable(),
  createdAt: Instant,
  createdBy: z.string(),
})
export type Loop = z.infer<typeof Loop>

const LoopParams = ProjectParams.extend({ loop: Name })

export const listLoops = defineEndpoint({
  name: 'listLoops',
  method: 'GET',
  path: '/projects/:project/loops',
  summary: "The project's closed loops, each with its last firing as a strip of links",
  action: 'project.read',
  params: ProjectParams,
  response: z.object({ loops: z.array(Loop) }),
  errors: ['project_not_found'],
})

export const getLoop = defineEndpoint({
  name: 'getLoop',
  method: 'GET',
  path: '/projects/:project/loops/:loop',
  summary: 'One loop by name',
  action: 'project.read',
  params: LoopParams,
  response: Loop,
  errors: ['loop_not_found'],
})

export const listLoopFirings = defineEndpoint({
  name: 'listLoopFirings',
  method: 'GET',
  path: '/projects/:project/loops/:loop/firings',
  summary: 'Every firing with its state, its links and its reasons, newest first',
  action: 'project.read',
  params: LoopParams,
  query: z.object({ limit: z.coerce.number().int().min(1).max(500).default(50) }),
  response: z.object({ firings: z.array(LoopFiring) }),
  errors: ['loop_not_found'],
})

export const getLoopFiring = defineEndpoint({
  name: 'getLoopFiring',
  method: 'GET',
  path: '/projects/:project/loops/:loop/firings/:firing',
  summary: 'One firing by id or number',
  action: 'project.read',
  params: LoopParams.extend({ firing: z.string().max(64) }),
  response: LoopFiring,
  errors: ['loop_not_found', 'loop_firing_not_found'],
})

export const enableLoop = defineEndpoint({
  name: 'enableLoop',
  method: 'POST',
  path: '/projects/:project/loops/:loop/enable',
  summary: 'Lets the loop fire on alerts from now on; past alerts do not fire it',
  action: 'monitor.write',
  audit: 'each',
  params: LoopParams,
  response: Loop,
  errors: ['loop_not_found'],
})

export const disableLoop = defineEndpoint({
  name: 'disableLoop',
  method: 'POST',
  path: '/projects/:project/loops/:loop/disable',
  summary: 'Stops the loop from firing; what runs already runs on',
  action: 'monitor.write',
  audit: 'each',
  params: LoopParams,
  response: Loop,
  errors: ['loop_not_found'],
})

export const stopLoopFiring = defineEndpoint({
  name: 'stopLoopFiring',
  method: 'POST',
  path: '/projects/:project/loops/:loop/firings/:firing/stop',
  summary:
    'Ends one firing here: the loop follows it no further; a running training or roll-out is stopped on its own page',
  action: 'monitor.write',
  audit: 'each',
  params: LoopParams.extend({ firing: z.string().max(64) }),
  response: LoopFiring,
  errors: ['loop_not_found', 'loop_firing_not_found', 'loop_firing_ended'],
})
