import type { ResponseOf } from '@kiban/contract'
import type { monitors as contract } from '@kiban/contract'
import { emit, inTransaction } from '@kiban/kit/context'
import type { Ctx } from '@kiban/kit/context'
import { AppError } from '@kiban/kit/errors'
import { getProject } from '../projects/index.ts'
import { presentNotification } from './monitors.present.ts'
import { countUnread, listNotificationRows, markNotifications } from './notifications.store.ts'

export async function readNotifications(
  ctx: Ctx,
  of: { project: string; unread: boolean; cursor: string | undefined; limit: number },
): Promise<ResponseOf<typeof contract.listNotifications>> {
  await getProject(ctx, of.project)
  const rows = await listNotificationRows(ctx, {
    project: of.project,
    unread: of.unread,
    before: of.cursor,
    limit: of.limit + 1,
  })
  const page = rows.slice(0, of.limit)
  return {
    notifications: page.map(presentNotification),
    unread: await countUnread(ctx, of.project),
    nextCursor: rows.length > of.limit ? (page.at(-1)?.id ?? null) : null,
  }
}

/** Marks one notification, or with `all` every one. Throws `notification_not_found`. */
export async function acknowledgeNotification(
  ctx: Ctx,
  project: string,
  notification: string,
): Promise<{ unread: number }> {
  return inTransaction(ctx, async (ctx) => {
    await getProject(ctx, project)
    const found = await markNotifications(ctx, project, notification === 'all' ? null : notification, {
      at: ctx.clock.now(),
      actor: ctx.actor.id,
    })
    if (!found)
      throw new AppError('notification_not_found', {
        message: `${project} has no notification ${JSON.stringify(notification)}.`,
      })
    emit(ctx, { topic: `projects/${project}/notifications`, kind: 'notification.acknowledged', id: notification })
    return { unread: await countUnread(ctx, project) }
  })
}
