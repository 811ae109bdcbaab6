import {
  accuracyOf,
  aucRoc,
  brierScore,
  calibrationBin,
  calibrationError,
  confusionAt,
  expectedCalibrationError,
  f1Of,
  logLoss,
  precisionOf,
  recallOf,
  rowLogLoss,
  selectionRateOf,
  type Confusion,
} from './classification.ts'
import type { GroupStatistic } from './bootstrap.ts'
import { meanAbsoluteError, meanSquaredError, r2Score, rootMeanSquaredError } from './regression.ts'

/** Labels (0/1, or numbers for a regression) and what one model said about the same rows. */
export type ScoredRows = {
  readonly y: ArrayLike<number>
  /** Probability of the positive class, or the predicted number. */
  readonly p: Float64Array
}

export type Direction = 'maximize' | 'minimize'

type Metric = {
  readonly direction: Direction
  readonly of: (rows: ScoredRows, threshold: number) => number
  /** The same metric as a function of how often each group of rows counts. */
  readonly grouped: (rows: ScoredRows, threshold: number, groups: Grouping) => GroupStatistic
}

/** A code 0..count-1 for each row. */
export type Grouping = { readonly codes: Int32Array; readonly count: number }

const METRICS: Readonly<Record<string, Metric>> = {
  auc: { direction: 'maximize', of: ({ y, p }) => aucRoc(y, p), grouped: groupedAuc },
  log_loss: { direction: 'minimize', of: ({ y, p }) => logLoss(y, p), grouped: groupedMean(rowLogLoss) },
  brier: { direction: 'minimize', of: ({ y, p }) => brierScore(y, p), grouped: groupedMean((y, p) => (y - p) ** 2) },
  ece: { direction: 'minimize', of: ({ y, p }) => expectedCalibrationError(y, p), grouped: groupedEce },
  f1: atThreshold(f1Of, 'maximize'),
  precision: atThreshold(precisionOf, 'maximize'),
  recall: atThreshold(recallOf, 'maximize'),
  accuracy: atThreshold(accuracyOf, 'maximize'),
  selection_rate: atThreshold(selectionRateOf, 'maximize'),
  mae: {
    direction: 'minimize',
    of: ({ y, p }) => meanAbsoluteError(y, p),
    grouped: groupedMean((y, p) => Math.abs(y - p)),
  },
  mse: {
    direction: 'minimize',
    of: ({ y, p }) => meanSquaredError(y, p),
    grouped: groupedMean((y, p) => (y - p) ** 2),
  },
  rmse: {
    direction: 'minimize',
    of: ({ y, p }) => rootMeanSquaredError(y, p),
    grouped: (rows, threshold, groups) => {
      const squares = groupedMean((y, p) => (y - p) ** 2)(rows, threshold, groups)
      return (weights) => Math.sqrt(squares(weights))
    },
  },
  r2: { direction: 'maximize', of: ({ y, p }) => r2Score(y, p), grouped: groupedR2 },
}

const ALIASES: Readonly<Record<string, string>> = {
  roc_auc: 'auc',
  roc_auc_score: 'auc',
  logloss: 'log_loss',
  brier_score: 'brier',
  brier_score_loss: 'brier',
  expected_calibration_error: 'ece',
  f1_score: 'f1',
  accuracy_score: 'accuracy',
  r2_score: 'r2',
  mean_absolute_error: 'mae',
  mean_squared_error: 'mse',
  root_mean_squared_error: 'rmse',
}

/** The platform's name of a metric; undefined when it cannot compute it from scored rows. */
export function metricName(name: string): string | undefined {
  const lower = name.toLowerCase()
  if (Object.hasOwn(METRICS, lower)) return lower
  return Object.hasOwn(ALIASES, lower) ? ALIASES[lower] : undefined
}

/** Names of all metrics that can be computed from scored rows. */
export const metricNames: readonly string[] = Object.keys(METRICS)

/**
 * Which way is better, for any metric name: those computed here, and logged ones by the words in them (loss, error, latency, mae, …).
 * Undefined when the name does not tell: the check must then say `direction`.
 */
export function metricDirection(name: string): Direction | undefined {
  const known = metricName(name)
  if (known !== undefined) return METRICS[known]?.direction
  const lower = name.toLowerCase()
  if (/(loss|error|latency|mae|mse|rmse|mape|deviance|brier|ece|difference|drift)/.test(lower)) return 'minimize'
  if (/(auc|accuracy|f1|precision|recall|r2|score|ratio|ndcg|hit_rate)/.test(lower)) return 'maximize'
  return undefined
}

/** A metric of scored rows; NaN when undefined (a class is missing, a score is NaN, no rows). Throws RangeError on an unknown name. */
export function computeMetric(name: string, rows: ScoredRows, threshold = 0.5): number {
  return lookUp(name).of(rows, threshold)
}

/** Prepares a metric for resampling: after one pass over the rows each draw costs O(groups), O(rows) for auc. */
export function groupedMetric(name: string, rows: ScoredRows, groups: Grouping, threshold = 0.5): GroupStatistic {
  return lookUp(name).grouped(rows, threshold, groups)
}

function lookUp(name: string): Metric {
  const known = metricName(name)
  const metric = known === undefined ? undefined : METRICS[known]
  if (metric === undefined)
    throw new RangeError(
      `metric '${name}' cannot be computed from predictions and labels; known: ${metricNames.join(', ')}`,
    )
  return metric
}

function groupedMean(loss: (y: number, p: number) => number): Metric['grouped'] {
  return ({ y, p }, _threshold, { codes, count }) => {
    const sums = new Float64Array(count)
    const rows = new Float64Array(count)
    for (let i = 0; i < p.length; i++) {
      const g = codes[i] as number
      sums[g] = (sums[g] as number) + loss(y[i] as number, p[i] as number)
      rows[g] = (rows[g] as number) + 1
    }
    return (weights) => dot(weights, sums) / dot(weights, rows)
  }
}

function atThreshold(of: (confusion: Confusion) => number, direction: Direction): Metric {
  return {
    direction,
    of: ({ y, p }, threshold) =>
      p.some(Number.isNaN) || p.length === 0 ? Number.NaN : of(confusionAt(y, p, threshold)),
    grouped: ({ y, p }, threshold, { codes, count }) => {
      const tp = new Float64Array(count)
      const fp = new Float64Array(count)
      const fn = new Float64Array(count)
      const tn = new Float64Array(count)
      for (let i = 0; i < p.length; i++) {
        const g = codes[i] as number
        const cell = (p[i] as number) >= threshold ? (y[i] === 1 ? tp : fp) : y[i] === 1 ? fn : tn
        cell[g] = (cell[g] as number) + 1
      }
      return (w) => of({ tp: dot(w, tp), fp: dot(w, fp), fn: dot(w, fn), tn: dot(w, tn) })
    },
  }
}

function groupedEce({ y, p }: ScoredRows, _threshold: number, { codes, count }: Grouping): GroupStatistic {
  const bins = 10
  const gaps = Array.from({ length: bins }, () => new Float64Array(count))
  const rows = new Float64Array(count)
  for (let i = 0; i < p.length; i++) {
    const score = p[i] as number
    const g = codes[i] as number
    const gap = gaps[Number.isNaN(score) ? 0 : Math.max(0, calibrationBin(score, bins))] as Float64Array
    gap[g] = (gap[g] as number) + score - (y[i] as number)
    rows[g] = (rows[g] as number) + 1
  }
  const zero = new Float64Array(bins)
  const predicted = new Float64Array(bins)
  return (weights) => {
    for (let b = 0; b < bins; b++) predicted[b] = dot(weights, gaps[b] as Float64Array)
    return calibrationError({ rows: zero, predicted, observed: zero }, dot(weights, rows))
  }
}

function groupedR2({ y, p }: ScoredRows, _threshold: number, { codes, count }: Grouping): GroupStatistic {
  const rows = new Float64Array(count)
  const sum = new Float64Array(count)
  const squares = new Float64Array(count)
  const errors = new Float64Array(count)
  for (let i = 0; i < p.length; i++) {
    const g = codes[i] as number
    const label = y[i] as number
    rows[g] = (rows[g] as number) + 1
    sum[g] = (sum[g] as number) + label
    squares[g] = (squares[g] as number) + label * label
    errors[g] = (errors[g] as number) + (label - (p[i] as number)) ** 2
  }
  return (w) => {
    const total = dot(w, squares) - dot(w, sum) ** 2 / dot(w, rows)
    return total <= 0 ? Number.NaN : 1 - dot(w, errors) / total
  }
}

function groupedAuc({ y, p }: ScoredRows, _threshold: number, { codes }: Grouping): GroupStatistic {
  const n = p.length
  if (p.some(Number.isNaN)) return () => Number.NaN
  const order = Uint32Array.from({ length: n }, (_, i) => i).sort((a, b) => (p[a] as number) - (p[b] as number))
  const groupOf = new Int32Array(n)
  const positive = new Uint8Array(n)
  // tieEnd[i] is 1 where the next score differs: ties share one step of the curve.
  const tieEnd = new Uint8Array(n)
  for (let k = 0; k < n; k++) {
    const i = order[k] as number
    groupOf[k] = codes[i] as number
    positive[k] = y[i] === 1 ? 1 : 0
    tieEnd[k] = k === n - 1 || p[order[k + 1] as number] !== p[i] ? 1 : 0
  }
  return (weights) => {
    let pairs = 0
    let below = 0
    let positives = 0
    let tiedPositive = 0
    let tiedNegative = 0
    for (let k = 0; k < n; k++) {
      const w = weights[groupOf[k] as number] as number
      if (positive[k] === 1) tiedPositive += w
      else tiedNegative += w
      if (tieEnd[k] === 1) {
        pairs += tiedPositive * (below + tiedNegative / 2)
        positives += tiedPositive
        below += tiedNegative
        tiedPositive = 0
        tiedNegative = 0
      }
    }
    return positives === 0 || below === 0 ? Number.NaN : pairs / (positives * below)
  }
}

function dot(a: Float64Array, b: Float64Array): number {
  let sum = 0
  for (let i = 0; i < a.length; i++) sum += (a[i] as number) * (b[i] as number)
  return sum
}
