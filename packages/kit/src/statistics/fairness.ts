import { confusionAt, recallOf, selectionRateOf } from './classification.ts'
import type { Direction, ScoredRows } from './metrics.ts'

type FairnessMetric = {
  readonly direction: Direction
  readonly of: (slices: readonly ScoredRows[], threshold: number) => number
}

/** Metrics over all slices of a sensitive column, by Fairlearn's names and definitions (`fairlearn.metrics`, method between_groups). */
export function fairnessMetric(name: string): FairnessMetric | undefined {
  return Object.hasOwn(FAIRNESS, name) ? FAIRNESS[name] : undefined
}

type Rate = (rows: ScoredRows, threshold: number) => number
const selection: Rate = ({ y, p }, t) => selectionRateOf(confusionAt(y, p, t))
const truePositive: Rate = ({ y, p }, t) => recallOf(confusionAt(y, p, t))
const falsePositive: Rate = ({ y, p }, t) => {
  const { fp, tn } = confusionAt(y, p, t)
  return fp + tn === 0 ? 0 : fp / (fp + tn)
}

const difference =
  (...rates: Rate[]): FairnessMetric['of'] =>
  (slices, t) =>
    Math.max(
      ...rates.map(
        (rate) => Math.max(...slices.map((rows) => rate(rows, t))) - Math.min(...slices.map((rows) => rate(rows, t))),
      ),
    )
const ratio =
  (...rates: Rate[]): FairnessMetric['of'] =>
  (slices, t) =>
    Math.min(
      ...rates.map(
        (rate) => Math.min(...slices.map((rows) => rate(rows, t))) / Math.max(...slices.map((rows) => rate(rows, t))),
      ),
    )

const FAIRNESS: Readonly<Record<string, FairnessMetric>> = {
  demographic_parity_difference: { direction: 'minimize', of: difference(selection) },
  demographic_parity_ratio: { direction: 'maximize', of: ratio(selection) },
  equal_opportunity_difference: { direction: 'minimize', of: difference(truePositive) },
  equal_opportunity_ratio: { direction: 'maximize', of: ratio(truePositive) },
  equalized_odds_difference: { direction: 'minimize', of: difference(truePositive, falsePositive) },
  equalized_odds_ratio: { direction: 'maximize', of: ratio(truePositive, falsePositive) },
}
