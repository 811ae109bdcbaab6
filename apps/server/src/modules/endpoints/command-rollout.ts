import { inTransaction, wake } from '@kiban/kit/context'
import type { Ctx } from '@kiban/kit/context'
import { AppError } from '@kiban/kit/errors'
import { recordAudit } from '../audit/index.ts'
import { findDeployment, getEndpointRow } from './endpoints.store.ts'
import type { EndpointRow } from './endpoints.store.ts'
import { takeBack } from './model-versions.ts'
import { happen } from './move-rollout.ts'
import { findLastDone, getRolloutRow, listActiveRollouts } from './rollouts.store.ts'
import type { RolloutRow } from './rollouts.store.ts'
import { startRollout } from './start-rollout.ts'

export type RolloutCommand = 'pause' | 'resume' | 'promote' | 'abort'

/** A person steers the running roll-out. Throws `rollout_not_active` when there is none that this can happen to. */
export async function commandRollout(
  ctx: Ctx,
  of: { project: string; endpoint: string; command: RolloutCommand; reason: string | undefined },
): Promise<RolloutRow> {
  return inTransaction(ctx, async (ctx) => {
    const endpoint = await getEndpointRow(ctx, of.project, of.endpoint)
    const [row] = await listActiveRollouts(ctx, [endpoint.id])
    if (!row)
      throw new AppError('rollout_not_active', {
        message: `Endpoint ${endpoint.name} has no roll-out now. One begins when its model's alias moves.`,
      })
    const message = `${ctx.actor.name}: ${of.reason ?? of.command}`
    const move = await happen(ctx, row, { kind: of.command, message })
    if (!move)
      throw new AppError('rollout_not_active', {
        message: `The roll-out of ${endpoint.name} is ${row.state}; it cannot be told to ${of.command} now.`,
      })
    await recordAudit(ctx, {
      action: `rollout.${of.command}`,
      resource: { kind: 'rollout', id: row.id },
      project: of.project,
      before: { state: row.state, step: row.step },
      after: { state: move.state, step: move.step },
      details: { endpoint: endpoint.name, reason: of.reason ?? '' },
    })
    wake(ctx, 'endpoints')
    return getRolloutRow(ctx, of.project, row.id)
  })
}

/** Back to the version before: aborts a running roll-out, or goes back all at once after one that is done. */
export async function rollbackEndpoint(
  ctx: Ctx,
  of: { project: string; endpoint: string; reason: string | undefined },
): Promise<RolloutRow> {
  const endpoint = await getEndpointRow(ctx, of.project, of.endpoint)
  const [active] = await listActiveRollouts(ctx, [endpoint.id])
  if (active) return commandRollout(ctx, { ...of, command: 'abort' })
  return inTransaction(ctx, async (ctx) => {
    const { now, before } = await findVersions(ctx, endpoint)
    const reason = of.reason ?? 'roll-back asked for'
    await takeBack(ctx, endpoint, {
      oldVersionId: before.version_id,
      newVersionId: now.version_id,
      reason,
      silent: true,
    })
    const row = await startRollout(
      ctx,
      endpoint,
      { id: before.version_id, name: before.model, number: before.number, manifest: before.manifest },
      { message: `${ctx.actor.name}: ${reason}`, instantly: true },
    )
    await recordAudit(ctx, {
      action: 'endpoint.rollback',
      resource: { kind: 'endpoint', id: endpoint.id },
      project: of.project,
      before: { version: now.number },
      after: { version: before.number },
      details: { reason },
    })
    wake(ctx, 'endpoints')
    return row
  })
}

async function findVersions(ctx: Ctx, endpoint: EndpointRow) {
  const refuse = () =>
    new AppError('nothing_to_roll_back_to', {
      message: `Endpoint ${endpoint.name} has served no version before this one.`,
    })
  if (endpoint.running_version_id === null) throw refuse()
  const last = await findLastDone(ctx, endpoint.id, endpoint.running_version_id)
  const now = await findDeployment(ctx, endpoint.id, endpoint.running_version_id)
  const before = last?.from_version_id ? await findDeployment(ctx, endpoint.id, last.from_version_id) : undefined
  if (!now || !before) throw refuse()
  return { now, before }
}
