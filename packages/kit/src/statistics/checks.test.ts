import { expect, test } from 'vitest'
import { describeCheck, evaluateCheck } from './checks.ts'
import { seededRandom } from './random.ts'

const rows = (
  n: number,
  skill: number,
  seed = 1,
): { y: Uint8Array; p: Float64Array; day: Int32Array; origin: string[]; other: Float64Array } => {
  const random = seededRandom(seed)
  const truth = Float64Array.from({ length: n }, () => random.uniform())
  return {
    y: Uint8Array.from(truth, (t) => (random.uniform() < t ? 1 : 0)),
    p: truth.map((t) => skill * t + (1 - skill) * 0.5),
    other: truth.map((t) => 0.3 * t + 0.35),
    day: Int32Array.from(truth, (_, i) => i % 20),
    origin: Array.from(truth, (_, i) => ['EWR', 'JFK', 'LGA'][i % 3]!),
  }
}

test('a bound passes and fails with its numbers', () => {
  expect(evaluateCheck({ metric: 'ece', max: 0.05 }, { value: 0.059 })).toMatchObject({
    verdict: 'failed',
    value: 0.059,
    reason: 'ece 0.059 is above 0.05',
  })
  expect(evaluateCheck({ metric: 'auc', min: 0.7 }, { value: 0.7 })).toMatchObject({ verdict: 'passed', d: 0 })
})

test('a metric that is missing or NaN fails and is named', () => {
  expect(evaluateCheck({ metric: 'profit', min: 1 }, {})).toMatchObject({
    verdict: 'failed',
    reason: expect.stringContaining('profit is missing'),
  })
  const single = { y: [1, 1], p: Float64Array.of(0.1, 0.2) }
  expect(evaluateCheck({ metric: 'auc', min: 0.5 }, { rows: single })).toMatchObject({
    verdict: 'failed',
    reason: expect.stringContaining('only one class'),
  })
})

test('too few rows fail', () => {
  const { y, p } = rows(50, 1)
  expect(evaluateCheck({ metric: 'auc', min: 0.1, minRows: 60 }, { rows: { y, p } })).toMatchObject({
    verdict: 'failed',
    reason: '50 rows, 60 are needed',
  })
})

test('the constant baseline is beaten by a model that knows something and not by one that knows nothing', () => {
  const { y, p } = rows(2000, 1)
  expect(evaluateCheck({ metric: 'log_loss', betterThan: 'baseline' }, { rows: { y, p } }).verdict).toBe('passed')
  const flat = new Float64Array(2000).fill(0.9)
  expect(evaluateCheck({ metric: 'log_loss', betterThan: 'baseline' }, { rows: { y, p: flat } }).verdict).toBe('failed')
})

test('without a champion a comparison is not applicable, with one that cannot score it fails', () => {
  const { y, p } = rows(200, 1)
  const check = { metric: 'log_loss', betterThan: 'production' }
  expect(evaluateCheck(check, { rows: { y, p }, hasOpponent: false }).verdict).toBe('not_applicable')
  expect(evaluateCheck(check, { rows: { y, p }, hasOpponent: true })).toMatchObject({
    verdict: 'failed',
    reason: 'production gave no log_loss for the same rows',
  })
})

test('a bootstrap by day decides by the lower end of the interval', () => {
  const { y, p, other, day } = rows(2000, 1)
  const check = { metric: 'log_loss', betterThan: 'production', bootstrap: 'day' }
  const better = evaluateCheck(check, { rows: { y, p }, opponentScores: other, columns: { day } })
  expect(better.verdict).toBe('passed')
  expect(better.groups).toBe(20)
  expect(better.d).toBe(better.interval!.lower)
  expect(better.interval!.lower).toBeLessThan(better.reference! - better.value!)
  const worse = evaluateCheck(check, { rows: { y, p: other }, opponentScores: p, columns: { day } })
  expect(worse).toMatchObject({ verdict: 'failed', reason: expect.stringContaining('not proven better') })
})

test('an unproven gain fails betterThan and passes notWorseThan with a tolerance', () => {
  const { y, p, day } = rows(400, 1)
  const same = p.map((x, i) => (i % 2 === 0 ? x : Math.min(0.99, x + 0.001)))
  const input = { rows: { y, p }, opponentScores: same, columns: { day } }
  expect(evaluateCheck({ metric: 'log_loss', betterThan: 'production', bootstrap: 'day' }, input).verdict).toBe(
    'failed',
  )
  expect(
    evaluateCheck({ metric: 'log_loss', notWorseThan: 'production', tolerance: '5%', bootstrap: 'day' }, input).verdict,
  ).toBe('passed')
})

test('too few groups and a missing group column fail', () => {
  const { y, p, other } = rows(100, 1)
  const check = { metric: 'log_loss', betterThan: 'production', bootstrap: { group: 'day', minGroups: 10 } }
  expect(
    evaluateCheck(check, {
      rows: { y, p },
      opponentScores: other,
      columns: { day: Int32Array.from(y, (_, i) => i % 4) },
    }).reason,
  ).toBe('4 groups of day, 10 are needed to resample')
  expect(evaluateCheck(check, { rows: { y, p }, opponentScores: other }).reason).toContain("no column 'day'")
})

test('a tolerance is in the unit of the metric or a percentage of the reference', () => {
  expect(
    evaluateCheck(
      { metric: 'latency_p95', notWorseThan: 'running', tolerance: '20%' },
      { value: 118, opponentValue: 100 },
    ).verdict,
  ).toBe('passed')
  expect(
    evaluateCheck(
      { metric: 'latency_p95', notWorseThan: 'running', tolerance: '20%' },
      { value: 121, opponentValue: 100 },
    ).verdict,
  ).toBe('failed')
  expect(
    evaluateCheck(
      { metric: 'error_rate', notWorseThan: 'running', tolerance: 0.01 },
      { value: 0.019, opponentValue: 0.01 },
    ).verdict,
  ).toBe('passed')
  expect(
    evaluateCheck(
      { metric: 'error_rate', notWorseThan: 'running', tolerance: 'much' },
      { value: 0.019, opponentValue: 0.01 },
    ).reason,
  ).toContain("tolerance 'much'")
})

test('a metric whose name does not tell needs a direction', () => {
  const input = { value: 5, opponentValue: 4 }
  expect(evaluateCheck({ metric: 'profit', betterThan: 'production' }, input).reason).toContain('say direction')
  expect(evaluateCheck({ metric: 'profit', betterThan: 'production', direction: 'maximize' }, input).verdict).toBe(
    'passed',
  )
})

test('with a slice every value must pass, and those too small do not decide', () => {
  const { y, p, origin } = rows(900, 1)
  const upside = p.map((x, i) => (origin[i] === 'LGA' ? 1 - x : x))
  const result = evaluateCheck(
    { metric: 'auc', min: 0.6, slice: 'origin' },
    { rows: { y, p: upside }, columns: { origin } },
  )
  expect(result.verdict).toBe('failed')
  expect(result.slices?.map(({ name, verdict }) => [name, verdict])).toEqual([
    ['EWR', 'passed'],
    ['JFK', 'passed'],
    ['LGA', 'failed'],
  ])
  const small = ['XXX', ...origin.slice(1)]
  expect(
    evaluateCheck(
      { metric: 'auc', min: 0.6, slice: 'origin', minRows: 50 },
      { rows: { y, p }, columns: { origin: small } },
    ),
  ).toMatchObject({
    verdict: 'passed',
    slices: expect.arrayContaining([expect.objectContaining({ name: 'XXX', verdict: 'not_applicable' })]),
  })
})

test("a fairness metric compares the slices by Fairlearn's definition", () => {
  const y = [1, 0, 1, 0]
  const p = Float64Array.of(0.9, 0.8, 0.9, 0.1)
  const group = ['a', 'a', 'b', 'b']
  // selection rates 1 and .5
  expect(
    evaluateCheck(
      { metric: 'demographic_parity_difference', max: 0.2, slice: 'group' },
      { rows: { y, p }, columns: { group } },
    ),
  ).toMatchObject({ verdict: 'failed', value: 0.5 })
})

test('a check reads as a sentence', () => {
  expect(describeCheck({ metric: 'ece', max: 0.05, for: 2 })).toBe('ece <= 0.05 for 2 in a row')
  expect(describeCheck({ metric: 'log_loss', betterThan: 'production', bootstrap: 'day' })).toBe(
    'log_loss better than production resampled by day',
  )
})
