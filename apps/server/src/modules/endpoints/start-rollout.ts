import { emit } from '@kiban/kit/context'
import type { Ctx } from '@kiban/kit/context'
import { newId } from '@kiban/kit/ids'
import { recordAudit } from '../audit/index.ts'
import { StoredSpec } from './endpoint-spec.ts'
import type { StoredRollout } from './endpoint-spec.ts'
import { findDeployment, insertDeployment, updateDeployment } from './endpoints.store.ts'
import type { EndpointRow } from './endpoints.store.ts'
import { insertRollout } from './rollouts.store.ts'
import type { RolloutRow } from './rollouts.store.ts'

/** A model version that an endpoint is to serve. */
export type TargetVersion = {
  readonly id: string
  readonly name: string
  readonly number: number
  readonly manifest: string
}

/**
 * Begins the way of a version into an endpoint, inside a transaction: loading first. `instantly` takes all traffic at once: for a
 * version that ran here before and goes back.
 */
export async function startRollout(
  ctx: Ctx,
  endpoint: EndpointRow,
  to: TargetVersion,
  of: { message: string; instantly?: boolean },
): Promise<RolloutRow> {
  const now = ctx.clock.now()
  const { rollout } = StoredSpec.parse(JSON.parse(endpoint.spec))
  const plan: StoredRollout = of.instantly ? { ...rollout, strategy: 'all_at_once' } : rollout
  const row: RolloutRow = {
    id: newId('ro'),
    project: endpoint.project,
    endpoint_id: endpoint.id,
    from_version_id: endpoint.running_version_id,
    to_version_id: to.id,
    plan: JSON.stringify(plan),
    state: 'loading',
    step: 0,
    paused_by: null,
    revision: 1,
    looks: 0,
    judge: '[]',
    cause: null,
    message: of.message,
    loading_at: now,
    baking_at: null,
    step_at: null,
    step_project_at: null,
    created_at: now,
    created_by: ctx.actor.id,
    ended_at: null,
  }
  await insertRollout(ctx, row, {
    rollout_id: row.id,
    revision: 1,
    at: now,
    kind: 'started',
    from_state: null,
    to_state: 'loading',
    step: 0,
    weight: 0,
    message: of.message,
    actor: ctx.actor.id,
  })
  await deploy(ctx, endpoint, to)
  if (ctx.request === undefined)
    await recordAudit(ctx, {
      action: 'rollout.start',
      resource: { kind: 'rollout', id: row.id },
      project: endpoint.project,
      before: { version: endpoint.running_version_id },
      after: { version: to.id },
      details: { endpoint: endpoint.name, strategy: plan.strategy },
    })
  emit(ctx, { topic: `projects/${endpoint.project}/endpoints`, kind: 'rollout.loading', id: row.id })
  return row
}

async function deploy(ctx: Ctx, endpoint: EndpointRow, to: TargetVersion): Promise<void> {
  const existing = await findDeployment(ctx, endpoint.id, to.id)
  if (existing) {
    const isLoaded = existing.role === 'kept' && existing.state === 'ready'
    await updateDeployment(ctx, existing.id, {
      role: 'candidate',
      weight: 0,
      state: isLoaded ? 'ready' : 'loading',
      error: null,
      release_at: null,
    })
    return
  }
  const now = ctx.clock.now()
  await insertDeployment(ctx, {
    id: newId('dep'),
    endpoint_id: endpoint.id,
    version_id: to.id,
    model: to.name,
    number: to.number,
    manifest: to.manifest,
    role: 'candidate',
    weight: 0,
    state: 'loading',
    error: null,
    signature: null,
    release_at: null,
    created_at: now,
    updated_at: now,
  })
}
