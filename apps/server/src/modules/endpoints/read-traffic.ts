import type { EndpointLive, EndpointSeries, LiveStats, VersionRef } from '@kiban/contract/endpoints'
import type { Ctx } from '@kiban/kit/context'
import { keyOf, recentTrafficOf } from './collect-traffic.ts'
import { listDeployments } from './endpoints.store.ts'
import type { DeploymentRow } from './endpoints.store.ts'
import { histogramQuantile } from './judge.ts'
import type { Traffic } from './judge.ts'
import { listRolloutRows } from './rollouts.store.ts'
import { listTraffic, sumRequests } from './traffic.store.ts'
import type { TrafficRow } from './traffic.store.ts'

const WINDOW_MS = 60_000

type Sum = { requests: number; errors: number; rejected: number; fallbacks: number; latency: Map<number, number> }

/** Live numbers of endpoints over the last minute. */
export async function readLive(ctx: Ctx, endpointIds: readonly string[]): Promise<Map<string, EndpointLive>> {
  const recent = recentTrafficOf(ctx.platform)
  const latest = recent.latest()
  if (!latest) return new Map()
  const [deployments, totals] = await Promise.all([
    listDeployments(ctx, endpointIds, 'all'),
    sumRequests(ctx, endpointIds),
  ])
  const rows = recent.since(latest.at - WINDOW_MS).flatMap((reading) => reading.rows)
  return new Map(
    endpointIds.map((endpointId) => {
      const own = rows.filter((row) => row.endpoint_id === endpointId)
      const versions = [...new Set(own.map((row) => `${row.version_id} ${row.variant}`))]
      const byVersion = versions.flatMap((key) => {
        const [versionId = '', variant = ''] = key.split(' ')
        const deployment = deployments.find((each) => each.endpoint_id === endpointId && each.version_id === versionId)
        if (!deployment) return []
        const sum = sumRows(own.filter((row) => row.version_id === versionId && row.variant === variant))
        return [
          {
            ...live(sum),
            version: versionRef(deployment),
            variant,
            inFlight: latest.inFlight.get(keyOf({ endpointId, versionId, variant })) ?? 0,
          },
        ]
      })
      const inFlight = [...latest.inFlight].reduce(
        (sum, [key, count]) => (key.startsWith(`${endpointId} `) ? sum + count : sum),
        0,
      )
      const whole = live(sumRows(own.filter((row) => row.variant !== 'shadow')))
      return [
        endpointId,
        {
          ...whole,
          at: latest.at,
          windowMs: WINDOW_MS,
          inFlight,
          totalRequests: totals.get(endpointId) ?? 0,
          byVersion,
        },
      ]
    }),
  )
}

/** What two versions met since an instant; a fallback's answers count for neither side's failures but the failing one's. */
export async function readVersionTraffic(ctx: Ctx, endpointId: string, sinceMs: number): Promise<Map<string, Traffic>> {
  const rows = await listTraffic(ctx, [endpointId], sinceMs)
  const versions = [...new Set(rows.map((row) => row.version_id))]
  return new Map(versions.map((id) => [id, sumRows(rows.filter((row) => row.version_id === id))]))
}

/** Points over time for charts: `points` buckets of the last `lastMs`. */
export async function readSeries(
  ctx: Ctx,
  endpointId: string,
  of: { lastMs: number; points: number },
): Promise<EndpointSeries> {
  const toMs = ctx.clock.now()
  const resolutionMs = Math.max(1000, Math.ceil(of.lastMs / of.points))
  const fromMs = Math.floor((toMs - of.lastMs) / resolutionMs) * resolutionMs
  const [rows, deployments, rollouts] = await Promise.all([
    listTraffic(ctx, [endpointId], fromMs, toMs),
    listDeployments(ctx, [endpointId], 'all'),
    listRolloutRows(ctx, endpointId, 50),
  ])
  const versions = deployments.toReversed().flatMap((deployment) => {
    const own = rows.filter((row) => row.version_id === deployment.version_id)
    if (own.length === 0) return []
    const buckets = Map.groupBy(own, (row) => fromMs + Math.floor((row.at - fromMs) / resolutionMs) * resolutionMs)
    const points = [...buckets].map(([at, inBucket]) => {
      const sum = sumRows(inBucket)
      const { requests, errors, fallbacks, p50Ms, p95Ms, p99Ms } = live(sum)
      return { at, requests, errors, fallbacks, p50Ms, p95Ms, p99Ms }
    })
    return [{ version: versionRef(deployment), points: points.toSorted((a, b) => a.at - b.at) }]
  })
  const marks = rollouts
    .filter((row) => (row.ended_at ?? toMs) >= fromMs)
    .map((row) => ({ id: row.id, at: row.ended_at ?? row.created_at, state: row.state, message: row.message }))
  return { resolutionMs, fromMs, toMs, versions, rollouts: marks }
}

/** A version as endpoints show it. */
export function versionRef(of: Pick<DeploymentRow, 'version_id' | 'model' | 'number'>): VersionRef {
  return { id: of.version_id, model: of.model, number: of.number }
}

function sumRows(rows: readonly TrafficRow[]): Sum {
  const sum: Sum = { requests: 0, errors: 0, rejected: 0, fallbacks: 0, latency: new Map() }
  for (const row of rows) {
    sum.requests += row.requests
    sum.errors += row.errors
    sum.rejected += row.rejected
    sum.fallbacks += row.fallbacks
    // Written by collect-traffic as [bucket, count][].
    for (const [bucket, count] of JSON.parse(row.latency) as [number, number][])
      sum.latency.set(bucket, (sum.latency.get(bucket) ?? 0) + count)
  }
  return sum
}

function live(sum: Sum): LiveStats {
  return {
    requests: sum.requests,
    requestsPerSecond: sum.requests / (WINDOW_MS / 1000),
    errors: sum.errors,
    errorRate: sum.requests === 0 ? null : sum.errors / sum.requests,
    rejected: sum.rejected,
    fallbacks: sum.fallbacks,
    p50Ms: histogramQuantile(sum.latency, 0.5),
    p95Ms: histogramQuantile(sum.latency, 0.95),
    p99Ms: histogramQuantile(sum.latency, 0.99),
  }
}
