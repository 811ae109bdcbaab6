import { expect, test } from 'vitest'
import { gainOf } from './gain.ts'

test('the gain lies inside the interval, whichever way the metric is better', () => {
  expect(gainOf({ value: 0.4247, reference: 0.4148, d: -0.02, interval: { low: -0.02, high: -0.0012 } })).toBeCloseTo(
    -0.0099,
  )
  expect(gainOf({ value: 0.5095, reference: 0.5413, d: 0.0101, interval: { low: 0.0101, high: 0.0659 } })).toBeCloseTo(
    0.0318,
  )
  expect(gainOf({ value: 0.78, reference: 0.75, d: 0.01, interval: { low: 0.01, high: 0.05 } })).toBeCloseTo(0.03)
})

test('without an interval the gain is the difference that the check gave', () => {
  expect(gainOf({ value: 0.74, reference: null, d: 0.04, interval: null })).toBe(0.04)
})
