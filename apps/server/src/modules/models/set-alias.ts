import { Alias } from '@kiban/contract/models'
import { emit, inTransaction, wake } from '@kiban/kit/context'
import type { Ctx } from '@kiban/kit/context'
import { AppError } from '@kiban/kit/errors'
import { newId } from '@kiban/kit/ids'
import { recordAudit } from '../audit/index.ts'
import { nextState } from './models.state.ts'
import { isProtected } from './models.policy.ts'
import { deleteAliasRow, findAlias, findModelById, insertAliasMove, moveAliasRow } from './models.store.ts'
import type { AliasMoveRow, RegisteredModelRow } from './models.store.ts'
import { findVersion, findVersionById, updateVersionRow } from './versions.store.ts'
import type { NamedVersionRow } from './versions.store.ts'

export type MoveAlias = {
  readonly version: NamedVersionRow
  readonly alias: string
  /** Id of the version that the alias must point at now, null for nowhere; absent: any. */
  readonly expected?: string | null | undefined
  readonly reason: string
  readonly override?: boolean
  /** The caller writes the audit event itself. */
  readonly silent?: boolean
}

/**
 * Points an alias at a version by compare-and-set, with its history row, and wakes the endpoints that follow it. Whether the caller may
 * is decided before. Throws `alias_moved` when it is no longer where it was expected.
 */
export async function moveAlias(ctx: Ctx, input: MoveAlias): Promise<AliasMoveRow> {
  const { version, alias } = input
  const parsed = Alias.safeParse(alias)
  if (!parsed.success)
    throw new AppError('bad_request', {
      message: `Invalid alias name ${JSON.stringify(alias.slice(0, 100))}: ${parsed.error.issues[0]?.message ?? ''}.`,
    })
  return inTransaction(ctx, async (ctx) => {
    const now = ctx.clock.now()
    const current = await findAlias(ctx.db, version.model_id, alias)
    const expected = input.expected === undefined ? (current?.version_id ?? null) : input.expected
    const from = current?.number ?? null
    const isThere = expected === (current?.version_id ?? null)
    if (
      !isThere ||
      !(await moveAliasRow(
        ctx.db,
        { model_id: version.model_id, alias, version_id: version.id, number: version.number, updated_at: now },
        expected,
      ))
    )
      throw new AppError('alias_moved', {
        message: `The alias ${alias} of ${version.name} points at ${from === null ? 'nothing' : `version ${from}`} now. Look again, then decide.`,
        details: { alias, current: from },
      })
    const move: AliasMoveRow = {
      id: newId('amv'),
      model_id: version.model_id,
      alias,
      from_number: from,
      to_number: version.number,
      reason: input.reason,
      override: input.override ? 1 : 0,
      actor: ctx.actor.onBehalfOf ?? ctx.actor.id,
      at: now,
    }
    await insertAliasMove(ctx.db, move)
    const released = isProtected(alias) ? nextState(version.state, 'promoted') : undefined
    if (released)
      await updateVersionRow(ctx.db, version.id, {
        state: released,
        // A version that served before and serves again has no new reason of its own: the move's tells of the other one.
        state_reason: (version.state === released ? '' : input.reason) || `${alias} points at it`,
        updated_at: now,
      })
    if (!input.silent)
      await recordAudit(ctx, {
        action: 'alias.move',
        resource: { kind: 'model_version', id: version.id },
        project: version.project,
        before: { alias, version: from },
        after: { alias, version: version.number },
        details: { reason: input.reason, override: input.override ?? false },
      })
    emit(ctx, {
      topic: `projects/${version.project}/models`,
      kind: 'alias.moved',
      id: version.id,
      data: { model: version.name, alias, from, to: version.number },
    })
    wake(ctx, 'endpoints')
    return move
  })
}

/** Takes an alias away; throws `alias_not_found`. */
export async function removeAlias(ctx: Ctx, model: RegisteredModelRow, alias: string): Promise<AliasMoveRow> {
  return inTransaction(ctx, async (ctx) => {
    const current = await findAlias(ctx.db, model.id, alias)
    if (!current) throw new AppError('alias_not_found', { message: `Registered model alias ${alias} not found.` })
    await deleteAliasRow(ctx.db, model.id, alias)
    const move: AliasMoveRow = {
      id: newId('amv'),
      model_id: model.id,
      alias,
      from_number: current.number,
      to_number: null,
      reason: '',
      override: 0,
      actor: ctx.actor.onBehalfOf ?? ctx.actor.id,
      at: ctx.clock.now(),
    }
    await insertAliasMove(ctx.db, move)
    await recordAudit(ctx, {
      action: 'alias.delete',
      resource: { kind: 'model', id: model.id },
      project: model.project,
      before: { alias, version: current.number },
    })
    emit(ctx, {
      topic: `projects/${model.project}/models`,
      kind: 'alias.moved',
      id: current.version_id,
      data: { model: model.name, alias, from: current.number, to: null },
    })
    wake(ctx, 'endpoints')
    return move
  })
}

/**
 * For other modules: moves an alias in their transaction. `version` and `expected` are version ids; `expected` null means nowhere.
 * Throws `alias_moved`, `model_version_not_found`.
 */
export async function setAlias(
  ctx: Ctx,
  input: { versionId: string; alias: string; expected?: string | null; reason: string; silent?: boolean },
): Promise<void> {
  const version = await findVersionById(ctx.db, input.versionId)
  if (!version)
    throw new AppError('model_version_not_found', { message: `There is no model version ${input.versionId}.` })
  await moveAlias(ctx, {
    version,
    alias: input.alias,
    expected: input.expected,
    reason: input.reason,
    ...(input.silent === undefined ? {} : { silent: input.silent }),
  })
}

/** For other modules: a roll-out failed, so this version was taken back; it needs an override to be released again. Writes no audit event. */
export async function markRolledBack(ctx: Ctx, versionId: string, reason: string): Promise<void> {
  await inTransaction(ctx, async (ctx) => {
    const version = await findVersionById(ctx.db, versionId)
    const state = version ? nextState(version.state, 'taken_back') : undefined
    if (!version || !state) return
    await updateVersionRow(ctx.db, versionId, { state, state_reason: reason, updated_at: ctx.clock.now() })
    emit(ctx, { topic: `projects/${version.project}/models`, kind: 'model_version.updated', id: versionId })
  })
}

/** The version number that a caller expects, as an id for the compare-and-set. */
export async function expectedId(
  ctx: Ctx,
  model: RegisteredModelRow,
  number: number | null | undefined,
): Promise<string | null | undefined> {
  if (number === undefined || number === null) return number
  const version = await findVersion(ctx.db, model.id, number)
  if (!version)
    throw new AppError('model_version_not_found', {
      message: `Model Version (name=${model.name}, version=${number}) not found`,
    })
  return version.id
}

/** The model of a version. */
export async function modelOf(ctx: Ctx, version: NamedVersionRow): Promise<RegisteredModelRow> {
  const model = await findModelById(ctx.db, version.model_id)
  if (!model) throw new Error('a version has a model')
  return model
}
