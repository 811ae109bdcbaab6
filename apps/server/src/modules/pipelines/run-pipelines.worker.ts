import type { Ctx } from '@kiban/kit/context'
import { claim } from '@kiban/kit/leases'
import type { Loop } from '@kiban/kit/module'
import { advanceRun } from './advance-run.ts'
import { LEASE_MS, LeaseLost } from './held-run.ts'
import { ACTIVE_RUNS, releaseRun } from './pipelines.store.ts'
import type { PipelineRunRow } from './pipelines.store.ts'

const BATCH = 50

/** Moves every run that has not ended. Woken when a job ends or a run starts; polls for environments and components. */
export const pipelinesLoop: Loop = { name: 'pipelines', everyMs: 1000, run: runPipelines }

async function runPipelines(ctx: Ctx): Promise<void> {
  const runs = await claim(ctx, { table: 'pipeline_runs', where: ACTIVE_RUNS, leaseMs: LEASE_MS, limit: BATCH })
  for (const run of runs) {
    if (!ctx.signal.aborted) await advanceOne(ctx, run)
    await releaseRun(ctx, run)
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
