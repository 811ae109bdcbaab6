import { emit } from '@kiban/kit/context'
import type { Ctx } from '@kiban/kit/context'
import { newId } from '@kiban/kit/ids'
import { insertNotification } from './notifications.store.ts'
import type { NotificationRow } from './notifications.store.ts'

/** Puts a message into a project's inbox, in the transaction of what it tells of. */
export async function notify(
  ctx: Ctx,
  message: {
    project: string
    kind: NotificationRow['kind']
    title: string
    body: string
    target: { kind: string; id: string; name: string }
  },
): Promise<void> {
  const id = newId('ntf')
  await insertNotification(ctx, {
    id,
    project: message.project,
    kind: message.kind,
    title: message.title,
    body: message.body,
    target_kind: message.target.kind,
    target_id: message.target.id,
    target_name: message.target.name,
    created_at: ctx.clock.now(),
    acknowledged_at: null,
    acknowledged_by: null,
  })
  emit(ctx, { topic: `projects/${message.project}/notifications`, kind: 'notification.created', id })
}
