import { sql } from 'kysely'
import type { Ctx } from '@kiban/kit/context'

export type AuditEventRow = {
  id: string
  organisation_id: string
  time: number
  project: string | null
  actor: string
  on_behalf_of: string | null
  action: string
  resource_kind: string
  resource_id: string
  before_digest: string | null
  after_digest: string | null
  details_digest: string | null
  request_id: string | null
  face: string
  outcome: 'done' | 'denied'
  seq: number | null
  hash: string | null
}
export type AuditDetailsRow = {
  event_id: string
  salt: string
  before_json: string | null
  after_json: string | null
  details_json: string | null
}
export type CheckpointRow = { seq: number; hash: string; time: number; public_key: string; signature: string }

declare module '@kiban/kit/database' {
  interface Tables {
    audit_events: AuditEventRow
    audit_details: AuditDetailsRow
    audit_checkpoints: CheckpointRow
  }
}

export async function insertEvent(ctx: Ctx, event: AuditEventRow, details: AuditDetailsRow): Promise<void> {
  await ctx.db.insertInto('audit_events').values(event).execute()
  await ctx.db.insertInto('audit_details').values(details).execute()
}

export async function listEvents(
  ctx: Ctx,
  filter: {
    project: string
    actor?: string | undefined
    action?: string | undefined
    resource?: string | undefined
    before?: string | undefined
    limit: number
  },
) {
  let query = ctx.db
    .selectFrom('audit_events')
    .leftJoin('audit_details', 'audit_details.event_id', 'audit_events.id')
    .selectAll('audit_events')
    .select(['before_json', 'after_json', 'details_json'])
    .where('project', '=', filter.project)
    .orderBy('audit_events.id', 'desc')
    .limit(filter.limit)
  if (filter.actor) query = query.where('actor', '=', filter.actor)
  if (filter.action) query = query.where('action', '=', filter.action)
  if (filter.resource) query = query.where('resource_id', '=', filter.resource)
  if (filter.before) query = query.where('audit_events.id', '<', filter.before)
  return query.execute()
}

/** Events that have no place in the chain yet, oldest first. */
export async function listUnsealed(ctx: Ctx, limit: number): Promise<AuditEventRow[]> {
  return ctx.db.selectFrom('audit_events').selectAll().where('seq', 'is', null).orderBy('id').limit(limit).execute()
}

export async function findLastSealed(ctx: Ctx): Promise<{ seq: number; hash: string } | undefined> {
  const row = await ctx.db
    .selectFrom('audit_events')
    .select(['seq', 'hash'])
    .where('seq', 'is not', null)
    .orderBy('seq', 'desc')
    .limit(1)
    .executeTakeFirst()
  return row && row.seq !== null && row.hash !== null ? { seq: row.seq, hash: row.hash } : undefined
}

/** Seals one event; false when somebody else has. */
export async function updateSeal(ctx: Ctx, id: string, seal: { seq: number; hash: string }): Promise<boolean> {
  const result = await ctx.db
    .updateTable('audit_events')
    .set(seal)
    .where('id', '=', id)
    .where('seq', 'is', null)
    .executeTakeFirst()
  return result.numUpdatedRows === 1n
}

/** A page of the chain after `seq`. */
export async function listSealed(ctx: Ctx, afterSeq: number, limit: number): Promise<AuditEventRow[]> {
  return ctx.db.selectFrom('audit_events').selectAll().where('seq', '>', afterSeq).orderBy('seq').limit(limit).execute()
}

export async function insertCheckpoint(ctx: Ctx, row: CheckpointRow): Promise<void> {
  await ctx.db
    .insertInto('audit_checkpoints')
    .values(row)
    .onConflict((c) => c.doNothing())
    .execute()
}

export async function findLastCheckpoint(ctx: Ctx): Promise<CheckpointRow | undefined> {
  return ctx.db.selectFrom('audit_checkpoints').selectAll().orderBy('seq', 'desc').limit(1).executeTakeFirst()
}

export async function listCheckpoints(ctx: Ctx): Promise<CheckpointRow[]> {
  return ctx.db.selectFrom('audit_checkpoints').selectAll().orderBy('seq').execute()
}

/** The digests of an event are of these details; a detail may be erased, its digest stays. */
export async function listDetails(ctx: Ctx, ids: readonly string[]): Promise<AuditDetailsRow[]> {
  if (ids.length === 0) return []
  return ctx.db
    .selectFrom('audit_details')
    .selectAll()
    .where('event_id', 'in', [...ids])
    .execute()
}

export async function lockChain(ctx: Ctx): Promise<void> {
  if (ctx.platform.database.kind === 'postgres') await sql`select pg_advisory_xact_lock(7300)`.execute(ctx.db)
}
