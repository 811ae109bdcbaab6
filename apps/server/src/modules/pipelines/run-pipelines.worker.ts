import { inTransaction } from '@kiban/kit/context'
import type { Ctx } from '@kiban/kit/context'
import { claim } from '@kiban/kit/leases'
import type { Loop } from '@kiban/kit/module'
import { advanceRun } from './advance-run.ts'
import { LEASE_MS, LeaseLost } from './held-run.ts'
import { ACTIVE_RUNS, releaseRun, updateHeldRun } from './pipelines.store.ts'
import type { PipelineRunRow } from './pipelines.store.ts'

const BATCH = 50

/** Moves every run that has not ended. Woken when a job ends or a run starts; polls for environments and components. */
export const pipelinesLoop: Loop = { name: 'pipelines', everyMs: 1000, run: runPipelines }

async function runPipelines(ctx: Ctx): Promise<void> {
  const waiting = await claim(ctx, { table: 'pipeline_runs', where: ACTIVE_RUNS, leaseMs: LEASE_MS, limit: BATCH })
  // A component may compute for longer than a lease: what is held here stays held while this process lives.
  const heartbeat = setInterval(() => void renew(ctx, waiting), LEASE_MS / 3)
  try {
    for (let run = waiting[0]; run !== undefined; run = waiting[0]) {
      if (!ctx.signal.aborted) await advanceOne(ctx, run)
      waiting.shift()
      await releaseRun(ctx, run)
    }
  } finally {
    clearInterval(heartbeat)
  }
}

async function renew(ctx: Ctx, runs: readonly PipelineRunRow[]): Promise<void> {
  try {
    for (const run of runs.slice())
      await inTransaction(ctx, (ctx) => updateHeldRun(ctx.db, run, { lease_until: ctx.clock.now() + LEASE_MS }))
  } catch (error) {
    ctx.log.warn({ err: error }, 'leases of pipeline runs could not be renewed')
  }
}

/** One run that can't be moved must not hold up the others. */
async function advanceOne(ctx: Ctx, run: PipelineRunRow): Promise<void> {
  try {
    await advanceRun(ctx, run)
  } catch (error) {
    if (error instanceof LeaseLost || ctx.signal.aborted) return
    ctx.log.error({ err: error, run: run.id }, 'a pipeline run could not be advanced')
  }
}
