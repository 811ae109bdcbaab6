import { latencyBucket, LATENCY_BUCKETS } from '@kiban/contract/inference-control'
import type { VersionStats } from '@kiban/contract/inference-control'

/** What one version met behind one endpoint since the process started. */
export type Counter = {
  readonly endpointId: string
  readonly versionId: string
  readonly variant: string
  readonly project: string
  readonly endpoint: string
  readonly number: number
  requests: number
  rows: number
  errors: number
  rejected: number
  fallbacks: number
  latencyMsSum: number
  inFlight: number
  readonly latency: Uint32Array
}

/** Counters by endpoint, version and variant; they only grow. */
export class Counters {
  readonly #counters = new Map<string, Counter>()

  for(of: {
    endpointId: string
    versionId: string
    variant: string
    project: string
    endpoint: string
    number: number
  }): Counter {
    const key = `${of.endpointId} ${of.versionId} ${of.variant}`
    let counter = this.#counters.get(key)
    if (!counter) {
      counter = {
        ...of,
        requests: 0,
        rows: 0,
        errors: 0,
        rejected: 0,
        fallbacks: 0,
        latencyMsSum: 0,
        inFlight: 0,
        latency: new Uint32Array(LATENCY_BUCKETS),
      }
      this.#counters.set(key, counter)
    }
    return counter
  }

  all(): readonly Counter[] {
    return [...this.#counters.values()]
  }

  snapshot(): VersionStats[] {
    return this.all().map(({ project: _project, endpoint: _endpoint, number: _number, latency, ...counter }) => ({
      ...counter,
      latency: sparse(latency),
    }))
  }
}

/** Counts one finished request. */
export function countRequest(counter: Counter, request: { rows: number; latencyMs: number; failed: boolean }): void {
  counter.requests += 1
  counter.rows += request.rows
  counter.latencyMsSum += request.latencyMs
  const bucket = latencyBucket(request.latencyMs)
  counter.latency[bucket] = (counter.latency[bucket] ?? 0) + 1
  if (request.failed) counter.errors += 1
}

function sparse(latency: Uint32Array): [number, number][] {
  const pairs: [number, number][] = []
  latency.forEach((count, bucket) => {
    if (count > 0) pairs.push([bucket, count])
  })
  return pairs
}
