import { expect, test } from 'vitest'
import { compareAnswers } from './compare-answers.ts'

const served = (answers: (number | null)[][], nullRows = 1) => ({ answers, nullRows })

test('agreement within the tolerance passes and tells the largest difference', () => {
  const result = compareAnswers(
    served([
      [0.2, 0.8],
      [0.5, 0.5],
    ]),
    {
      probabilities: [
        [0.2, 0.8],
        [0.50001, 0.49999],
      ],
    },
    1e-4,
  )
  expect(result).toMatchObject({ verdict: 'passed', rows: 2, nullRows: 1 })
  expect(result.maxDifference).toBeCloseTo(1e-5)
})

test('a conversion that is wrong fails, however few rows show it', () => {
  expect(
    compareAnswers(
      served([
        [0.2, 0.8],
        [0.5, 0.5],
      ]),
      {
        probabilities: [
          [0.2, 0.8],
          [0.9, 0.1],
        ],
      },
      1e-4,
    ),
  ).toMatchObject({ verdict: 'failed', maxDifference: 0.4, reason: expect.stringContaining('1 of 2 rows') })
})

test('a row that either cannot answer fails, with Python’s own words', () => {
  const errors = [{ row: 1, message: 'ValueError: Input X contains NaN.' }]
  expect(
    compareAnswers(
      served([
        [0.2, 0.8],
        [null, null],
      ]),
      { probabilities: [[0.2, 0.8], null], errors },
      1e-4,
    ),
  ).toMatchObject({ verdict: 'failed', maxDifference: 0, reason: expect.stringContaining('contains NaN') })
  expect(compareAnswers(served([[null, null]]), { probabilities: [[0.1, 0.9]] }, 1e-4)).toMatchObject({
    verdict: 'failed',
    maxDifference: null,
  })
  expect(compareAnswers(served([[1]]), { values: [] }, 1e-4)).toMatchObject({
    verdict: 'failed',
    reason: expect.stringContaining('0 of 1'),
  })
})

test('a single value is compared with the last class, and regressions value by value', () => {
  expect(compareAnswers(served([[0.2, 0.8]]), { values: [0.8] }, 1e-4).verdict).toBe('passed')
  expect(compareAnswers(served([[3.5]]), { values: [3.5] }, 1e-4)).toMatchObject({
    verdict: 'passed',
    maxDifference: 0,
  })
})
