import { sql } from 'kysely'
import type { FiringState } from '@kiban/contract/loops'
import type { Ctx } from '@kiban/kit/context'
import { AppError } from '@kiban/kit/errors'
import { claim } from '@kiban/kit/leases'

export type LoopRow = {
  id: string
  project: string
  name: string
  /** JSON of the project file's `loops.<name>`. */
  spec_json: string
  /** JSON: what `vars` and `project` are in its expressions. */
  scope_json: string
  enabled: number
  /** Only alerts with a later id fire it: a new trigger sees no past. */
  armed_after: string
  archived_at: number | null
  created_at: number
  created_by: string
}

export type FiringRow = {
  id: string
  loop_id: string
  loop: string
  project: string
  number: number
  alert_id: string
  state: FiringState
  reason: string
  trigger_json: string
  params_json: string
  links_json: string
  pipeline_run_id: string | null
  model_version_id: string | null
  model_version_number: number | null
  rollout_id: string | null
  /** Times below are of the project's clock. */
  started_at: number | null
  deployed_at: number | null
  created_at: number
  updated_at: number
  ended_at: number | null
  lease_token: string | null
  lease_until: number | null
}

declare module '@kiban/kit/database' {
  interface Tables {
    loops: LoopRow
    loop_firings: FiringRow
  }
}

export async function listLoopRows(ctx: Ctx, project?: string): Promise<LoopRow[]> {
  let query = ctx.db.selectFrom('loops').selectAll().where('archived_at', 'is', null)
  if (project !== undefined) query = query.where('project', '=', project)
  return query.orderBy('name').execute()
}

export async function findLoopRow(ctx: Ctx, project: string, name: string): Promise<LoopRow | undefined> {
  return ctx.db
    .selectFrom('loops')
    .selectAll()
    .where('project', '=', project)
    .where('name', '=', name)
    .executeTakeFirst()
}

/** Throws `loop_not_found`. */
export async function getLoopRow(ctx: Ctx, project: string, name: string): Promise<LoopRow> {
  const row = await findLoopRow(ctx, project, name)
  if (!row)
    throw new AppError('loop_not_found', {
      message: `${project} has no loop ${JSON.stringify(name)}. List its loops with: kiban loop list`,
    })
  return row
}

export async function getLoopById(ctx: Ctx, id: string): Promise<LoopRow> {
  const row = await ctx.db.selectFrom('loops').selectAll().where('id', '=', id).executeTakeFirst()
  if (!row) throw new AppError('loop_not_found', { message: `There is no loop ${id}.` })
  return row
}

export async function insertLoop(ctx: Ctx, row: LoopRow): Promise<void> {
  await ctx.db.insertInto('loops').values(row).execute()
}

export async function updateLoop(ctx: Ctx, id: string, set: Partial<LoopRow>): Promise<void> {
  await ctx.db.updateTable('loops').set(set).where('id', '=', id).execute()
}

/** Newest first. */
export async function listFiringRows(ctx: Ctx, loopId: string, limit: number): Promise<FiringRow[]> {
  return ctx.db
    .selectFrom('loop_firings')
    .selectAll()
    .where('loop_id', '=', loopId)
    .orderBy('number', 'desc')
    .limit(limit)
    .execute()
}

/** By id or number. Throws `loop_firing_not_found`. */
export async function getFiringRow(ctx: Ctx, loop: LoopRow, ref: string): Promise<FiringRow> {
  const number = /^\d{1,9}$/.test(ref) ? Number(ref) : -1
  const row = await ctx.db
    .selectFrom('loop_firings')
    .selectAll()
    .where('loop_id', '=', loop.id)
    .where((where) => where.or([where('id', '=', ref), where('number', '=', number)]))
    .executeTakeFirst()
  if (!row)
    throw new AppError('loop_firing_not_found', {
      message: `Loop ${loop.name} has no firing ${JSON.stringify(ref)}. List them with: kiban loop firings ${loop.name}`,
    })
  return row
}

/** Inserts a firing of an alert; false when this loop has one of it already. */
export async function insertFiring(ctx: Ctx, row: FiringRow): Promise<boolean> {
  const result = await ctx.db
    .insertInto('loop_firings')
    .values(row)
    .onConflict((conflict) => conflict.columns(['loop_id', 'alert_id']).doNothing())
    .executeTakeFirst()
  return Number(result.numInsertedOrUpdatedRows ?? 0) === 1
}

export async function updateFiring(ctx: Ctx, id: string, set: Partial<FiringRow>): Promise<void> {
  await ctx.db.updateTable('loop_firings').set(set).where('id', '=', id).execute()
}

/** Writes what a step of a firing found and ends the lease; false when the lease was lost. */
export async function updateLeasedFiring(ctx: Ctx, row: FiringRow, set: Partial<FiringRow>): Promise<boolean> {
  const result = await ctx.db
    .updateTable('loop_firings')
    .set({ ...set, lease_token: null, lease_until: null })
    .where('id', '=', row.id)
    .where('lease_token', '=', row.lease_token)
    .executeTakeFirst()
  return Number(result.numUpdatedRows) === 1
}

/** Leaves a firing alone until an instant of the machine, if the lease still holds. */
export async function pauseFiring(ctx: Ctx, row: FiringRow, until: number): Promise<void> {
  await ctx.db
    .updateTable('loop_firings')
    .set({ lease_until: until })
    .where('id', '=', row.id)
    .where('lease_token', '=', row.lease_token)
    .execute()
}

export async function claimFirings(ctx: Ctx): Promise<FiringRow[]> {
  return claim(ctx, { table: 'loop_firings', where: sql`ended_at is null`, leaseMs: 60_000, limit: 50, orderBy: 'id' })
}

export async function listFiringsByIds(ctx: Ctx, ids: readonly string[]): Promise<FiringRow[]> {
  if (ids.length === 0) return []
  return ctx.db
    .selectFrom('loop_firings')
    .selectAll()
    .where('id', 'in', [...ids])
    .execute()
}

/** Finds loops by a part of their name, for the search box. */
export async function searchLoops(ctx: Ctx, text: string, project: string | undefined): Promise<LoopRow[]> {
  let query = ctx.db
    .selectFrom('loops')
    .selectAll()
    .where('archived_at', 'is', null)
    .where((where) => where(where.fn<string>('lower', ['name']), 'like', `%${text.replaceAll(/[%_]/g, '')}%`))
  if (project !== undefined) query = query.where('project', '=', project)
  return query.orderBy('name').limit(20).execute()
}
