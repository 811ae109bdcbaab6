import { expect, test } from 'vitest'
import {
  aucRoc,
  brierScore,
  expectedCalibrationError,
  f1,
  logLoss,
  precision,
  recall,
  accuracy,
  reliability,
} from './classification.ts'
import { meanAbsoluteError, r2Score, rootMeanSquaredError } from './regression.ts'
import { computeMetric, groupedMetric, metricDirection, metricNames } from './metrics.ts'
import { seededRandom } from './random.ts'

const sample = (n: number, seed = 1, steps = 50): { y: Uint8Array; p: Float64Array } => {
  const random = seededRandom(seed)
  const p = Float64Array.from({ length: n }, () => Math.round(random.uniform() * steps) / steps)
  return { p, y: Uint8Array.from(p, (score) => (random.uniform() < score * 0.8 ? 1 : 0)) }
}

test("scikit-learn's documented examples come out the same", () => {
  // sklearn.metrics.roc_auc_score, log_loss, brier_score_loss and r2_score: the examples of their reference pages
  expect(aucRoc([0, 0, 1, 1], Float64Array.of(0.1, 0.4, 0.35, 0.8))).toBe(0.75)
  expect(logLoss([1, 0, 0, 1], Float64Array.of(0.9, 0.1, 0.2, 0.65))).toBeCloseTo(0.21616, 5)
  expect(brierScore([0, 1, 1, 0], Float64Array.of(0.1, 0.9, 0.8, 0.3))).toBeCloseTo(0.0375, 12)
  expect(r2Score([3, -0.5, 2, 7], Float64Array.of(2.5, 0.0, 2, 8))).toBeCloseTo(0.9486081370449679, 14)
  expect(meanAbsoluteError([3, -0.5, 2, 7], Float64Array.of(2.5, 0.0, 2, 8))).toBe(0.5)
  expect(rootMeanSquaredError([3, -0.5, 2, 7], Float64Array.of(2.5, 0.0, 2, 8))).toBeCloseTo(Math.sqrt(0.375), 14)
})

test('auc counts every pair, ties half', () => {
  const { y, p } = sample(400)
  let pairs = 0
  let wins = 0
  for (let i = 0; i < 400; i++)
    for (let j = 0; j < 400; j++)
      if (y[i] === 1 && y[j] === 0) {
        pairs++
        wins += p[i]! > p[j]! ? 1 : p[i] === p[j] ? 0.5 : 0
      }
  expect(aucRoc(y, p)).toBeCloseTo(wins / pairs, 14)
})

test('what is undefined is NaN, never a number', () => {
  expect(aucRoc([1, 1], Float64Array.of(0.1, 0.2))).toBeNaN()
  expect(aucRoc([0, 1], Float64Array.of(0.1, Number.NaN))).toBeNaN()
  expect(logLoss([0, 1], Float64Array.of(0.1, Number.NaN))).toBeNaN()
  expect(expectedCalibrationError([0, 1], Float64Array.of(0.1, Number.NaN))).toBeNaN()
  expect(computeMetric('f1', { y: [0, 1], p: Float64Array.of(0.1, Number.NaN) })).toBeNaN()
  for (const name of metricNames) expect(computeMetric(name, { y: [], p: new Float64Array(0) }), name).toBeNaN()
})

test('calibration error by hand', () => {
  // bin [.2,.3): 2 rows, mean p .25, rate .5; bin [.9,1]: 2 rows, mean p .975, rate 1
  const y = [0, 1, 1, 1]
  const p = Float64Array.of(0.22, 0.28, 0.95, 1)
  expect(expectedCalibrationError(y, p)).toBeCloseTo(0.5 * 0.25 + 0.5 * 0.025, 14)
  expect(reliability(y, p)[9]).toEqual({ rows: 2, predicted: 0.975, observed: 1 })
})

test('threshold metrics count p equal to the threshold as positive', () => {
  const y = [1, 1, 0, 0, 1]
  const p = Float64Array.of(0.3, 0.2, 0.3, 0.1, 0.9)
  expect([precision(y, p, 0.3), recall(y, p, 0.3), accuracy(y, p, 0.3)]).toEqual([2 / 3, 2 / 3, 3 / 5])
  expect(f1(y, p, 0.3)).toBeCloseTo(2 / 3, 14)
})

test('a grouped metric with weights equals the metric of the rows repeated that often', () => {
  const { y, p } = sample(300, 7)
  const codes = Int32Array.from(p, (_, i) => i % 9)
  const weights = Float64Array.of(0, 2, 1, 3, 0, 1, 1, 0, 2)
  const at = [...codes].flatMap((code, i) => Array.from({ length: weights[code]! }, () => i))
  const repeated = { y: at.map((i) => y[i]!), p: Float64Array.from(at, (i) => p[i]!) }
  for (const name of metricNames) {
    const grouped = groupedMetric(name, { y, p }, { codes, count: 9 }, 0.3)(weights)
    expect(grouped, name).toBeCloseTo(computeMetric(name, repeated, 0.3), 11)
  }
})

test('the direction of a metric is known by its name or not guessed', () => {
  expect(metricDirection('log_loss')).toBe('minimize')
  expect(metricDirection('val_roc_auc')).toBe('maximize')
  expect(metricDirection('profit')).toBeUndefined()
})

test('a million rows take seconds at most', () => {
  const { y, p } = sample(1_000_000, 3, 1e9)
  const start = performance.now()
  for (const name of ['auc', 'log_loss', 'ece', 'f1', 'brier']) computeMetric(name, { y, p })
  expect(performance.now() - start).toBeLessThan(20_000)
})
