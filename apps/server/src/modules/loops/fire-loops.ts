import type { TriggerSpec } from '@kiban/contract/project-file'
import { emit, inTransaction } from '@kiban/kit/context'
import type { Ctx } from '@kiban/kit/context'
import { newId } from '@kiban/kit/ids'
import { recordEdges } from '../lineage/index.ts'
import { listAlerts } from '../monitors/index.ts'
import type { AlertRow } from '../monitors/index.ts'
import { projectNow } from '../projects/index.ts'
import { blockedReason } from './loop-limits.ts'
import { changeLinks, newLinks } from './loop-links.ts'
import { specOf } from './loop-spec.ts'
import type { FiringTrigger } from './loop-spec.ts'
import { insertFiring, listFiringRows } from './loops.store.ts'
import type { LoopRow } from './loops.store.ts'

const RECENT = 500

/** Makes a firing for every alert that a loop waits for: exactly one an alert, whatever its limits say; a held one starts when they allow. */
export async function fireLoop(ctx: Ctx, loop: LoopRow): Promise<void> {
  if (loop.enabled === 0) return
  const { when } = specOf(loop)
  const alerts = (await listAlerts(ctx, { project: loop.project, limit: RECENT })).filter(
    (alert) =>
      alert.id > loop.armed_after && alert.state !== 'resolved' && when.some((trigger) => matches(trigger, alert)),
  )
  if (alerts.length === 0) return
  const known = new Set((await listFiringRows(ctx, loop.id, RECENT)).map((row) => row.alert_id))
  for (const alert of alerts.toReversed()) if (!known.has(alert.id)) await insert(ctx, loop, alert)
}

/** Without a severity a loop is fired by errors only: a warning must not retrain. */
function matches(trigger: TriggerSpec, alert: AlertRow): boolean {
  if (trigger.monitor !== alert.monitor) return false
  if (trigger.signal !== undefined && trigger.signal !== alert.signal) return false
  return alert.severity === (trigger.severity ?? 'error') || (trigger.severity === 'warn' && alert.severity === 'error')
}

async function insert(ctx: Ctx, loop: LoopRow, alert: AlertRow): Promise<void> {
  const nowMs = await projectNow(ctx, loop.project)
  await inTransaction(ctx, async (ctx) => {
    const firings = await listFiringRows(ctx, loop.id, RECENT)
    const blocked = blockedReason(specOf(loop), firings, nowMs)
    const trigger: FiringTrigger = {
      kind: 'monitor',
      monitor: alert.monitor,
      signal: alert.signal,
      metric: alert.metric,
      value: alert.value,
      windowStartAt: alert.window_start_at,
      windowEndAt: alert.window_end_at,
      windowId: alert.window_id,
      reason: alert.reason,
    }
    const id = newId('fire')
    const inserted = await insertFiring(ctx, {
      id,
      loop_id: loop.id,
      loop: loop.name,
      project: loop.project,
      number: (firings[0]?.number ?? 0) + 1,
      alert_id: alert.id,
      state: blocked === null ? 'starting' : 'suppressed',
      reason: blocked === null ? alert.reason : `Held back: ${blocked}.`,
      trigger_json: JSON.stringify(trigger),
      params_json: '{}',
      links_json: JSON.stringify(
        changeLinks(
          newLinks(),
          [{ link: 'monitor', state: 'passed', reason: alert.reason, target: { kind: 'alert', id: alert.id } }],
          nowMs,
        ),
      ),
      pipeline_run_id: null,
      model_version_id: null,
      model_version_number: null,
      rollout_id: null,
      started_at: blocked === null ? nowMs : null,
      deployed_at: null,
      created_at: nowMs,
      updated_at: nowMs,
      ended_at: null,
      lease_token: null,
      lease_until: null,
    })
    if (!inserted) return
    await recordEdges(ctx, [
      { from: { kind: 'monitor_window', id: alert.window_id }, relation: 'triggered', to: { kind: 'loop_run', id } },
    ])
    emit(ctx, { topic: `projects/${loop.project}/loops`, kind: 'loop.fired', id })
  })
}
