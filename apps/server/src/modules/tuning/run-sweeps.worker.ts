import { sql } from 'kysely'
import type { Ctx } from '@kiban/kit/context'
import { claim } from '@kiban/kit/leases'
import type { Loop } from '@kiban/kit/module'
import { LEASE_MS, LeaseLost, advanceSweep } from './advance-sweep.ts'
import { releaseSweep } from './tuning.store.ts'
import type { SweepRow } from './tuning.store.ts'

/** Moves every running sweep; woken when a trial's job ends. */
export const tuningLoop: Loop = { name: 'tuning', everyMs: 1000, run: runSweeps }

async function runSweeps(ctx: Ctx): Promise<void> {
  const sweeps = await claim(ctx, { table: 'sweeps', where: sql`state = 'running'`, leaseMs: LEASE_MS, limit: 20 })
  // A sampler may think for seconds: sweeps do not wait for one another.
  await Promise.all(sweeps.map((sweep) => advanceOne(ctx, sweep)))
}

async function advanceOne(ctx: Ctx, sweep: SweepRow): Promise<void> {
  try {
    await advanceSweep(ctx, sweep)
  } catch (error) {
    if (!(error instanceof LeaseLost) && !ctx.signal.aborted)
      ctx.log.error({ err: error, sweep: sweep.id }, 'a sweep could not be advanced')
  }
  await releaseSweep(ctx, sweep)
}
