import { emit } from '@kiban/kit/context'
import type { Ctx } from '@kiban/kit/context'
import { recordAudit } from '../audit/index.ts'
import { recordEdges } from '../lineage/index.ts'
import { projectNow } from '../projects/index.ts'
import { StoredSpec } from './endpoint-spec.ts'
import type { StoredRollout } from './endpoint-spec.ts'
import { findDeployment, listDeployments, updateDeployment, updateEndpoint } from './endpoints.store.ts'
import type { DeploymentRow } from './endpoints.store.ts'
import { ENDED_STATES, next, weightOf } from './rollout.state.ts'
import type { RolloutEvent, RolloutMove } from './rollout.state.ts'
import { moveRollout } from './rollouts.store.ts'
import type { RolloutRow } from './rollouts.store.ts'

/** The settings a roll-out began with. */
export function planOf(row: Pick<RolloutRow, 'plan'>): StoredRollout {
  return StoredSpec.shape.rollout.parse(JSON.parse(row.plan))
}

/**
 * Lets an event happen to a roll-out, inside a transaction: writes the move, its event, and who answers with which weight. Undefined if
 * the event changes nothing, or if somebody else moved the roll-out first.
 */
export async function happen(ctx: Ctx, row: RolloutRow, event: RolloutEvent): Promise<RolloutMove | undefined> {
  const plan = planOf(row)
  const move = next(
    plan,
    { state: row.state, step: row.step, pausedBy: row.paused_by, isFirst: row.from_version_id === null },
    event,
  )
  if (!move) return undefined
  const isWritten = await write(ctx, row, move, event.kind, weightOf(plan, move))
  if (!isWritten) return undefined
  await placeVersions(ctx, row, plan, move)
  return move
}

/** Ends a roll-out from outside its state machine (its endpoint is gone). */
export async function endRollout(ctx: Ctx, row: RolloutRow, why: { cause: string; message: string }): Promise<void> {
  await write(ctx, row, { state: 'failed', step: row.step, pausedBy: null, isFirst: false, ...why }, why.cause, 0)
}

async function write(ctx: Ctx, row: RolloutRow, move: RolloutMove, kind: string, weight: number): Promise<boolean> {
  const now = ctx.clock.now()
  const isEnded = ENDED_STATES.includes(move.state)
  const isNewStep = move.state === 'baking' && (move.step !== row.step || row.step_at === null)
  const set = {
    state: move.state,
    step: move.step,
    paused_by: move.pausedBy,
    cause: move.cause ?? (move.state === 'rolled_back' ? row.cause : null),
    message: move.state === 'rolled_back' ? row.message : move.message,
    ...(isNewStep
      ? { step_at: now, step_project_at: await projectNow(ctx, row.project), baking_at: row.baking_at ?? now }
      : {}),
    ...(isEnded ? { ended_at: now } : {}),
  }
  const event = {
    at: now,
    kind,
    from_state: row.state,
    to_state: move.state,
    step: move.step,
    weight,
    message: move.message,
    actor: ctx.actor.id,
  }
  if (!(await moveRollout(ctx, row, set, event))) return false
  emit(ctx, { topic: `projects/${row.project}/endpoints`, kind: `rollout.${move.state}`, id: row.id })
  // A person's command is audited by its route; here only what the platform does by itself.
  if (isEnded && ctx.request === undefined)
    await recordAudit(ctx, {
      action: `rollout.${move.state}`,
      resource: { kind: 'rollout', id: row.id },
      project: row.project,
      before: { version: row.from_version_id },
      after: { version: row.to_version_id },
      details: { cause: set.cause, message: set.message },
    })
  return true
}

/** Who answers, and with which weight, in the state that was just entered. */
async function placeVersions(ctx: Ctx, row: RolloutRow, plan: StoredRollout, move: RolloutMove): Promise<void> {
  const to = await findDeployment(ctx, row.endpoint_id, row.to_version_id)
  const from =
    row.from_version_id === null ? undefined : await findDeployment(ctx, row.endpoint_id, row.from_version_id)
  if (!to) throw new Error(`roll-out ${row.id} has no deployment of its new version`)
  const weight = weightOf(plan, move)
  if (move.state === 'done') return finish(ctx, row, plan, { to, from })
  if (move.state === 'rolled_back' || move.state === 'failed') {
    if (from) await updateDeployment(ctx, from.id, { role: 'running', weight: 100 })
    await updateDeployment(ctx, to.id, {
      role: 'released',
      weight: 0,
      state: move.state === 'failed' ? 'failed' : 'released',
      error: move.state === 'failed' ? move.message : null,
    })
    const isRefused = row.cause !== 'superseded'
    await updateEndpoint(
      ctx,
      row.endpoint_id,
      isRefused
        ? {
            refused_version_id: to.version_id,
            reason: `Version ${to.number}: ${move.state === 'failed' ? move.message : row.message}`,
          }
        : {},
    )
    return
  }
  await updateDeployment(ctx, to.id, {
    role: plan.strategy === 'shadow' && (move.state === 'baking' || move.state === 'paused') ? 'shadow' : 'candidate',
    weight,
  })
  if (from) await updateDeployment(ctx, from.id, { weight: 100 - weight })
}

async function finish(
  ctx: Ctx,
  row: RolloutRow,
  plan: StoredRollout,
  of: { to: DeploymentRow; from: DeploymentRow | undefined },
): Promise<void> {
  const now = ctx.clock.now()
  for (const other of await listDeployments(ctx, [row.endpoint_id]))
    if (other.role === 'kept' && other.id !== of.to.id)
      await updateDeployment(ctx, other.id, { role: 'released', state: 'released', weight: 0, release_at: null })
  if (of.from) await updateDeployment(ctx, of.from.id, { role: 'kept', weight: 0, release_at: now + plan.keepOldMs })
  await updateDeployment(ctx, of.to.id, { role: 'running', weight: 100, release_at: null })
  await updateEndpoint(ctx, row.endpoint_id, {
    running_version_id: of.to.version_id,
    refused_version_id: null,
    reason: null,
  })
  await recordEdges(ctx, [
    {
      from: { kind: 'model_version', id: of.to.version_id },
      relation: 'deployed_as',
      to: { kind: 'deployment', id: of.to.id },
    },
    {
      from: { kind: 'deployment', id: of.to.id },
      relation: 'deployed_as',
      to: { kind: 'endpoint', id: row.endpoint_id },
    },
  ])
}
