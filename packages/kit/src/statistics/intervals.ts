import { quantile } from './quantile.ts'
import { binomialCdf, normalQuantile } from './special.ts'

export type Interval = { readonly lower: number; readonly upper: number; readonly estimate: number }

/** Wilson's score interval of a rate `hits / n` (Wilson, 1927). */
export function wilson(hits: number, n: number, level = 0.95): Interval {
  if (n === 0) return { lower: 0, upper: 1, estimate: Number.NaN }
  const z = normalQuantile(1 - (1 - level) / 2)
  const rate = hits / n
  const centre = (rate + (z * z) / (2 * n)) / (1 + (z * z) / n)
  const half = (z * Math.sqrt((rate * (1 - rate)) / n + (z * z) / (4 * n * n))) / (1 + (z * z) / n)
  return { lower: Math.max(0, centre - half), upper: Math.min(1, centre + half), estimate: rate }
}

export type Count = { readonly hits: number; readonly n: number }

/** Interval of the difference of two rates, a - b: Newcombe's hybrid score method (1998, method 10). */
export function newcombe(a: Count, b: Count, level = 0.95): Interval {
  const left = wilson(a.hits, a.n, level)
  const right = wilson(b.hits, b.n, level)
  if (a.n === 0 || b.n === 0) return { lower: -1, upper: 1, estimate: Number.NaN }
  const d = left.estimate - right.estimate
  return {
    lower: d - Math.hypot(left.estimate - left.lower, right.upper - right.estimate),
    upper: d + Math.hypot(left.upper - left.estimate, right.estimate - right.lower),
    estimate: d,
  }
}

/**
 * Distribution-free interval of a quantile by order statistics (David & Nagaraja, 2003): the ranks are the tightest that leave at
 * most (1 - level) / 2 of Binomial(n, q) on each side. An end without such a rank is infinite. `sorted` ascending.
 */
export function quantileInterval(sorted: ArrayLike<number>, q: number, level = 0.95): Interval {
  const n = sorted.length
  const tail = (1 - level) / 2
  const estimate = quantile(sorted, q)
  if (n === 0) return { lower: -Infinity, upper: Infinity, estimate }
  // lower rank r (1-based): P(B < r) <= tail, the largest; upper rank s: P(B >= s) <= tail, the smallest
  const r = largest(0, n, (k) => k === 0 || binomialCdf(k - 1, n, q) <= tail)
  const s = largest(0, n, (k) => binomialCdf(k, n, q) < 1 - tail) + 2
  return {
    lower: r === 0 ? -Infinity : (sorted[r - 1] as number),
    upper: s > n ? Infinity : (sorted[s - 1] as number),
    estimate,
  }
}

function largest(low: number, high: number, holds: (k: number) => boolean): number {
  if (!holds(low)) return low - 1
  let lo = low
  let hi = high
  while (lo < hi) {
    const middle = Math.ceil((lo + hi) / 2)
    if (holds(middle)) lo = middle
    else hi = middle - 1
  }
  return lo
}

/** Interval of the difference of two quantiles, a - b: each at half the error (Bonferroni), so it holds at least `level`. */
export function quantileDifference(a: ArrayLike<number>, b: ArrayLike<number>, q: number, level = 0.95): Interval {
  const each = 1 - (1 - level) / 2
  const left = quantileInterval(a, q, each)
  const right = quantileInterval(b, q, each)
  return { lower: left.lower - right.upper, upper: left.upper - right.lower, estimate: left.estimate - right.estimate }
}

/** Confidence level of the k-th look (k from 1) of a roll-out: the errors 0.05 / (k(k+1)) add up to 0.05 over all looks. */
export function lookLevel(k: number): number {
  return 1 - 0.05 / (k * (k + 1))
}

/**
 * Whether a new version is *worse* at one look (project-file §8): the whole interval of (new - running) lies beyond the tolerance on the
 * bad side. `unclear` while it straddles the tolerance.
 */
export function judgeDifference(
  interval: Interval,
  tolerance: number,
  bad: 'above' | 'below',
): 'worse' | 'fine' | 'unclear' {
  const [lower, upper] = bad === 'above' ? [interval.lower, interval.upper] : [-interval.upper, -interval.lower]
  if (lower > tolerance) return 'worse'
  return upper <= tolerance ? 'fine' : 'unclear'
}
