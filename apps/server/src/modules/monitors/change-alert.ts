import type { Alert } from '@kiban/contract/monitors'
import { emit, inTransaction } from '@kiban/kit/context'
import type { Ctx } from '@kiban/kit/context'
import { AppError } from '@kiban/kit/errors'
import { recordAudit } from '../audit/index.ts'
import { projectNow } from '../projects/index.ts'
import { getAlertRow, insertAlertEvent, updateAlert } from './alerts.store.ts'
import type { AlertEventRow, AlertRow } from './alerts.store.ts'
import { presentAlert } from './monitors.present.ts'

type Target = { readonly project: string; readonly alert: string; readonly note: string }

/** Somebody looks after it. Throws `alert_not_found`, `alert_resolved`. */
export async function acknowledgeAlert(ctx: Ctx, input: Target): Promise<Alert> {
  return change(ctx, input, 'acknowledged', (nowMs) => ({
    state: 'acknowledged',
    acknowledged_by: ctx.actor.id,
    acknowledged_at: nowMs,
  }))
}

/** No notifications about it until an instant of the project's clock. Throws also `bad_request` for one that is past. */
export async function silenceAlert(ctx: Ctx, input: Target & { readonly untilAt: number }): Promise<Alert> {
  return change(ctx, input, 'silenced', (nowMs) => {
    if (input.untilAt <= nowMs)
      throw new AppError('bad_request', {
        message: `body.untilAt: ${new Date(input.untilAt).toISOString()} is not after the project's time ${new Date(nowMs).toISOString()}.`,
      })
    return { silenced_until_at: input.untilAt }
  })
}

/** Closes it by hand. Throws `alert_not_found`, `alert_resolved`. */
export async function resolveAlert(ctx: Ctx, input: Target): Promise<Alert> {
  return change(ctx, input, 'resolved', (nowMs) => ({ state: 'resolved', resolved_at: nowMs }))
}

async function change(
  ctx: Ctx,
  { project, alert, note }: Target,
  kind: AlertEventRow['kind'],
  set: (nowMs: number) => Partial<AlertRow>,
): Promise<Alert> {
  return inTransaction(ctx, async (ctx) => {
    const row = await getAlertRow(ctx, project, alert)
    if (row.state === 'resolved')
      throw new AppError('alert_resolved', {
        message: `Alert ${alert} was resolved at ${new Date(row.resolved_at ?? 0).toISOString()}; there is nothing to do about it.`,
      })
    const nowMs = await projectNow(ctx, project)
    const changes = set(nowMs)
    await updateAlert(ctx, row.id, changes)
    await insertAlertEvent(ctx, { alert_id: row.id, at: nowMs, actor: ctx.actor.id, kind, note })
    await recordAudit(ctx, {
      action: 'monitor.write',
      resource: { kind: 'alert', id: row.id },
      project,
      before: { state: row.state },
      after: { state: changes.state ?? row.state, silencedUntilAt: changes.silenced_until_at ?? row.silenced_until_at },
    })
    emit(ctx, { topic: `projects/${project}/alerts`, kind: `alert.${kind}`, id: row.id })
    return presentAlert({ ...row, ...changes })
  })
}
