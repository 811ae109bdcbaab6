import type { HistogramBar } from '@kiban/contract/monitors'
import {
  alignCounts,
  categoricalDrift,
  defaultDriftTest,
  distinctCount,
  DRIFT_TESTS,
  drifts,
  histogram,
  learnedLimit,
  numericDrift,
  sturgesEdges,
} from '@kiban/kit/statistics/drift'
import type { DriftTest } from '@kiban/kit/statistics/drift'
import { meanAndSd } from '@kiban/kit/statistics/quantile'
import type { SignalSettings } from './monitor-settings.ts'
import type { FeatureResult, Moments } from './window-task.ts'

/** One column on both sides: sorted numbers, or counts by category; nulls and NaN apart. */
export type ColumnPair =
  | {
      readonly kind: 'numeric'
      readonly reference: Float64Array
      readonly current: Float64Array
      /** The reference cut into chunks, each sorted. */
      readonly chunks: readonly Float64Array[]
    }
  | {
      readonly kind: 'categorical'
      readonly reference: ReadonlyMap<string, number>
      readonly current: ReadonlyMap<string, number>
      readonly chunks: readonly ReadonlyMap<string, number>[]
    }

export type DriftResult = Pick<FeatureResult, 'test' | 'value' | 'limit' | 'status' | 'reason'>

/** A learned limit is never below a tenth of the usual one: a column that never moved in the reference may breathe a little. */
const FLOOR_SHARE = 0.1

/**
 * Drift of one column by the signal's settings. `auto` is Evidently's choice of test; with a `learned` threshold the limit is mean plus
 * three standard deviations of the reference's own chunks against the whole reference, and the test always a distance, because a p-value
 * has no scale to learn.
 */
export function columnDrift(pair: ColumnPair, settings: SignalSettings, minRows: number): DriftResult {
  const sizes = rowsOf(pair)
  if (sizes.reference === 0)
    return { test: 'none', value: null, limit: null, status: 'no_data', reason: 'the reference has no value' }
  const learned = settings.threshold === 'learned'
  const test = chooseTest(pair, settings, learned ? Math.max(sizes.reference, 1001) : sizes.reference)
  const { limit: usual, drifts: rule } = DRIFT_TESTS[test]
  if (sizes.current < minRows)
    return {
      test,
      value: null,
      limit: null,
      status: 'no_data',
      reason: `${sizes.current} values, ${minRows} are needed`,
    }
  if (pair.kind === 'categorical' && (test === 'wasserstein' || test === 'ks'))
    return {
      test,
      value: null,
      limit: null,
      status: 'no_data',
      reason: `${test} needs numbers, this column is categorical`,
    }
  const value = score(test, pair, null)
  const distance = rule === 'distance_at_least'
  const limit =
    typeof settings.threshold === 'number'
      ? settings.threshold
      : learned && distance
        ? learnedLimit(
            pair.chunks.flatMap((chunk, i) => (sizeOf(chunk) > 0 ? [score(test, pair, i)] : [])),
            usual * FLOOR_SHARE,
          )
        : usual
  const drifted = drifts(test, value, limit)
  const against = distance
    ? `${show(value)} ${drifted ? 'is at or above' : 'is below'} ${show(limit)}`
    : `p ${show(value)} ${drifted ? 'is not above' : 'is above'} ${show(limit)}`
  const origin = learned && distance ? ' (learned: mean + 3 sd of the reference in 10 chunks)' : ''
  return { test, value, limit, status: drifted ? 'warn' : 'ok', reason: `${test} ${against}${origin}` }
}

function chooseTest(pair: ColumnPair, settings: SignalSettings, referenceRows: number): DriftTest {
  if (settings.test !== 'auto') return settings.test
  if (pair.kind === 'categorical')
    return defaultDriftTest(
      'categorical',
      referenceRows,
      new Set([...pair.reference.keys(), ...pair.current.keys()]).size,
    )
  const distinct = Math.max(distinctCount(pair.reference, 6), distinctCount(pair.current, 6))
  return defaultDriftTest('numeric', referenceRows, distinct)
}

function score(test: DriftTest, pair: ColumnPair, chunk: number | null): number {
  if (pair.kind === 'numeric') {
    const current = chunk === null ? pair.current : (pair.chunks[chunk] ?? pair.current)
    return numericDrift(test, pair.reference, current)
  }
  const current = chunk === null ? pair.current : (pair.chunks[chunk] ?? pair.current)
  return categoricalDrift(test, alignCounts(pair.reference, current))
}

function rowsOf(pair: ColumnPair): { reference: number; current: number } {
  return { reference: sizeOf(pair.reference), current: sizeOf(pair.current) }
}

function sizeOf(side: Float64Array | ReadonlyMap<string, number>): number {
  return side instanceof Float64Array ? side.length : [...side.values()].reduce((sum, n) => sum + n, 0)
}

const MAX_BARS = 30

/** Both sides on the same bars, as shares: one a value up to 20 distinct numbers, else equal bins; the 20 largest categories and the rest. */
export function histogramOf(pair: ColumnPair): HistogramBar[] {
  const total = rowsOf(pair)
  const share = (n: number, side: 'reference' | 'current'): number => (total[side] === 0 ? 0 : n / total[side])
  if (pair.kind === 'categorical') {
    const counts = alignCounts(pair.reference, pair.current)
    const bars = counts.keys
      .map((category, i) => ({
        from: null,
        to: null,
        category,
        reference: share(counts.reference[i] ?? 0, 'reference'),
        current: share(counts.current[i] ?? 0, 'current'),
      }))
      .sort((a, b) => Math.max(b.reference, b.current) - Math.max(a.reference, a.current))
    const rest = bars.slice(20)
    if (rest.length === 0) return bars
    const sum = (side: 'reference' | 'current'): number => rest.reduce((all, bar) => all + bar[side], 0)
    return [
      ...bars.slice(0, 20),
      { from: null, to: null, category: `${rest.length} others`, reference: sum('reference'), current: sum('current') },
    ]
  }
  const both = [pair.reference, pair.current].filter((side) => side.length > 0)
  if (both.length === 0) return []
  const min = Math.min(...both.map((side) => side[0] as number))
  const max = Math.max(...both.map((side) => side.at(-1) as number))
  const distinct = new Set<number>()
  for (const side of both)
    for (const value of side) {
      distinct.add(value)
      if (distinct.size > 20) break
    }
  const values = distinct.size <= 20 ? [...distinct].sort((a, b) => a - b) : null
  const edges = values
    ? Float64Array.of(...values, Infinity)
    : sturgesEdges(min, max, Math.min(2 ** (MAX_BARS - 1), total.reference + total.current))
  const reference = histogram(pair.reference, edges)
  const current = histogram(pair.current, edges)
  return Array.from(reference, (n, i) => ({
    from: edges[i] as number,
    to: values ? (edges[i] as number) : (edges[i + 1] as number),
    category: null,
    reference: share(n, 'reference'),
    current: share(current[i] ?? 0, 'current'),
  }))
}

/** Categories of the window that the reference never had, the most frequent first. */
export function newCategories(pair: ColumnPair): string[] {
  if (pair.kind === 'numeric') return []
  return [...pair.current]
    .filter(([category]) => !pair.reference.has(category))
    .sort((a, b) => b[1] - a[1])
    .map(([category]) => category)
}

export function momentsOf(side: Float64Array | ReadonlyMap<string, number>): Moments {
  if (!(side instanceof Float64Array)) return { rows: sizeOf(side), mean: null, sd: null }
  if (side.length === 0) return { rows: 0, mean: null, sd: null }
  return { rows: side.length, ...meanAndSd(side) }
}

export const show = (value: number): string => String(Number(value.toPrecision(3)))
