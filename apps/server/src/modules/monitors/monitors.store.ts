import type { Ctx } from '@kiban/kit/context'
import { AppError } from '@kiban/kit/errors'
import { claim } from '@kiban/kit/leases'
import { sql } from 'kysely'

export type MonitorRow = {
  id: string
  project: string
  name: string
  /** JSON of the project file's `monitors.<name>`. */
  spec_json: string
  /** Why it cannot compute now; null when it can. */
  state_reason: string | null
  archived_at: number | null
  created_at: number
  created_by: string
}

export type WindowRow = {
  id: string
  monitor_id: string
  project: string
  grain: 'window' | 'day'
  label: string
  start_at: number
  end_at: number
  state: 'waiting' | 'done' | 'failed' | 'empty'
  reason: string
  /** 1: is to be computed (again). */
  due: number
  attempts: number
  retry_at: number | null
  rows: number
  labelled: number
  has_labels: number
  label_version_id: string | null
  importance_source: string | null
  reference_name: string | null
  reference_rows: number
  versions_json: string
  signals_json: string
  recomputed: number
  computed_at: number | null
  created_at: number
  lease_token: string | null
  lease_until: number | null
}

declare module '@kiban/kit/database' {
  interface Tables {
    monitors: MonitorRow
    monitor_windows: WindowRow
  }
}

export async function listMonitorRows(ctx: Ctx, project: string): Promise<MonitorRow[]> {
  return ctx.db
    .selectFrom('monitors')
    .selectAll()
    .where('project', '=', project)
    .where('archived_at', 'is', null)
    .orderBy('name')
    .execute()
}

/** Of every project. */
export async function listActiveMonitors(ctx: Ctx): Promise<MonitorRow[]> {
  return ctx.db.selectFrom('monitors').selectAll().where('archived_at', 'is', null).orderBy('id').execute()
}

export async function findMonitorByName(ctx: Ctx, project: string, name: string): Promise<MonitorRow | undefined> {
  return ctx.db
    .selectFrom('monitors')
    .selectAll()
    .where('project', '=', project)
    .where('name', '=', name)
    .executeTakeFirst()
}

/** Throws `monitor_not_found`. */
export async function getMonitorByName(ctx: Ctx, project: string, name: string): Promise<MonitorRow> {
  const row = await findMonitorByName(ctx, project, name)
  if (!row)
    throw new AppError('monitor_not_found', {
      message: `${project} has no monitor ${JSON.stringify(name)}. List its monitors with: kiban monitor list`,
    })
  return row
}

/** Throws `monitor_not_found`. */
export async function getMonitorById(ctx: Ctx, id: string): Promise<MonitorRow> {
  const row = await ctx.db.selectFrom('monitors').selectAll().where('id', '=', id).executeTakeFirst()
  if (!row) throw new AppError('monitor_not_found', { message: `There is no monitor ${id}.` })
  return row
}

export async function insertMonitor(ctx: Ctx, row: MonitorRow): Promise<void> {
  await ctx.db.insertInto('monitors').values(row).execute()
}

export async function updateMonitor(ctx: Ctx, id: string, set: Partial<MonitorRow>): Promise<void> {
  await ctx.db.updateTable('monitors').set(set).where('id', '=', id).execute()
}

export async function findLastWindow(
  ctx: Ctx,
  monitorId: string,
  grain: 'window' | 'day',
): Promise<WindowRow | undefined> {
  return ctx.db
    .selectFrom('monitor_windows')
    .selectAll()
    .where('monitor_id', '=', monitorId)
    .where('grain', '=', grain)
    .orderBy('start_at', 'desc')
    .limit(1)
    .executeTakeFirst()
}

/** Newest first. */
export async function listWindowRows(
  ctx: Ctx,
  of: {
    monitorId: string
    grain: 'window' | 'day'
    fromAt?: number | undefined
    toAt?: number | undefined
    limit: number
  },
): Promise<WindowRow[]> {
  let query = ctx.db
    .selectFrom('monitor_windows')
    .selectAll()
    .where('monitor_id', '=', of.monitorId)
    .where('grain', '=', of.grain)
  if (of.fromAt !== undefined) query = query.where('start_at', '>=', of.fromAt)
  if (of.toAt !== undefined) query = query.where('start_at', '<', of.toAt)
  return query.orderBy('start_at', 'desc').limit(of.limit).execute()
}

/** A window by id or label. Throws `monitor_window_not_found`. */
export async function getWindowRow(ctx: Ctx, monitor: MonitorRow, ref: string): Promise<WindowRow> {
  const row = await ctx.db
    .selectFrom('monitor_windows')
    .selectAll()
    .where('monitor_id', '=', monitor.id)
    .where((where) => where.or([where('id', '=', ref), where('label', '=', ref)]))
    .orderBy('grain', 'desc')
    .limit(1)
    .executeTakeFirst()
  if (!row)
    throw new AppError('monitor_window_not_found', {
      message: `${monitor.name} has no window ${JSON.stringify(ref)}. List its windows with: kiban monitor windows ${monitor.name}`,
    })
  return row
}

export async function listWindowsByIds(ctx: Ctx, ids: readonly string[]): Promise<WindowRow[]> {
  if (ids.length === 0) return []
  return ctx.db
    .selectFrom('monitor_windows')
    .selectAll()
    .where('id', 'in', [...ids])
    .execute()
}

/** A span that is there already stays as it is. */
export async function insertWindow(ctx: Ctx, row: WindowRow): Promise<void> {
  await ctx.db
    .insertInto('monitor_windows')
    .values(row)
    .onConflict((conflict) => conflict.columns(['monitor_id', 'grain', 'start_at']).doNothing())
    .execute()
}

export async function updateWindow(ctx: Ctx, id: string, set: Partial<WindowRow>): Promise<void> {
  await ctx.db.updateTable('monitor_windows').set(set).where('id', '=', id).execute()
}

const LEASE_MS = 12 * 60_000

/** The oldest window that is to be computed, leased. */
export async function claimDueWindow(ctx: Ctx): Promise<WindowRow | undefined> {
  const now = ctx.clock.now()
  const [row] = await claim(ctx, {
    table: 'monitor_windows',
    where: sql`due = 1 and (retry_at is null or retry_at <= ${now})`,
    leaseMs: LEASE_MS,
    limit: 1,
    orderBy: 'end_at',
  })
  return row
}

/** Writes the outcome and ends the lease; false when the lease was lost, and then nothing is written. */
export async function updateLeasedWindow(ctx: Ctx, row: WindowRow, set: Partial<WindowRow>): Promise<boolean> {
  const result = await ctx.db
    .updateTable('monitor_windows')
    .set({ ...set, lease_token: null, lease_until: null })
    .where('id', '=', row.id)
    .where('lease_token', '=', row.lease_token)
    .executeTakeFirst()
  return Number(result.numUpdatedRows) === 1
}

/** Windows whose labels or rows may still change. */
export async function listRecomputable(ctx: Ctx, monitorId: string, endAfter: number): Promise<WindowRow[]> {
  return ctx.db
    .selectFrom('monitor_windows')
    .selectAll()
    .where('monitor_id', '=', monitorId)
    .where('grain', '=', 'window')
    .where('state', 'in', ['done', 'empty'])
    .where('due', '=', 0)
    .where('end_at', '>', endAfter)
    .orderBy('start_at')
    .execute()
}

/** Finds monitors by a part of their name, for the search box. */
export async function searchMonitors(ctx: Ctx, text: string, project: string | undefined): Promise<MonitorRow[]> {
  let query = ctx.db
    .selectFrom('monitors')
    .selectAll()
    .where('archived_at', 'is', null)
    .where((where) => where(where.fn<string>('lower', ['name']), 'like', `%${text.replaceAll(/[%_]/g, '')}%`))
  if (project !== undefined) query = query.where('project', '=', project)
  return query.orderBy('name').limit(20).execute()
}
