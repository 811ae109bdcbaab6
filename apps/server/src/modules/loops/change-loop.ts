import type { Loop, LoopFiring } from '@kiban/contract/loops'
import { emit, inTransaction, wake } from '@kiban/kit/context'
import type { Ctx } from '@kiban/kit/context'
import { AppError } from '@kiban/kit/errors'
import { newId } from '@kiban/kit/ids'
import { recordAudit } from '../audit/index.ts'
import { projectNow } from '../projects/index.ts'
import { changeLinks } from './loop-links.ts'
import { linksOf } from './loop-spec.ts'
import { presentFiring, presentLoop } from './loops.present.ts'
import { getFiringRow, getLoopRow, listFiringRows, updateFiring, updateLoop } from './loops.store.ts'

/** Switches a loop on or off. Alerts from before it was switched on do not fire it. Throws `loop_not_found`. */
export async function switchLoop(ctx: Ctx, input: { project: string; loop: string; enabled: boolean }): Promise<Loop> {
  return inTransaction(ctx, async (ctx) => {
    const row = await getLoopRow(ctx, input.project, input.loop)
    const enabled = input.enabled ? 1 : 0
    const armed = enabled === 1 && row.enabled === 0 ? newId('alr') : row.armed_after
    await updateLoop(ctx, row.id, { enabled, armed_after: armed })
    await recordAudit(ctx, {
      action: 'monitor.write',
      resource: { kind: 'loop', id: row.id },
      project: row.project,
      before: { enabled: row.enabled === 1 },
      after: { enabled: input.enabled },
    })
    emit(ctx, { topic: `projects/${row.project}/loops`, kind: 'loop.switched', id: row.id })
    wake(ctx, 'loops')
    return presentLoop(
      { ...row, enabled, armed_after: armed },
      await listFiringRows(ctx, row.id, 500),
      await projectNow(ctx, row.project),
    )
  })
}

/** Ends a firing here; what it started goes on by itself. Throws `loop_firing_not_found`, `loop_firing_ended`. */
export async function stopFiring(
  ctx: Ctx,
  input: { project: string; loop: string; firing: string },
): Promise<LoopFiring> {
  return inTransaction(ctx, async (ctx) => {
    const loop = await getLoopRow(ctx, input.project, input.loop)
    const row = await getFiringRow(ctx, loop, input.firing)
    if (row.ended_at !== null)
      throw new AppError('loop_firing_ended', {
        message: `Firing #${row.number} of ${loop.name} has ended (${row.state.replaceAll('_', ' ')}); there is nothing to stop.`,
      })
    const nowMs = await projectNow(ctx, row.project)
    const links = linksOf(row)
    const active = links.find((link) => link.state === 'active')
    const set = {
      state: 'stopped' as const,
      reason: `Stopped by ${ctx.actor.name}; it stood at: ${row.reason}`,
      ended_at: nowMs,
      updated_at: nowMs,
      links_json: JSON.stringify(
        active ? changeLinks(links, [{ link: active.link, state: 'skipped', reason: 'stopped' }], nowMs) : links,
      ),
      lease_token: null,
      lease_until: null,
    }
    await updateFiring(ctx, row.id, set)
    await recordAudit(ctx, {
      action: 'monitor.write',
      resource: { kind: 'loop_firing', id: row.id },
      project: row.project,
      before: { state: row.state },
      after: { state: 'stopped' },
    })
    emit(ctx, { topic: `projects/${row.project}/loops`, kind: 'loop.changed', id: row.id })
    return presentFiring({ ...row, ...set })
  })
}
