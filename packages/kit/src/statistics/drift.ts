import { kolmogorovSmirnov } from './kolmogorov.ts'
import { meanAndSd } from './quantile.ts'
import { chiSquareTail, normalTail } from './special.ts'

/** Counts of the same bins or categories on both sides. */
export type CountPair = { readonly reference: Float64Array; readonly current: Float64Array }

/** First Wasserstein distance between two samples, both sorted ascending: the area between their distribution functions. */
export function wasserstein(reference: Float64Array, current: Float64Array): number {
  let i = 0
  let j = 0
  let area = 0
  let last = Number.NaN
  while (i < reference.length || j < current.length) {
    const x = Math.min(
      i < reference.length ? (reference[i] as number) : Infinity,
      j < current.length ? (current[j] as number) : Infinity,
    )
    if (!Number.isNaN(last)) area += Math.abs(i / reference.length - j / current.length) * (x - last)
    while (i < reference.length && (reference[i] as number) === x) i++
    while (j < current.length && (current[j] as number) === x) j++
    last = x
  }
  return area
}

/** Wasserstein distance in units of the reference's standard deviation (ddof 0, at least 0.001): Evidently's "normed". */
export function wassersteinNormed(reference: Float64Array, current: Float64Array): number {
  return wasserstein(reference, current) / Math.max(meanAndSd(reference).sd, 0.001)
}

/** Edges of `bins` equal bins from min to max, as numpy.linspace; a constant gets one bin of width 1 around it. */
function equalEdges(min: number, max: number, bins: number): Float64Array {
  if (min === max) return Float64Array.of(min - 0.5, max + 0.5)
  const step = (max - min) / bins
  const edges = Float64Array.from({ length: bins + 1 }, (_, i) => min + i * step)
  edges[bins] = max
  return edges
}

/** NumPy's `sturges` edges of a sample known by its range and size: width = range / (log2 n + 1). */
export function sturgesEdges(min: number, max: number, n: number): Float64Array {
  const width = (max - min) / (Math.log2(n) + 1)
  return equalEdges(min, max, width === 0 ? 1 : Math.ceil((max - min) / width))
}

/** NumPy's `doane` edges: Sturges with a term for skewness. `sorted` ascending. */
export function doaneEdges(sorted: Float64Array): Float64Array {
  const n = sorted.length
  const min = sorted[0] as number
  const max = sorted[n - 1] as number
  const { mean, sd } = meanAndSd(sorted)
  if (n <= 2 || sd === 0) return equalEdges(min, max, 1)
  let cubes = 0
  for (const value of sorted) cubes += ((value - mean) / sd) ** 3
  const skewSd = Math.sqrt((6 * (n - 2)) / ((n + 1) * (n + 3)))
  const width = (max - min) / (1 + Math.log2(n) + Math.log2(1 + Math.abs(cubes / n) / skewSd))
  return equalEdges(min, max, Math.ceil((max - min) / width))
}

/** Counts per bin [edge_i, edge_i+1), the last bin closed, as numpy.histogram. What lies outside is not counted. `sorted` ascending. */
export function histogram(sorted: Float64Array, edges: Float64Array): Float64Array {
  const counts = new Float64Array(edges.length - 1)
  let from = lowerBound(sorted, edges[0] as number)
  for (let b = 0; b < counts.length; b++) {
    const edge = edges[b + 1] as number
    const to = b === counts.length - 1 ? upperBound(sorted, edge) : lowerBound(sorted, edge)
    counts[b] = to - from
    from = to
  }
  return counts
}

function lowerBound(sorted: Float64Array, x: number): number {
  let low = 0
  let high = sorted.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if ((sorted[middle] as number) < x) low = middle + 1
    else high = middle
  }
  return low
}

function upperBound(sorted: Float64Array, x: number): number {
  let low = 0
  let high = sorted.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if ((sorted[middle] as number) <= x) low = middle + 1
    else high = middle
  }
  return low
}

/** Number of distinct values of a sorted sample, counted up to `limit`. */
export function distinctCount(sorted: Float64Array, limit = Infinity): number {
  let count = 0
  for (let i = 0; i < sorted.length && count < limit; i++) if (i === 0 || sorted[i] !== sorted[i - 1]) count++
  return count
}

/**
 * Evidently's binning of a number for PSI, KL and Jensen-Shannon: with more than 20 distinct reference values `sturges` edges of both
 * samples together, else one bin a value. Both sorted ascending, without NaN.
 */
export function pairedCounts(reference: Float64Array, current: Float64Array): CountPair {
  if (distinctCount(reference, 21) <= 20) return valueCounts(reference, current)
  const edges = sturgesEdges(
    Math.min(reference[0] as number, current[0] ?? Infinity),
    Math.max(reference.at(-1) as number, current.at(-1) ?? -Infinity),
    reference.length + current.length,
  )
  return { reference: histogram(reference, edges), current: histogram(current, edges) }
}

function valueCounts(reference: Float64Array, current: Float64Array): CountPair {
  const keys = new Map<number, [number, number]>()
  for (const [side, values] of [reference, current].entries())
    for (const value of values) {
      const pair = keys.get(value) ?? [0, 0]
      pair[side as 0 | 1] += 1
      keys.set(value, pair)
    }
  const pairs = [...keys.values()]
  return { reference: Float64Array.from(pairs, ([r]) => r), current: Float64Array.from(pairs, ([, c]) => c) }
}

/** Aligns category counts over the union of their keys; order: reference first, then what is new. */
export function alignCounts(
  reference: ReadonlyMap<string, number>,
  current: ReadonlyMap<string, number>,
): CountPair & { readonly keys: readonly string[] } {
  const keys = [...new Set([...reference.keys(), ...current.keys()])]
  return {
    keys,
    reference: Float64Array.from(keys, (key) => reference.get(key) ?? 0),
    current: Float64Array.from(keys, (key) => current.get(key) ?? 0),
  }
}

function shares(counts: Float64Array): Float64Array {
  const total = counts.reduce((sum, n) => sum + n, 0)
  return counts.map((n) => n / total)
}

/** Evidently's filling of empty bins: 1e-4, or a millionth of the smallest share when that is no greater than 1e-4; not renormalised. */
function filledShares(counts: Float64Array): Float64Array {
  const all = shares(counts)
  let least = Infinity
  for (const share of all) if (share > 0 && share < least) least = share
  const fill = least <= 0.0001 ? least / 1e6 : 0.0001
  return all.map((share) => (share === 0 ? fill : share))
}

/** Population stability index Σ (r - c) ln(r / c). */
export function psi(counts: CountPair): number {
  const r = filledShares(counts.reference)
  const c = filledShares(counts.current)
  return r.reduce((sum, share, i) => sum + (share - (c[i] as number)) * Math.log(share / (c[i] as number)), 0)
}

/** Kullback-Leibler divergence of the reference from the current sample, natural logarithm, both normalised after filling. */
export function klDivergence(counts: CountPair): number {
  return relativeEntropy(shares(filledShares(counts.reference)), shares(filledShares(counts.current)))
}

/** Jensen-Shannon distance, the root of the divergence. Base e: at most √ln 2 = 0.8326; base 2: at most 1. */
export function jensenShannon(counts: CountPair, base: 'e' | 2 = 'e'): number {
  const p = shares(counts.reference)
  const q = shares(counts.current)
  const middle = p.map((share, i) => (share + (q[i] as number)) / 2)
  const divergence = Math.max(0, (relativeEntropy(p, middle) + relativeEntropy(q, middle)) / 2)
  return Math.sqrt(base === 2 ? divergence / Math.LN2 : divergence)
}

function relativeEntropy(p: Float64Array, q: Float64Array): number {
  return p.reduce((sum, share, i) => (share === 0 ? sum : sum + share * Math.log(share / (q[i] as number))), 0)
}

/** Hellinger distance sqrt(1 - Σ √(p q)). */
export function hellinger(counts: CountPair): number {
  const q = shares(counts.current)
  return Math.sqrt(
    Math.max(0, 1 - shares(counts.reference).reduce((sum, share, i) => sum + Math.sqrt(share * (q[i] as number)), 0)),
  )
}

/** Hellinger distance of numbers on Evidently's bins: `sturges` edges of the distinct values of both samples. Both sorted. */
export function hellingerNumeric(reference: Float64Array, current: Float64Array): number {
  const both = new Float64Array(reference.length + current.length)
  both.set(reference)
  both.set(current, reference.length)
  both.sort()
  const edges = sturgesEdges(both[0] as number, both.at(-1) as number, distinctCount(both))
  return hellinger({ reference: histogram(reference, edges), current: histogram(current, edges) })
}

/** Counts on NannyML's bins: `doane` edges of the reference alone, what lies outside as one bin more. Both sorted. */
export function referenceCounts(reference: Float64Array, current: Float64Array): CountPair {
  const edges = doaneEdges(reference)
  const inside = histogram(current, edges)
  const outside = current.length - inside.reduce((sum, n) => sum + n, 0)
  return { reference: Float64Array.of(...histogram(reference, edges), 0), current: Float64Array.of(...inside, outside) }
}

/** Largest difference of two shares. */
export function lInfinity(counts: CountPair): number {
  const q = shares(counts.current)
  return shares(counts.reference).reduce(
    (largest, share, i) => Math.max(largest, Math.abs(share - (q[i] as number))),
    0,
  )
}

/** Total variation distance ½ Σ |p - q|. */
export function totalVariation(counts: CountPair): number {
  const q = shares(counts.current)
  return shares(counts.reference).reduce((sum, share, i) => sum + Math.abs(share - (q[i] as number)), 0) / 2
}

/** p-value of current counts against the reference's shares (one-sample χ², df = k - 1). A category new in current gives 0. */
export function chiSquareGoodness(counts: CountPair): number {
  const scale = counts.current.reduce((a, b) => a + b, 0) / counts.reference.reduce((a, b) => a + b, 0)
  let statistic = 0
  for (let i = 0; i < counts.reference.length; i++) {
    const expected = (counts.reference[i] as number) * scale
    const observed = counts.current[i] as number
    if (expected === 0 && observed === 0) continue
    statistic += (observed - expected) ** 2 / expected
  }
  return chiSquareTail(statistic, counts.reference.length - 1)
}

/** χ² test of a 2 × k table (homogeneity), with Yates' correction when df = 1 (`scipy.stats.chi2_contingency`). */
export function chiSquareContingency(counts: CountPair): { statistic: number; p: number } {
  const rows = [counts.reference, counts.current]
  const totals = rows.map((row) => row.reduce((a, b) => a + b, 0))
  const n = (totals[0] as number) + (totals[1] as number)
  const df = counts.reference.length - 1
  let statistic = 0
  for (const [r, row] of rows.entries())
    for (let i = 0; i < row.length; i++) {
      const column = (counts.reference[i] as number) + (counts.current[i] as number)
      const expected = (column * (totals[r] as number)) / n
      const gap = Math.abs((row[i] as number) - expected)
      statistic += (df === 1 ? Math.max(0, gap - Math.min(0.5, gap)) : gap) ** 2 / expected
    }
  return { statistic, p: chiSquareTail(statistic, df) }
}

/** Two-sided p-value that two proportions are equal (pooled z). */
export function twoProportionZ(reference: { hits: number; n: number }, current: { hits: number; n: number }): number {
  const pooled = (reference.hits + current.hits) / (reference.n + current.n)
  const gap = reference.hits / reference.n - current.hits / current.n
  if (gap === 0) return 1
  return 2 * normalTail(Math.abs(gap) / Math.sqrt(pooled * (1 - pooled) * (1 / reference.n + 1 / current.n)))
}

export type DriftTest =
  | 'wasserstein'
  | 'jensen_shannon'
  | 'ks'
  | 'chi_square'
  | 'z'
  | 'psi'
  | 'kl'
  | 'hellinger'
  | 'l_infinity'

/** Whether drift means a small p-value or a large distance, and Evidently's default limit (l_infinity: NannyML's 0.1). */
export const DRIFT_TESTS: Readonly<
  Record<DriftTest, { readonly drifts: 'p_below' | 'p_at_most' | 'distance_at_least'; readonly limit: number }>
> = {
  wasserstein: { drifts: 'distance_at_least', limit: 0.1 },
  jensen_shannon: { drifts: 'distance_at_least', limit: 0.1 },
  psi: { drifts: 'distance_at_least', limit: 0.1 },
  kl: { drifts: 'distance_at_least', limit: 0.1 },
  hellinger: { drifts: 'distance_at_least', limit: 0.1 },
  l_infinity: { drifts: 'distance_at_least', limit: 0.1 },
  ks: { drifts: 'p_at_most', limit: 0.05 },
  chi_square: { drifts: 'p_below', limit: 0.05 },
  z: { drifts: 'p_below', limit: 0.05 },
}

/** Evidently's choice when no test is named. `distinct` counts the values of both samples together. */
export function defaultDriftTest(kind: 'numeric' | 'categorical', referenceRows: number, distinct: number): DriftTest {
  if (referenceRows > 1000) return kind === 'numeric' && distinct > 5 ? 'wasserstein' : 'jensen_shannon'
  if (distinct <= 2) return 'z'
  return kind === 'numeric' && distinct > 5 ? 'ks' : 'chi_square'
}

/** Whether a score drifts at a limit; the mixed `<` and `<=` are Evidently's. */
export function drifts(test: DriftTest, score: number, limit: number = DRIFT_TESTS[test].limit): boolean {
  const rule = DRIFT_TESTS[test].drifts
  return rule === 'distance_at_least' ? score >= limit : rule === 'p_at_most' ? score <= limit : score < limit
}

/** Score of a test on numbers; both sorted ascending, without NaN or infinities, not empty. */
export function numericDrift(test: DriftTest, reference: Float64Array, current: Float64Array): number {
  if (test === 'wasserstein') return wassersteinNormed(reference, current)
  if (test === 'ks') return kolmogorovSmirnov(reference, current).p
  if (test === 'hellinger') return hellingerNumeric(reference, current)
  if (test === 'chi_square' || test === 'z') return categoricalDrift(test, valueCounts(reference, current))
  return categoricalDrift(test, pairedCounts(reference, current))
}

/** Score of a test on counts. Throws RangeError for tests that need numbers. */
export function categoricalDrift(test: DriftTest, counts: CountPair): number {
  switch (test) {
    case 'jensen_shannon':
      return jensenShannon(counts)
    case 'psi':
      return psi(counts)
    case 'kl':
      return klDivergence(counts)
    case 'hellinger':
      return hellinger(counts)
    case 'l_infinity':
      return lInfinity(counts)
    case 'chi_square':
      return chiSquareGoodness(counts)
    case 'z': {
      const sum = (side: Float64Array): number => side.reduce((a, b) => a + b, 0)
      return twoProportionZ(
        { hits: counts.reference[0] ?? 0, n: sum(counts.reference) },
        { hits: counts.current[0] ?? 0, n: sum(counts.current) },
      )
    }
    case 'wasserstein':
    case 'ks':
      throw new RangeError(
        `test '${test}' needs numbers, the column is categorical: choose jensen_shannon, psi, kl, hellinger, l_infinity, chi_square or z`,
      )
  }
}

/** Limit learned from the reference's own chunks: mean + 3 population standard deviations (NannyML); at least `floor`. */
export function learnedLimit(scores: readonly number[], floor = 0): number {
  const { mean, sd } = meanAndSd(scores)
  return Math.max(mean + 3 * sd, floor)
}
