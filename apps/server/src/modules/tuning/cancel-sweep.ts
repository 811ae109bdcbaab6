import { inTransaction, wake } from '@kiban/kit/context'
import type { Ctx } from '@kiban/kit/context'
import { getSweepRow, updateSweep } from './tuning.store.ts'

/** Asks a sweep to end: the loop stops its trials. One that has ended stays as it is. */
export async function cancelSweep(ctx: Ctx, id: string): Promise<void> {
  await inTransaction(ctx, async (ctx) => {
    const sweep = await getSweepRow(ctx.db, id)
    if (sweep.state !== 'running' || sweep.cancel_requested === 1) return
    await updateSweep(ctx.db, id, { cancel_requested: 1 })
    wake(ctx, 'tuning')
  })
}
