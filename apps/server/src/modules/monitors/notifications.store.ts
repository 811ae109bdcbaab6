import type { Ctx } from '@kiban/kit/context'

export type NotificationRow = {
  id: string
  project: string
  kind: 'alert_opened' | 'alert_resolved' | 'loop_ended' | 'loop_waits'
  title: string
  body: string
  target_kind: string
  target_id: string
  target_name: string
  created_at: number
  acknowledged_at: number | null
  acknowledged_by: string | null
}

declare module '@kiban/kit/database' {
  interface Tables {
    notifications: NotificationRow
  }
}

export async function insertNotification(ctx: Ctx, row: NotificationRow): Promise<void> {
  await ctx.db.insertInto('notifications').values(row).execute()
}

/** Newest first; `before` is the id of the last one seen. */
export async function listNotificationRows(
  ctx: Ctx,
  of: { project: string; unread: boolean; before: string | undefined; limit: number },
): Promise<NotificationRow[]> {
  let query = ctx.db.selectFrom('notifications').selectAll().where('project', '=', of.project)
  if (of.unread) query = query.where('acknowledged_at', 'is', null)
  if (of.before !== undefined) query = query.where('id', '<', of.before)
  return query.orderBy('id', 'desc').limit(of.limit).execute()
}

export async function countUnread(ctx: Ctx, project: string): Promise<number> {
  const row = await ctx.db
    .selectFrom('notifications')
    .select((select) => select.fn.countAll().as('n'))
    .where('project', '=', project)
    .where('acknowledged_at', 'is', null)
    .executeTakeFirst()
  return Number(row?.n ?? 0)
}

/** Marks one (or, with null, every) notification; returns whether there was one. */
export async function markNotifications(
  ctx: Ctx,
  project: string,
  id: string | null,
  by: { at: number; actor: string },
): Promise<boolean> {
  if (id !== null) {
    const found = await ctx.db
      .selectFrom('notifications')
      .select('id')
      .where('project', '=', project)
      .where('id', '=', id)
      .executeTakeFirst()
    if (!found) return false
  }
  let query = ctx.db
    .updateTable('notifications')
    .set({ acknowledged_at: by.at, acknowledged_by: by.actor })
    .where('project', '=', project)
    .where('acknowledged_at', 'is', null)
  if (id !== null) query = query.where('id', '=', id)
  await query.execute()
  return true
}
