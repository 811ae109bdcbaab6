import { emit, inTransaction } from '@kiban/kit/context'
import type { Ctx } from '@kiban/kit/context'
import type { Loop } from '@kiban/kit/module'
import { recordEdges } from '../lineage/index.ts'
import { notify } from '../monitors/index.ts'
import { projectNow } from '../projects/index.ts'
import { advanceFiring } from './advance-firing.ts'
import type { Advance } from './advance-firing.ts'
import { fireLoop } from './fire-loops.ts'
import { changeLinks } from './loop-links.ts'
import type { LoopParts } from './loop-parts.ts'
import { linksOf } from './loop-spec.ts'
import { claimFirings, getLoopById, listLoopRows, pauseFiring, updateLeasedFiring } from './loops.store.ts'
import type { FiringRow } from './loops.store.ts'

const TITLES: Readonly<Partial<Record<FiringRow['state'], string>>> = {
  kept: 'the new version is kept',
  refused: 'the gate refused the new version',
  rolled_back: 'the new version was taken back',
  failed: 'the firing failed',
  superseded: 'another version took over',
}

const LOOK_AGAIN_MS = 2000

/** Fires loops on new alerts and takes every firing one step further whenever what it waits for has moved. */
export function loopsLoop(parts: LoopParts): Loop {
  return {
    name: 'loops',
    everyMs: 1000,
    run: async (ctx) => {
      for (const loop of await listLoopRows(ctx)) await fireLoop(ctx, loop)
      for (const firing of await claimFirings(ctx)) {
        if (ctx.signal.aborted) return
        await lookAt(ctx, parts, firing)
      }
    },
  }
}

async function lookAt(ctx: Ctx, parts: LoopParts, firing: FiringRow): Promise<void> {
  const loop = await getLoopById(ctx, firing.loop_id)
  const nowMs = await projectNow(ctx, firing.project)
  let advance: Advance = null
  try {
    advance = await advanceFiring(ctx, { loop, firing, parts, nowMs })
  } catch (error) {
    // Left where it is, and looked at again: everything it starts is idempotent.
    ctx.log.error(
      { err: error, firing: firing.id },
      `firing #${firing.number} of loop ${loop.name} could not be advanced`,
    )
  }
  await inTransaction(ctx, async (ctx) => {
    if (advance === null) {
      // Its turn comes again soon; until then the lease keeps other servers from looking too.
      await pauseFiring(ctx, firing, ctx.clock.now() + LOOK_AGAIN_MS)
      return
    }
    const set = {
      ...advance.set,
      links_json: JSON.stringify(changeLinks(linksOf(firing), advance.links, nowMs)),
      updated_at: nowMs,
    }
    if (!(await updateLeasedFiring(ctx, firing, set))) return
    if (set.pipeline_run_id)
      await recordEdges(ctx, [
        {
          from: { kind: 'loop_run', id: firing.id },
          relation: 'triggered',
          to: { kind: 'pipeline_run', id: set.pipeline_run_id },
        },
      ])
    const state = set.state ?? firing.state
    const target = { kind: 'loop', id: firing.loop_id, name: firing.loop }
    if (set.ended_at && TITLES[state] !== undefined)
      await notify(ctx, {
        project: firing.project,
        kind: 'loop_ended',
        title: `${firing.loop} #${firing.number}: ${TITLES[state]}`,
        body: set.reason ?? '',
        target,
      })
    if (state === 'approving' && firing.state !== 'approving')
      await notify(ctx, {
        project: firing.project,
        kind: 'loop_waits',
        title: `${firing.loop} #${firing.number} waits for an approval`,
        body: set.reason ?? '',
        target,
      })
    emit(ctx, { topic: `projects/${firing.project}/loops`, kind: 'loop.changed', id: firing.id })
  })
}
