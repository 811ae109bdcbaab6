import { expect, test } from 'vitest'
import { extent, linear, ticks, timeTicks } from './scale.ts'

test('ticks are round and lie inside the domain', () => {
  expect(ticks([0, 1])).toEqual([0, 0.2, 0.4, 0.6, 0.8, 1])
  expect(ticks([0.463, 0.52], 4)).toEqual([0.48, 0.5, 0.52])
  expect(ticks([5, 5])).toEqual([5])
})

test('an extent ignores gaps and infinities, and starts at 0 when asked', () => {
  expect(extent([null, 2, 4, Infinity, undefined], { pad: 0 })).toEqual([2, 4])
  expect(extent([2, 4], { zero: true, pad: 0 })).toEqual([0, 4])
  expect(extent([])).toEqual([0, 1])
})

test('a scale of one value puts it in the middle', () => {
  expect(linear([3, 3], [0, 100])(3)).toBe(50)
})

test('a year is divided at the first of months', () => {
  const found = timeTicks([Date.UTC(2013, 0, 1), Date.UTC(2013, 11, 31)], 6)
  expect(found.every((it) => it.unit === 'month' && new Date(it.at).getUTCDate() === 1)).toBe(true)
  expect(found).toHaveLength(12)
})
