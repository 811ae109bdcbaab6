import { z } from 'zod'
import { VersionStats } from '@kiban/contract/inference-control'
import type { InferenceStats } from '@kiban/contract/inference-control'
import { inTransaction } from '@kiban/kit/context'
import type { Ctx, Platform } from '@kiban/kit/context'
import { thisHost } from './this-host.ts'
import { findCounters, insertTraffic } from './traffic.store.ts'
import type { TrafficRow } from './traffic.store.ts'

/** One reading of the counters: what was counted since the reading before. */
export type Reading = {
  readonly at: number
  readonly rows: readonly TrafficRow[]
  readonly inFlight: ReadonlyMap<string, number>
}

type Seen = { boot: string; counters: readonly VersionStats[] }
const KEPT_MS = 120_000

/** The newest readings in memory, for live numbers. */
export class RecentTraffic {
  #readings: Reading[] = []

  add(reading: Reading): void {
    this.#readings = [...this.#readings.filter((kept) => reading.at - kept.at < KEPT_MS), reading]
  }

  since(at: number): readonly Reading[] {
    return this.#readings.filter((reading) => reading.at > at)
  }

  latest(): Reading | undefined {
    return this.#readings.at(-1)
  }
}

export function recentTrafficOf(platform: Platform): RecentTraffic {
  let recent = recents.get(platform)
  if (!recent) {
    recent = new RecentTraffic()
    recents.set(platform, recent)
  }
  return recent
}
const recents = new WeakMap<Platform, RecentTraffic>()

/**
 * Takes over what the data plane counted since it was last read: each request lands in exactly one row of the table, also across a
 * restart of the server (what was counted meanwhile comes with the first reading) and of the data plane (its counters begin at zero).
 */
export async function collectTraffic(ctx: Ctx, stats: InferenceStats): Promise<void> {
  const id = thisHost(ctx.platform)
  // Two readings never share an instant: it is part of the key.
  const at = Math.max(ctx.clock.now(), (recentTrafficOf(ctx.platform).latest()?.at ?? 0) + 1)
  const seen = await readSeen(ctx, id)
  const base = seen?.boot === stats.boot ? seen.counters : []
  const rows = stats.stats.flatMap((counter) =>
    difference(
      counter,
      base.find((old) => keyOf(old) === keyOf(counter)),
      at,
    ),
  )
  recentTrafficOf(ctx.platform).add({
    at,
    rows,
    inFlight: new Map(stats.stats.map((counter) => [keyOf(counter), counter.inFlight])),
  })
  if (rows.length === 0 && seen?.boot === stats.boot) return
  await inTransaction(ctx, (ctx) =>
    insertTraffic(ctx, rows, { id, boot: stats.boot, counters: JSON.stringify(stats.stats) }),
  )
}

/** Identifies a counter among those of one data plane. */
export function keyOf(of: { endpointId: string; versionId: string; variant: string }): string {
  return `${of.endpointId} ${of.versionId} ${of.variant}`
}

async function readSeen(ctx: Ctx, id: string): Promise<Seen | undefined> {
  const row = await findCounters(ctx, id)
  return row && { boot: row.boot, counters: z.array(VersionStats).parse(JSON.parse(row.counters)) }
}

function difference(counter: VersionStats, old: VersionStats | undefined, at: number): TrafficRow[] {
  const before = new Map(old?.latency)
  const latency = counter.latency
    .map(([bucket, count]): [number, number] => [bucket, count - (before.get(bucket) ?? 0)])
    .filter(([, count]) => count > 0)
  const row: TrafficRow = {
    endpoint_id: counter.endpointId,
    version_id: counter.versionId,
    variant: counter.variant,
    at,
    requests: counter.requests - (old?.requests ?? 0),
    errors: counter.errors - (old?.errors ?? 0),
    rejected: counter.rejected - (old?.rejected ?? 0),
    fallbacks: counter.fallbacks - (old?.fallbacks ?? 0),
    latency: JSON.stringify(latency),
  }
  return row.requests + row.errors + row.rejected + row.fallbacks > 0 ? [row] : []
}
