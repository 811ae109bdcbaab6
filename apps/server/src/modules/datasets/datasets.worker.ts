import { sql } from 'kysely'
import type { Ctx } from '@kiban/kit/context'
import { claim } from '@kiban/kit/leases'
import type { Loop } from '@kiban/kit/module'
import { checkVersion } from './check-version.ts'
import { countRows } from './count-rows.ts'

const LEASE_MS = 10 * 60_000

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
    await checkVersion(ctx, row)
    return true
  }
  return (await countRows(ctx)) > 0
}
