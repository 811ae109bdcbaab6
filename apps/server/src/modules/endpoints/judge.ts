import { latencyBucketMs } from '@kiban/contract/inference-control'
import type { JudgeLook } from '@kiban/contract/endpoints'
import {
  judgeDifference,
  lookLevel,
  newcombe,
  quantileDifference,
  wilson,
  quantileInterval,
} from '@kiban/kit/statistics/intervals'
import { quantile } from '@kiban/kit/statistics/quantile'

/** What one version met: counts, and latencies as a sparse histogram (bucket → count). */
export type Traffic = {
  readonly requests: number
  readonly errors: number
  readonly latency: ReadonlyMap<number, number>
}

/** A check of a roll-out: of the rate of errors or a quantile of the latency, against the running version or a fixed bound. */
export type JudgeCheck = {
  readonly metric: string
  readonly max?: number | undefined
  readonly notWorseThan?: string | undefined
  /** In the metric's unit (latencies in ms), or a share of the running version's value such as `20%`. */
  readonly tolerance: number | string
}

/** The judge of a roll-out that names none (project-file §8). */
export const DEFAULT_JUDGE: readonly JudgeCheck[] = [
  { metric: 'error_rate', notWorseThan: 'running', tolerance: 0.01 },
  { metric: 'latency_p95', notWorseThan: 'running', tolerance: '20%' },
]

const LATENCY = /^latency_p(\d{2})$/
/** Latencies under this differ by the machine's noise, not by the model: never worse by less. */
const LATENCY_FLOOR_MS = 1
/** Most values of a histogram that are laid out for the order statistics; above it the histogram is thinned evenly. */
const MAX_VALUES = 100_000

/** Whether roll-outs can judge by this metric. */
export function isJudgeMetric(metric: string): boolean {
  return metric === 'error_rate' || LATENCY.test(metric)
}

/** When the k-th look is due, in ms after the baking began: 10, 20, 40 … s. */
export function lookDueMs(look: number): number {
  return 10_000 * 2 ** (look - 1)
}

/**
 * One look at the new version with every check, at level 1 - 0.05/(k(k+1)), so that all looks together raise a false alarm in less
 * than 5 % of roll-outs. *Worse* only if the whole interval lies beyond the tolerance: rates by Newcombe, quantiles by order statistics.
 */
export function judge(
  checks: readonly JudgeCheck[],
  of: { running: Traffic; candidate: Traffic; look: number; now: number },
): JudgeLook[] {
  const level = lookLevel(of.look)
  return checks.map((check) => {
    const base = { metric: check.metric, rule: ruleText(check), level, lookedAt: of.now }
    return check.metric === 'error_rate'
      ? { ...base, ...judgeErrors(check, of, level) }
      : { ...base, ...judgeLatency(check, of, level) }
  })
}

/** A quantile of a histogram in ms; null without a request. */
export function histogramQuantile(latency: ReadonlyMap<number, number>, q: number): number | null {
  const total = [...latency.values()].reduce((sum, count) => sum + count, 0)
  if (total === 0) return null
  let rest = q * (total - 1)
  for (const bucket of [...latency.keys()].toSorted((a, b) => a - b)) {
    rest -= latency.get(bucket) ?? 0
    if (rest < 0) return latencyBucketMs(bucket)
  }
  return null
}

type Found = Pick<JudgeLook, 'running' | 'candidate' | 'difference' | 'interval' | 'limit' | 'verdict'>

function judgeErrors(check: JudgeCheck, of: { running: Traffic; candidate: Traffic }, level: number): Found {
  const count = (traffic: Traffic) => ({ hits: traffic.errors, n: traffic.requests })
  const rate = (traffic: Traffic) => ({
    value: traffic.requests === 0 ? null : traffic.errors / traffic.requests,
    count: traffic.requests,
  })
  const shown = { running: rate(of.running), candidate: rate(of.candidate) }
  if (check.max !== undefined)
    return against(shown, wilson(of.candidate.errors, of.candidate.requests, level), check.max, of.candidate.requests)
  const limit = toleranceOf(check.tolerance, shown.running.value)
  if (shown.running.value === null || shown.candidate.value === null || limit === null) return nothing(shown, limit)
  return against(shown, newcombe(count(of.candidate), count(of.running), level), limit, of.candidate.requests)
}

function judgeLatency(check: JudgeCheck, of: { running: Traffic; candidate: Traffic }, level: number): Found {
  const q = Number(LATENCY.exec(check.metric)?.[1] ?? 95) / 100
  const running = values(of.running.latency)
  const candidate = values(of.candidate.latency)
  const shown = {
    running: { value: running.length === 0 ? null : quantile(running, q), count: of.running.requests },
    candidate: { value: candidate.length === 0 ? null : quantile(candidate, q), count: of.candidate.requests },
  }
  if (check.max !== undefined) return against(shown, quantileInterval(candidate, q, level), check.max, candidate.length)
  const tolerance = toleranceOf(check.tolerance, shown.running.value)
  if (shown.running.value === null || shown.candidate.value === null || tolerance === null)
    return nothing(shown, tolerance)
  return against(
    shown,
    quantileDifference(candidate, running, q, level),
    Math.max(tolerance, LATENCY_FLOOR_MS),
    candidate.length,
  )
}

function against(
  shown: Pick<Found, 'running' | 'candidate'>,
  interval: { lower: number; upper: number; estimate: number },
  limit: number,
  n: number,
): Found {
  const isBounded = Number.isFinite(interval.lower) && Number.isFinite(interval.upper)
  const verdict =
    n === 0
      ? 'not_enough'
      : judgeDifference(interval, limit, 'above') === 'worse'
        ? 'worse'
        : isBounded || Number.isFinite(interval.lower)
          ? 'ok'
          : 'not_enough'
  return {
    ...shown,
    difference: Number.isFinite(interval.estimate) ? interval.estimate : null,
    interval: isBounded ? [interval.lower, interval.upper] : null,
    limit,
    verdict,
  }
}

function nothing(shown: Pick<Found, 'running' | 'candidate'>, limit: number | null): Found {
  return { ...shown, difference: null, interval: null, limit, verdict: 'not_enough' }
}

function toleranceOf(tolerance: number | string, reference: number | null): number | null {
  if (typeof tolerance === 'number') return tolerance
  return reference === null ? null : (Number.parseFloat(tolerance) / 100) * reference
}

function values(latency: ReadonlyMap<number, number>): Float64Array {
  const total = [...latency.values()].reduce((sum, count) => sum + count, 0)
  const thin = Math.max(1, total / MAX_VALUES)
  const all: number[] = []
  let carried = 0
  for (const bucket of [...latency.keys()].toSorted((a, b) => a - b)) {
    carried += (latency.get(bucket) ?? 0) / thin
    for (; carried >= 1; carried--) all.push(latencyBucketMs(bucket))
  }
  return Float64Array.from(all)
}

function ruleText(check: JudgeCheck): string {
  if (check.max !== undefined) return `${check.metric} <= ${check.max}`
  return `${check.metric} not worse than running + ${check.tolerance}${check.metric === 'error_rate' || typeof check.tolerance === 'string' ? '' : ' ms'}`
}
