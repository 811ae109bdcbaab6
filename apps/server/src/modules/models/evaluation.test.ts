import { expect, test } from 'vitest'
import { judge, permutationImportances, sampleRows } from './evaluation.ts'
import type { EvaluationRequest } from './evaluation.ts'

const request: EvaluationRequest = {
  models: [{ name: 'new', input: 'candidate', onnx: 'm.onnx', features: [] }],
  task: 'classification',
  target: 'y',
  timestamp: null,
  threshold: 0.5,
  slices: ['shop'],
  checks: [
    { metric: 'auc', min: 0.9, tolerance: 0, for: 1, severity: 'error' },
    { metric: 'log_loss', betterThan: 'production', tolerance: 0, for: 1, severity: 'error' },
    { metric: 'log_loss', betterThan: 'baseline', tolerance: 0, for: 1, severity: 'error' },
  ],
  minRows: 1,
  opponents: { production: 'old' },
  sampleRows: 0,
  importances: false,
}
const y = Float64Array.of(0, 0, 1, 1)
const columns = { shop: ['a', 'b', 'a', 'b'] }

test('checks are judged on the first model, against the champion’s scores of the same rows', () => {
  const scores = new Map([
    ['new', Float64Array.of(0.1, 0.2, 0.8, 0.9)],
    ['old', Float64Array.of(0.4, 0.4, 0.6, 0.6)],
  ])
  const result = judge(request, { y, scores, columns })
  expect(result.checks.map((check) => [check.verdict, check.opponent])).toEqual([
    ['passed', 'min'],
    ['passed', 'old'],
    ['passed', 'baseline'],
  ])
  expect(result.metrics['new']).toMatchObject({ auc: 1, accuracy: 1 })
  expect(result.baseline['auc']).toBe(0.5)
  expect(result.slices).toMatchObject([
    { slice: 'shop', value: 'a', rows: 2 },
    { value: 'b', rows: 2, metrics: { old: { auc: 1 } } },
  ])
})

test('no champion yet is not applicable; a champion that cannot score, or a candidate that cannot, fails', () => {
  const scores = new Map([['new', Float64Array.of(0.1, 0.2, 0.8, 0.9)]])
  expect(judge({ ...request, opponents: { production: null } }, { y, scores, columns }).checks[1]?.verdict).toBe(
    'not_applicable',
  )
  expect(judge(request, { y, scores, columns }).checks[1]?.verdict).toBe('failed')
  const nan = new Map([['new', Float64Array.of(0.1, Number.NaN, 0.8, 0.9)]])
  expect(judge(request, { y, scores: nan, columns }).checks[0]).toMatchObject({
    verdict: 'failed',
    value: null,
    reason: expect.stringContaining('NaN'),
  })
})

test('shuffling an input that the model uses costs, one that it does not use costs nothing', async () => {
  const n = 200
  const x = Float64Array.from({ length: n }, (_, i) => (i * 37) % n)
  const target = Float64Array.from(x, (value) => (value >= n / 2 ? 1 : 0))
  const items = await permutationImportances({
    y: target,
    columns: { x, noise: Float64Array.from({ length: n }, (_, i) => i % 7) },
    inputs: [
      { name: 'noise', isText: false },
      { name: 'x', isText: false },
    ],
    metric: 'auc',
    threshold: 0.5,
    score: async (all) => Float64Array.from(all['x'] as Float64Array, (value) => value / n), // the column is given as numbers
    repeats: 3,
  })
  expect(items.map((item) => item.feature)).toEqual(['x', 'noise'])
  expect(items[0]?.drop).toBeGreaterThan(0.3)
  expect(items[1]?.drop).toBe(0)
})

test('a sample holds rows with something missing and no row twice', () => {
  const x = Float64Array.from({ length: 10_000 }, (_, i) => (i % 100 === 7 ? Number.NaN : i))
  const sample = sampleRows({ x }, 10_000, 1000)
  expect(new Set(sample).size).toBe(1000)
  expect(sample.filter((i) => Number.isNaN(x[i])).length).toBe(100)
  expect(sampleRows({ x: Float64Array.of(1, 2) }, 2, 1000)).toEqual([0, 1])
})
