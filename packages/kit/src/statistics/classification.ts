/** Labels: 0 or 1 a row. */
export type Labels = ArrayLike<number>

const LOG_LOSS_EPSILON = 2 ** -52

/**
 * Area under the ROC curve: the share of (positive, negative) pairs ranked rightly, ties counting half. NaN when a class is missing
 * or a score is NaN. Sorting the two classes apart is 4 times faster than sorting indices.
 */
export function aucRoc(y: Labels, p: Float64Array): number {
  let positives = 0
  for (let i = 0; i < p.length; i++) if (y[i] === 1) positives++
  const negatives = p.length - positives
  if (positives === 0 || negatives === 0) return Number.NaN
  const high = new Float64Array(positives)
  const low = new Float64Array(negatives)
  let h = 0
  let l = 0
  for (let i = 0; i < p.length; i++) {
    const score = p[i] as number
    if (Number.isNaN(score)) return Number.NaN
    if (y[i] === 1) high[h++] = score
    else low[l++] = score
  }
  high.sort()
  low.sort()
  let pairs = 0
  let below = 0
  let upTo = 0
  for (let i = 0; i < positives; i++) {
    const score = high[i] as number
    while (below < negatives && (low[below] as number) < score) below++
    if (upTo < below) upTo = below
    while (upTo < negatives && (low[upTo] as number) === score) upTo++
    pairs += below + (upTo - below) / 2
  }
  return pairs / (positives * negatives)
}

/** Loss of one row, natural logarithm, `p` clipped to [ε, 1-ε] as scikit-learn does for doubles. */
export function rowLogLoss(label: number, p: number): number {
  const clipped = Math.min(Math.max(p, LOG_LOSS_EPSILON), 1 - LOG_LOSS_EPSILON)
  return label === 1 ? -Math.log(clipped) : -Math.log1p(-clipped)
}

/** Mean negative log-likelihood of binary labels. NaN for no rows or a NaN score. */
export function logLoss(y: Labels, p: Float64Array): number {
  let sum = 0
  for (let i = 0; i < p.length; i++) sum += rowLogLoss(y[i] as number, p[i] as number)
  return sum / p.length
}

/** Mean squared difference between probability and label. */
export function brierScore(y: Labels, p: Float64Array): number {
  let sum = 0
  for (let i = 0; i < p.length; i++) sum += ((y[i] as number) - (p[i] as number)) ** 2
  return sum / p.length
}

/** The calibration bin of a probability: equal widths over [0, 1], the last one closed. */
export function calibrationBin(p: number, bins: number): number {
  return Math.min(Math.floor(p * bins), bins - 1)
}

/** Expected calibration error: Σ (n_b / n) · |mean p - mean y| over equal-width bins (Naeini et al., 2015). */
export function expectedCalibrationError(y: Labels, p: Float64Array, bins = 10): number {
  return calibrationError(calibrationBins(y, p, bins), p.length)
}

/** Reliability diagram: for each bin its rows, the mean probability and the observed rate. */
export function reliability(
  y: Labels,
  p: Float64Array,
  bins = 10,
): { rows: number; predicted: number; observed: number }[] {
  const { rows, predicted, observed } = calibrationBins(y, p, bins)
  return Array.from(rows, (n, b) => ({
    rows: n,
    predicted: (predicted[b] as number) / n,
    observed: (observed[b] as number) / n,
  }))
}

type CalibrationBins = {
  readonly rows: Float64Array
  readonly predicted: Float64Array
  readonly observed: Float64Array
}

function calibrationBins(y: Labels, p: Float64Array, bins: number): CalibrationBins {
  const rows = new Float64Array(bins)
  const predicted = new Float64Array(bins)
  const observed = new Float64Array(bins)
  for (let i = 0; i < p.length; i++) {
    const score = p[i] as number
    // A NaN score must make the result NaN, not vanish by indexing bin NaN.
    const b = Number.isNaN(score) ? 0 : Math.max(0, calibrationBin(score, bins))
    rows[b] = (rows[b] as number) + 1
    predicted[b] = (predicted[b] as number) + score
    observed[b] = (observed[b] as number) + (y[i] as number)
  }
  return { rows, predicted, observed }
}

/** Calibration error from sums per bin. */
export function calibrationError(bins: CalibrationBins, n: number): number {
  let sum = 0
  for (let b = 0; b < bins.rows.length; b++)
    sum += Math.abs((bins.predicted[b] as number) - (bins.observed[b] as number))
  return sum / n
}

/** Counts at a threshold; `p >= threshold` is a positive prediction. */
export type Confusion = { readonly tp: number; readonly fp: number; readonly fn: number; readonly tn: number }

export function confusionAt(y: Labels, p: Float64Array, threshold = 0.5): Confusion {
  let tp = 0
  let fp = 0
  let fn = 0
  for (let i = 0; i < p.length; i++) {
    if ((p[i] as number) >= threshold) {
      if (y[i] === 1) tp++
      else fp++
    } else if (y[i] === 1) fn++
  }
  return { tp, fp, fn, tn: p.length - tp - fp - fn }
}

/** TP / (TP + FP); 0 without positive predictions, as scikit-learn. */
export const precisionOf = ({ tp, fp }: Confusion): number => (tp + fp === 0 ? 0 : tp / (tp + fp))
/** TP / (TP + FN); 0 without positives. */
export const recallOf = ({ tp, fn }: Confusion): number => (tp + fn === 0 ? 0 : tp / (tp + fn))
/** 2TP / (2TP + FP + FN); 0 when undefined, as scikit-learn. */
export const f1Of = ({ tp, fp, fn }: Confusion): number => (2 * tp + fp + fn === 0 ? 0 : (2 * tp) / (2 * tp + fp + fn))
/** (TP + TN) / n. */
export const accuracyOf = ({ tp, fp, fn, tn }: Confusion): number => (tp + tn) / (tp + fp + fn + tn)
/** Share predicted positive (Fairlearn's selection rate). */
export const selectionRateOf = ({ tp, fp, fn, tn }: Confusion): number => (tp + fp) / (tp + fp + fn + tn)

export const f1 = (y: Labels, p: Float64Array, threshold = 0.5): number => f1Of(confusionAt(y, p, threshold))
export const accuracy = (y: Labels, p: Float64Array, threshold = 0.5): number =>
  accuracyOf(confusionAt(y, p, threshold))
export const precision = (y: Labels, p: Float64Array, threshold = 0.5): number =>
  precisionOf(confusionAt(y, p, threshold))
export const recall = (y: Labels, p: Float64Array, threshold = 0.5): number => recallOf(confusionAt(y, p, threshold))

/** Mean of the labels: the constant a baseline predicts for every row. */
export function meanOf(y: Labels): number {
  let sum = 0
  for (let i = 0; i < y.length; i++) sum += y[i] as number
  return sum / y.length
}

/** Scores of the constant baseline: the labels' own mean (a rate for classes) on each row. */
export function constantBaseline(y: Labels): Float64Array {
  return new Float64Array(y.length).fill(meanOf(y))
}
