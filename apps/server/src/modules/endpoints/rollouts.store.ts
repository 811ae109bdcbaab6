import type { Insertable, Selectable, Updateable } from 'kysely'
import type { RolloutState } from '@kiban/contract/endpoints'
import type { Ctx } from '@kiban/kit/context'
import { AppError } from '@kiban/kit/errors'

type RolloutTable = {
  id: string
  project: string
  endpoint_id: string
  from_version_id: string | null
  to_version_id: string
  /** JSON of StoredRollout, as it was when the roll-out began. */
  plan: string
  state: RolloutState
  step: number
  paused_by: 'person' | 'step_end' | null
  /** Counts the moves; a move is written only over the revision that it was decided on. */
  revision: number
  looks: number
  /** JSON of the last look. */
  judge: string
  cause: string | null
  message: string
  loading_at: number
  baking_at: number | null
  /** When the present step began: by the machine, and by the project's clock. */
  step_at: number | null
  step_project_at: number | null
  created_at: number
  created_by: string
  ended_at: number | null
}

type RolloutEventTable = {
  rollout_id: string
  revision: number
  at: number
  kind: string
  from_state: RolloutState | null
  to_state: RolloutState
  step: number
  weight: number
  message: string
  actor: string
}

declare module '@kiban/kit/database' {
  interface Tables {
    rollouts: RolloutTable
    rollout_events: RolloutEventTable
  }
}

export type RolloutRow = Selectable<RolloutTable>
export type RolloutEventRow = Selectable<RolloutEventTable>

/** Roll-outs that have not ended, of the given endpoints or of all. */
export async function listActiveRollouts(ctx: Ctx, endpointIds?: readonly string[]): Promise<RolloutRow[]> {
  if (endpointIds?.length === 0) return []
  let query = ctx.db.selectFrom('rollouts').selectAll().where('ended_at', 'is', null).orderBy('id')
  if (endpointIds) query = query.where('endpoint_id', 'in', endpointIds)
  return query.execute()
}

export async function listRolloutRows(ctx: Ctx, endpointId: string, limit: number): Promise<RolloutRow[]> {
  return ctx.db
    .selectFrom('rollouts')
    .selectAll()
    .where('endpoint_id', '=', endpointId)
    .orderBy('id', 'desc')
    .limit(limit)
    .execute()
}

/** Throws `rollout_not_found`. */
export async function getRolloutRow(ctx: Ctx, project: string, id: string): Promise<RolloutRow> {
  const row = await ctx.db
    .selectFrom('rollouts')
    .selectAll()
    .where('project', '=', project)
    .where('id', '=', id)
    .executeTakeFirst()
  if (!row)
    throw new AppError('rollout_not_found', {
      message: `There is no roll-out ${JSON.stringify(id)} in project ${project}.`,
    })
  return row
}

/** The last roll-out that gave an endpoint this version, if it ended well. */
export async function findLastDone(ctx: Ctx, endpointId: string, toVersionId: string): Promise<RolloutRow | undefined> {
  return ctx.db
    .selectFrom('rollouts')
    .selectAll()
    .where('endpoint_id', '=', endpointId)
    .where('to_version_id', '=', toVersionId)
    .where('state', '=', 'done')
    .orderBy('id', 'desc')
    .executeTakeFirst()
}

export async function insertRollout(ctx: Ctx, row: RolloutRow, event: Insertable<RolloutEventTable>): Promise<void> {
  await ctx.db.insertInto('rollouts').values(row).execute()
  await ctx.db.insertInto('rollout_events').values(event).execute()
}

/** Writes a move over the revision that it was decided on; false if somebody else moved first. */
export async function moveRollout(
  ctx: Ctx,
  row: RolloutRow,
  set: Updateable<RolloutTable>,
  event: Omit<RolloutEventRow, 'rollout_id' | 'revision'>,
): Promise<boolean> {
  const revision = row.revision + 1
  const { numUpdatedRows } = await ctx.db
    .updateTable('rollouts')
    .set({ ...set, revision })
    .where('id', '=', row.id)
    .where('revision', '=', row.revision)
    .executeTakeFirst()
  if (numUpdatedRows === 0n) return false
  await ctx.db
    .insertInto('rollout_events')
    .values({ rollout_id: row.id, revision, ...event })
    .execute()
  return true
}

/** Keeps what the judge saw; no move. */
export async function updateLook(ctx: Ctx, id: string, set: { looks: number; judge: string }): Promise<void> {
  await ctx.db.updateTable('rollouts').set(set).where('id', '=', id).execute()
}

export async function listRolloutEvents(ctx: Ctx, rolloutIds: readonly string[]): Promise<RolloutEventRow[]> {
  if (rolloutIds.length === 0) return []
  return ctx.db
    .selectFrom('rollout_events')
    .selectAll()
    .where('rollout_id', 'in', rolloutIds)
    .orderBy('revision')
    .execute()
}
