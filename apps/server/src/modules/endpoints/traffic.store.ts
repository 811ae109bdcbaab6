import type { Selectable } from 'kysely'
import type { Ctx } from '@kiban/kit/context'

type TrafficTable = {
  endpoint_id: string
  version_id: string
  variant: string
  /** End of the interval that the counts are of. */
  at: number
  requests: number
  errors: number
  rejected: number
  fallbacks: number
  /** JSON: [bucket, count][]. */
  latency: string
}

/** The counters of a data plane as they were last taken over, so that what it counts while the server is away is not lost. */
type CounterTable = { id: string; boot: string; counters: string }

declare module '@kiban/kit/database' {
  interface Tables {
    endpoint_traffic: TrafficTable
    endpoint_counters: CounterTable
  }
}

export type TrafficRow = Selectable<TrafficTable>

export async function findCounters(ctx: Ctx, id: string): Promise<{ boot: string; counters: string } | undefined> {
  return ctx.db.selectFrom('endpoint_counters').select(['boot', 'counters']).where('id', '=', id).executeTakeFirst()
}

/** Adds the counts of an interval and remembers up to where they were counted, both or neither (call it in a transaction). */
export async function insertTraffic(
  ctx: Ctx,
  rows: readonly TrafficRow[],
  upTo: { id: string; boot: string; counters: string },
): Promise<void> {
  if (rows.length > 0)
    await ctx.db
      .insertInto('endpoint_traffic')
      .values([...rows])
      .execute()
  await ctx.db
    .insertInto('endpoint_counters')
    .values(upTo)
    .onConflict((c) => c.column('id').doUpdateSet({ boot: upTo.boot, counters: upTo.counters }))
    .execute()
}

/** Counts of an endpoint since `fromMs` (exclusive) up to `toMs`. */
export async function listTraffic(
  ctx: Ctx,
  endpointIds: readonly string[],
  fromMs: number,
  toMs: number = Number.MAX_SAFE_INTEGER,
): Promise<TrafficRow[]> {
  if (endpointIds.length === 0) return []
  return ctx.db
    .selectFrom('endpoint_traffic')
    .selectAll()
    .where('endpoint_id', 'in', endpointIds)
    .where('at', '>', fromMs)
    .where('at', '<=', toMs)
    .orderBy('at')
    .execute()
}

export async function sumRequests(ctx: Ctx, endpointIds: readonly string[]): Promise<Map<string, number>> {
  if (endpointIds.length === 0) return new Map()
  const rows = await ctx.db
    .selectFrom('endpoint_traffic')
    .select(['endpoint_id', (e) => e.fn.sum<number | string>('requests').as('requests')])
    .where('endpoint_id', 'in', endpointIds)
    .where('variant', '!=', 'shadow')
    .groupBy('endpoint_id')
    .execute()
  return new Map(rows.map((row) => [row.endpoint_id, Number(row.requests)]))
}

export async function deleteTrafficBefore(ctx: Ctx, beforeMs: number): Promise<void> {
  await ctx.db.deleteFrom('endpoint_traffic').where('at', '<', beforeMs).execute()
}
