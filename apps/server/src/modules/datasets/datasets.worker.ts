import { sql } from 'kysely'
import { inTransaction } from '@kiban/kit/context'
import type { Ctx } from '@kiban/kit/context'
import { claim } from '@kiban/kit/leases'
import type { Loop } from '@kiban/kit/module'
import { checkVersion } from './check-version.ts'
import { countRows } from './count-rows.ts'
import { renewLease } from './datasets.store.ts'

/** Renewed while the work goes on, so that the work of a killed server is soon taken up again. */
const LEASE_MS = 12_000
const RENEW_MS = 4_000

/** Runs the contracts of new versions, newest first, and counts the rows of those that have none. */
export const datasetsLoop: Loop = {
  name: 'datasets',
  everyMs: 2_000,
  run: async (ctx) => {
    while (!ctx.signal.aborted && (await advance(ctx)));
  },
}

/** One piece of work; false when there was none. */
export async function advance(ctx: Ctx): Promise<boolean> {
  const due = { table: 'dataset_versions', leaseMs: LEASE_MS, limit: 1, orderBy: 'id' } as const
  const [newest] = await claim(ctx, {
    ...due,
    where: sql`check_due = 1 and number = (select newest_number from datasets where datasets.id = dataset_id)`,
  })
  const [row] = newest ? [newest] : await claim(ctx, { ...due, where: sql`check_due = 1` })
  if (row) {
    const renewing = setInterval(() => void renew(ctx, row), RENEW_MS)
    try {
      await checkVersion(ctx, row)
    } finally {
      clearInterval(renewing)
    }
    return true
  }
  return (await countRows(ctx)) > 0
}

async function renew(ctx: Ctx, row: { id: string; lease_token: string }): Promise<void> {
  try {
    await inTransaction(ctx, (ctx) => renewLease(ctx, row, ctx.clock.now() + LEASE_MS))
  } catch (error) {
    ctx.log.warn({ err: error, version: row.id }, 'lease could not be renewed')
  }
}
