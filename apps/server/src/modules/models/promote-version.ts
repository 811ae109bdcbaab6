import { inTransaction, wake } from '@kiban/kit/context'
import type { Ctx } from '@kiban/kit/context'
import { AppError } from '@kiban/kit/errors'
import { newId } from '@kiban/kit/ids'
import { recordAudit } from '../audit/index.ts'
import { newestEvidence } from './evidence.ts'
import { insertApproval, listApprovals } from './evidence.store.ts'
import { specOf } from './model-spec.ts'
import { nextState } from './models.state.ts'
import { findAlias, listAliasMoveRows } from './models.store.ts'
import type { AliasMoveRow, RegisteredModelRow } from './models.store.ts'
import { modelOf, moveAlias } from './set-alias.ts'
import { findVersion, updateVersionRow } from './versions.store.ts'
import type { NamedVersionRow } from './versions.store.ts'

/**
 * Throws `gate_not_passed` unless the version may be released: it passed its gate (or the model has none), was not taken back and needs
 * no approval that is missing. `override` is for people, with a reason that is recorded.
 */
export async function requireReleasable(ctx: Ctx, version: NamedVersionRow): Promise<void> {
  const refuse = (why: string) =>
    new AppError('gate_not_passed', {
      message: `${version.name} v${version.number} cannot be released: ${why} Release another version, or promote this one with override and a reason.`,
      details: { state: version.state },
    })
  if (version.state === 'archived')
    throw new AppError('model_version_not_usable', { message: `${version.name} v${version.number} is archived.` })
  if (version.state === 'released') return
  if (version.state !== 'ready')
    throw refuse(
      version.state === 'pending' ? 'its checks are not finished.' : `it is ${version.state}: ${version.state_reason}`,
    )
  if (!specOf(await modelOf(ctx, version)).gate) return
  const evidence = await newestEvidence(ctx, version.id)
  if (evidence?.verdict !== 'passed') throw refuse('no gate has passed it.')
}

/** Moves a protected alias to a version that may be released, or to any one by override. */
export async function promoteVersion(
  ctx: Ctx,
  version: NamedVersionRow,
  input: { alias: string; expected: string | null | undefined; reason: string; override: boolean },
): Promise<AliasMoveRow> {
  if (version.state === 'archived')
    throw new AppError('model_version_not_usable', { message: `${version.name} v${version.number} is archived.` })
  if (!input.override) await requireReleasable(ctx, version)
  return moveAlias(ctx, {
    version,
    alias: input.alias,
    expected: input.expected,
    reason: input.reason,
    override: input.override,
  })
}

/** Points an alias back at the version that it pointed at before the present one, or at `to`, which it must have pointed at once. */
export async function rollBack(
  ctx: Ctx,
  model: RegisteredModelRow,
  input: { alias: string; to: number | undefined; reason: string },
): Promise<AliasMoveRow> {
  const current = await findAlias(ctx.db, model.id, input.alias)
  if (!current) throw new AppError('alias_not_found', { message: `Registered model alias ${input.alias} not found.` })
  const moves = await listAliasMoveRows(ctx.db, model.id, { alias: input.alias, limit: 1000, offset: 0 })
  const earlier = moves.map((move) => move.from_number).filter((number) => number !== null && number !== current.number)
  const number = input.to ?? earlier[0]
  if (number === undefined || number === null || !earlier.includes(number))
    throw new AppError('nothing_to_roll_back_to', {
      message:
        input.to === undefined
          ? `${input.alias} of ${model.name} never pointed at another version.`
          : `${input.alias} of ${model.name} never pointed at version ${input.to}. It did at: ${[...new Set(earlier)].join(', ') || 'none'}.`,
    })
  const [target, taken] = [
    await findVersion(ctx.db, model.id, number),
    await findVersion(ctx.db, model.id, current.number),
  ]
  if (!target) throw new AppError('nothing_to_roll_back_to', { message: `Version ${number} of ${model.name} is gone.` })
  return inTransaction(ctx, async (ctx) => {
    const move = await moveAlias(ctx, {
      version: target,
      alias: input.alias,
      expected: current.version_id,
      reason: input.reason,
    })
    const state = taken ? nextState(taken.state, 'taken_back') : undefined
    if (taken && state)
      await updateVersionRow(ctx.db, taken.id, { state, state_reason: input.reason, updated_at: ctx.clock.now() })
    return move
  })
}

/**
 * Records a person's decision on the evidence that they saw. In mode off one person is everybody, and the record says so. The step that
 * waits goes on by itself. Throws `approval_not_awaited`, `evidence_changed`.
 */
export async function decideApproval(
  ctx: Ctx,
  version: NamedVersionRow,
  input: { digest: string; decision: 'approved' | 'refused'; comment: string },
): Promise<void> {
  if (version.state !== 'awaiting_approval')
    throw new AppError('approval_not_awaited', {
      message: `${version.name} v${version.number} waits for no approval; it is ${version.state}.`,
    })
  const evidence = await newestEvidence(ctx, version.id)
  if (evidence?.digest !== input.digest)
    throw new AppError('evidence_changed', {
      message: 'The evidence is not the one that was looked at. Look at the version again, then decide.',
      details: { digest: evidence?.digest ?? null },
    })
  const gate = specOf(await modelOf(ctx, version)).gate
  const soleUser = ctx.platform.config.auth === 'off'
  await inTransaction(ctx, async (ctx) => {
    const at = ctx.clock.now()
    const isNew = await insertApproval(ctx.db, {
      id: newId('apr'),
      version_id: version.id,
      digest: input.digest,
      approver: ctx.actor.id,
      decision: input.decision,
      comment: input.comment,
      sole_user: soleUser ? 1 : 0,
      at,
    })
    if (!isNew) throw new AppError('approval_not_awaited', { message: 'You have decided on this evidence already.' })
    const approved = (await listApprovals(ctx.db, version.id)).filter(
      (row) => row.digest === input.digest && row.decision === 'approved',
    ).length
    const isEnough = soleUser || approved >= (gate?.count ?? 1)
    const state =
      input.decision === 'refused'
        ? nextState(version.state, 'refused')
        : isEnough
          ? nextState(version.state, 'approved')
          : undefined
    if (state)
      await updateVersionRow(ctx.db, version.id, {
        state,
        state_reason: input.decision === 'refused' ? `refused: ${input.comment}` : 'approved',
        updated_at: at,
      })
    await recordAudit(ctx, {
      action: `model_version.${input.decision === 'approved' ? 'approve' : 'refuse'}`,
      resource: { kind: 'model_version', id: version.id },
      project: version.project,
      after: { digest: input.digest, soleUser },
      details: { comment: input.comment },
    })
    wake(ctx, 'pipelines')
  })
}
