import { expect, test } from 'vitest'
import { encodeGroups, groupedBootstrap } from './bootstrap.ts'
import { judgeDifference, lookLevel, newcombe, quantileDifference, quantileInterval, wilson } from './intervals.ts'
import { quantile } from './quantile.ts'
import { seededRandom, splitMix64, xoshiro256 } from './random.ts'
import { betaI, binomialCdf, chiSquareTail, normalQuantile, normalTail } from './special.ts'

const word = ([hi, lo]: readonly [number, number]): bigint => (BigInt(hi >>> 0) << 32n) | BigInt(lo >>> 0)

test('the generators give the published sequences', () => {
  expect(splitMix64(1234567n, 5)).toEqual([
    6457827717110365317n,
    3203168211198807973n,
    9817491932198370423n,
    4593380528125082431n,
    16408922859458223821n,
  ])
  const random = xoshiro256([1n, 2n, 3n, 4n])
  expect(Array.from({ length: 10 }, () => word(random.next64()))).toEqual([
    11520n,
    0n,
    1509978240n,
    1215971899390074240n,
    1216172134540287360n,
    607988272756665600n,
    16172922978634559625n,
    8476171486693032832n,
    10595114339597558777n,
    2904607092377533576n,
  ])
})

test('the 32-bit halves agree with 64-bit arithmetic over many draws', () => {
  const M = (1n << 64n) - 1n
  const rotl = (x: bigint, k: bigint): bigint => ((x << k) | (x >> (64n - k))) & M
  const s = splitMix64(99n, 4) as [bigint, bigint, bigint, bigint]
  const random = seededRandom(99)
  for (let i = 0; i < 2000; i++) {
    const expected = (rotl((s[1] * 5n) & M, 7n) * 9n) & M
    const t = (s[1] << 17n) & M
    s[2] ^= s[0]
    s[3] ^= s[1]
    s[1] ^= s[2]
    s[0] ^= s[3]
    s[2] ^= t
    s[3] = rotl(s[3], 45n)
    expect(word(random.next64())).toBe(expected)
  }
})

test('the interval of a mean is near the normal one, the same for the same seed and another for another', () => {
  const random = seededRandom(5)
  const sums = Float64Array.from({ length: 400 }, () => random.uniform())
  const mean = (w: Float64Array): number => w.reduce((total, weight, g) => total + weight * sums[g]!, 0) / 400
  const a = groupedBootstrap(400, mean, { samples: 4000 })
  const centre = sums.reduce((x, y) => x + y, 0) / 400
  const half = 1.96 * Math.sqrt(1 / 12 / 400)
  expect(Math.abs(a.lower - (centre - half))).toBeLessThan(0.004)
  expect(Math.abs(a.upper - (centre + half))).toBeLessThan(0.004)
  expect(groupedBootstrap(400, mean, { samples: 4000 })).toEqual(a)
  expect(groupedBootstrap(400, mean, { samples: 4000, seed: 1 }).lower).not.toBe(a.lower)
})

test('groups are coded in order of appearance', () => {
  expect(encodeGroups(['b', 'a', 'b', null])).toEqual({ codes: Int32Array.of(0, 1, 0, 2), names: ['b', 'a', 'null'] })
})

test('quantiles are of type 7', () => {
  // R: quantile(c(1, 2, 4, 8), c(.1, .5, .9))
  expect([0.1, 0.5, 0.9].map((q) => quantile([1, 2, 4, 8], q))).toEqual([1.3, 3, 6.8].map((x) => expect.closeTo(x, 12)))
})

test("Newcombe's published example", () => {
  // Newcombe (1998), table II, example 56/70 - 48/80 by method 10: 0.0524 to 0.3339
  const { lower, upper } = newcombe({ hits: 56, n: 70 }, { hits: 48, n: 80 })
  expect([lower, upper]).toEqual([expect.closeTo(0.0524, 4), expect.closeTo(0.3339, 4)])
  // and 0/10 - 0/20: -0.1611 to 0.2775
  const none = newcombe({ hits: 0, n: 10 }, { hits: 0, n: 20 })
  expect([none.lower, none.upper]).toEqual([expect.closeTo(-0.1611, 4), expect.closeTo(0.2775, 4)])
})

test('Wilson stays inside [0, 1] and contains the rate', () => {
  // Newcombe (1998b), 81/263 by the score method: 0.2553 to 0.3662
  const { lower, upper } = wilson(81, 263)
  expect([lower, upper]).toEqual([expect.closeTo(0.2553, 4), expect.closeTo(0.3662, 4)])
  expect(wilson(0, 20).lower).toBe(0)
})

test('the order-statistic interval of a median of 20 is the 6th and the 15th value', () => {
  // Conover, Practical Nonparametric Statistics, table A3: n 20, p .5: P(B <= 5) = .0207
  const values = Float64Array.from({ length: 20 }, (_, i) => i + 1)
  expect(quantileInterval(values, 0.5)).toEqual({ lower: 6, upper: 15, estimate: 10.5 })
  expect(quantileInterval(values, 0.99).upper).toBe(Infinity)
})

test('a quantile interval covers as often as it says', () => {
  const random = seededRandom(8)
  let covered = 0
  for (let i = 0; i < 1000; i++) {
    const sorted = Float64Array.from({ length: 300 }, () => random.uniform()).sort()
    const { lower, upper } = quantileInterval(sorted, 0.9)
    if (lower <= 0.9 && 0.9 <= upper) covered++
  }
  expect(covered).toBeGreaterThan(935)
  expect(covered).toBeLessThan(985)
})

test('a version is worse only when the whole interval lies beyond the tolerance', () => {
  expect(judgeDifference({ lower: 0.02, upper: 0.05, estimate: 0.03 }, 0.01, 'above')).toBe('worse')
  expect(judgeDifference({ lower: 0.0, upper: 0.05, estimate: 0.03 }, 0.01, 'above')).toBe('unclear')
  expect(judgeDifference({ lower: -0.1, upper: 0.005, estimate: 0 }, 0.01, 'above')).toBe('fine')
  expect(judgeDifference({ lower: -0.1, upper: -0.05, estimate: 0 }, 0.01, 'below')).toBe('worse')
  const slow = Float64Array.from({ length: 500 }, (_, i) => 20 + i / 100)
  const fast = Float64Array.from({ length: 500 }, (_, i) => 10 + i / 100)
  expect(judgeDifference(quantileDifference(slow, fast, 0.95), 2, 'above')).toBe('worse')
  expect([1, 2, 3].map(lookLevel)).toEqual([0.975, 1 - 0.05 / 6, 1 - 0.05 / 12])
})

test('special functions agree with published values far in the tails', () => {
  expect(chiSquareTail(3.841458820694124, 1)).toBeCloseTo(0.05, 13)
  expect(chiSquareTail(200, 5) / 2.84e-41).toBeCloseTo(1, 2) // scipy.stats.chi2.sf(200, 5)
  expect(normalTail(1.959963984540054)).toBeCloseTo(0.025, 14)
  expect(normalTail(10) / 7.6198530241605e-24).toBeCloseTo(1, 11)
  expect(normalQuantile(0.975)).toBeCloseTo(1.959963984540054, 12)
  expect(normalQuantile(1e-10)).toBeCloseTo(-6.361340902404056, 9)
  expect(binomialCdf(5, 20, 0.5)).toBeCloseTo(21700 / 2 ** 20, 14)
  expect(betaI(2, 3, 0.4)).toBeCloseTo(0.5248, 12)
})
