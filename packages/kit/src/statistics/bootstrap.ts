import { quantile } from './quantile.ts'
import { seededRandom } from './random.ts'

/** How often each group was drawn: index = group code. A metric of the pooled rows is computed from these weights alone. */
export type GroupWeights = Float64Array
export type GroupStatistic = (weights: GroupWeights) => number

export type BootstrapOptions = { readonly samples?: number; readonly level?: number; readonly seed?: number }

export type BootstrapInterval = {
  readonly lower: number
  readonly upper: number
  readonly level: number
  readonly samples: number
  /** Samples whose statistic was NaN (for example a draw with one class only); left out of the interval. */
  readonly undefinedSamples: number
}

/**
 * Percentile interval (type 7) of a statistic when groups are drawn with replacement, as many as there are. Rows of one group
 * (a day, a customer) stay together, so dependence inside a group does not make the interval too narrow. For a paired comparison the
 * statistic is the difference of both models under the same weights. Random numbers: xoshiro256** seeded by SplitMix64, one
 * `floor(u · groups)` a draw (project-file §7).
 */
export function groupedBootstrap(
  groupCount: number,
  statistic: GroupStatistic,
  options: BootstrapOptions = {},
): BootstrapInterval {
  const { samples = 2000, level = 0.95, seed = 0 } = options
  const random = seededRandom(seed)
  const weights = new Float64Array(groupCount)
  const values = new Float64Array(samples)
  let defined = 0
  for (let s = 0; s < samples; s++) {
    weights.fill(0)
    for (let draw = 0; draw < groupCount; draw++) {
      const group = random.below(groupCount)
      weights[group] = (weights[group] as number) + 1
    }
    const value = statistic(weights)
    if (!Number.isNaN(value)) values[defined++] = value
  }
  const sorted = values.subarray(0, defined).sort()
  const tail = (1 - level) / 2
  return {
    lower: quantile(sorted, tail),
    upper: quantile(sorted, 1 - tail),
    level,
    samples,
    undefinedSamples: samples - defined,
  }
}

/** Codes 0..k-1 for any values, in order of first appearance. */
export function encodeGroups(values: ArrayLike<unknown>): { codes: Int32Array; names: string[] } {
  const codes = new Int32Array(values.length)
  const seen = new Map<unknown, number>()
  const names: string[] = []
  for (let i = 0; i < values.length; i++) {
    const value = values[i]
    let code = seen.get(value)
    if (code === undefined) {
      code = names.length
      seen.set(value, code)
      names.push(String(value))
    }
    codes[i] = code
  }
  return { codes, names }
}
