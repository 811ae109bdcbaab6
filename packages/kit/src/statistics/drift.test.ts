import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import {
  alignCounts,
  categoricalDrift,
  chiSquareContingency,
  chiSquareGoodness,
  defaultDriftTest,
  doaneEdges,
  drifts,
  hellinger,
  hellingerNumeric,
  jensenShannon,
  klDivergence,
  learnedLimit,
  lInfinity,
  numericDrift,
  pairedCounts,
  psi,
  referenceCounts,
  sturgesEdges,
  totalVariation,
  wasserstein,
  wassersteinNormed,
} from './drift.ts'
import { kolmogorovSmirnov, kolmogorovTail } from './kolmogorov.ts'

// Values of scipy 1.17.1 and numpy 2.4.6 by the formulas of Evidently and NannyML, on samples that a linear congruential generator gives.
type Case = { name: string; kind: string; ref: never; cur: never } & Record<string, number | string | boolean>
const { cases } = JSON.parse(readFileSync(new URL('fixtures/drift-golden.json', import.meta.url), 'utf8')) as {
  cases: Case[]
}

const uniforms = (seed: number): (() => number) => {
  let s = seed
  return () => {
    s = Number((1664525n * BigInt(s) + 1013904223n) % 4294967296n)
    return s / 4294967296
  }
}
const triangular = ([, seed, n, location, scale]: [string, number, number, number, number]): Float64Array => {
  const u = uniforms(seed)
  return Float64Array.from({ length: n }, () => (u() + u() + u() + u() - 2) * scale + location).sort()
}
const categories = ([seed, n, cumulated]: [number, number, number[]]): Map<string, number> => {
  const u = uniforms(seed)
  const counts = new Map<string, number>()
  for (let i = 0; i < n; i++) {
    const x = u()
    const key = 'abcdefgh'[cumulated.findIndex((edge) => x < edge)] as string
    counts.set(key, (counts.get(key) ?? 0) + 1)
  }
  return new Map([...counts].toSorted(([a], [b]) => (a < b ? -1 : 1)))
}

const close = (actual: number, expected: unknown, relative: number, what: string): void => {
  const error = Math.abs(actual - (expected as number)) / Math.max(Math.abs(expected as number), 1e-300)
  expect(error, `${what}: ${actual} against ${expected as number}`).toBeLessThan(relative)
}

for (const golden of cases.filter(({ kind }) => kind === 'num')) {
  test(`numbers, ${golden.name}: every distance and p-value agrees`, () => {
    const ref = triangular(golden.ref)
    const cur = triangular(golden.cur)
    const pair = pairedCounts(ref, cur)
    const own = referenceCounts(ref, cur)
    const exact = kolmogorovSmirnov(ref, cur)
    close(exact.statistic, golden.ks_stat, 1e-12, 'ks')
    close(exact.p, golden.ks_p_auto, 1e-9, 'ks exact p')
    close(kolmogorovSmirnov(ref, cur, 'asymptotic').p, golden.ks_p_asymp, 1e-4, 'ks asymptotic p')
    close(wasserstein(ref, cur), golden.wasserstein_raw, 1e-10, 'wasserstein')
    close(wassersteinNormed(ref, cur), golden.wasserstein_normed, 1e-10, 'wasserstein normed')
    close(psi(pair), golden.evidently_psi, 1e-10, 'psi')
    close(klDivergence(pair), golden.evidently_kl, 1e-10, 'kl')
    close(jensenShannon(pair), golden.evidently_js, 1e-10, 'js')
    close(hellingerNumeric(ref, cur), golden.evidently_hellinger, 1e-10, 'hellinger')
    close(jensenShannon(own, 2), golden.nannyml_js, 1e-10, 'js on reference bins')
    close(hellinger(own), golden.nannyml_hellinger, 1e-10, 'hellinger on reference bins')
    expect(doaneEdges(ref).length - 1).toBe(golden.doane_bins)
    const both = Float64Array.of(...ref, ...cur).sort()
    expect(sturgesEdges(both[0]!, both.at(-1)!, both.length).length - 1).toBe(golden.sturges_bins_combined)
    const chosen = defaultDriftTest('numeric', ref.length, both.length)
    expect(chosen).toBe(golden.default_test)
    close(numericDrift(chosen, ref, cur), golden.default_score, 1e-9, 'default score')
    expect(drifts(chosen, numericDrift(chosen, ref, cur))).toBe(golden.default_drift)
  })
}

for (const golden of cases.filter(({ kind }) => kind === 'cat')) {
  test(`categories, ${golden.name}: every distance and p-value agrees`, () => {
    const ref = categories(golden.ref)
    const cur = categories(golden.cur)
    expect(Object.fromEntries(ref)).toEqual(golden.counts_ref)
    expect(Object.fromEntries(cur)).toEqual(golden.counts_cur)
    const pair = alignCounts(ref, cur)
    close(chiSquareGoodness(pair), golden.evidently_chi_p, 1e-9, 'chi square')
    close(psi(pair), golden.evidently_psi, 1e-10, 'psi')
    close(klDivergence(pair), golden.evidently_kl, 1e-10, 'kl')
    close(jensenShannon(pair), golden.evidently_js, 1e-10, 'js')
    close(hellinger(pair), golden.evidently_hellinger, 1e-9, 'hellinger')
    close(totalVariation(pair), golden.tvd, 1e-10, 'tvd')
    const { statistic, p } = chiSquareContingency(pair)
    close(statistic, golden.nannyml_chi2, 1e-10, 'contingency')
    close(p, golden.nannyml_chi2_p, 1e-9, 'contingency p')
    close(jensenShannon(pair, 2), golden.nannyml_js, 1e-10, 'js base 2')
    close(hellinger(pair), golden.nannyml_hellinger, 1e-9, 'hellinger')
    close(lInfinity(pair), golden.nannyml_linf, 1e-10, 'l infinity')
    if (golden.evidently_z_p !== undefined) close(categoricalDrift('z', pair), golden.evidently_z_p, 1e-10, 'z')
    const names: Record<string, string> = { chisquare: 'chi_square', jensenshannon: 'jensen_shannon', z: 'z' }
    expect(
      defaultDriftTest(
        'categorical',
        [...ref.values()].reduce((a, b) => a + b),
        pair.keys.length,
      ),
    ).toBe(names[golden.default_test as string])
  })
}

test("Evidently's own constants", () => {
  const ref = Float64Array.of(16, 18, 16, 14, 12, 12)
  const cur = Float64Array.of(16, 16, 16, 16, 16, 8)
  expect(chiSquareGoodness({ reference: ref, current: cur })).toBeCloseTo(0.67309, 5)
  expect(hellinger({ reference: ref, current: cur })).toBeCloseTo(0.06812, 4)
})

test('samples that share no value are as far apart as can be', () => {
  const ref = Float64Array.from({ length: 300 }, (_, i) => i)
  const cur = Float64Array.from({ length: 300 }, (_, i) => i + 10_000)
  expect(jensenShannon(pairedCounts(ref, cur))).toBeCloseTo(Math.sqrt(Math.LN2), 12)
  expect(jensenShannon(referenceCounts(ref, cur), 2)).toBeCloseTo(1, 12)
  expect(wasserstein(ref, cur)).toBeCloseTo(10_000, 8)
})

test('a category that the reference never had gives p 0', () => {
  expect(
    chiSquareGoodness(
      alignCounts(
        new Map([['a', 50]]),
        new Map([
          ['a', 49],
          ['b', 1],
        ]),
      ),
    ),
  ).toBe(0)
})

test('a column that never varies has no drift and does not divide by zero', () => {
  const same = new Float64Array(2000).fill(3)
  expect(wassersteinNormed(same, same)).toBe(0)
  expect(jensenShannon(pairedCounts(same, same))).toBe(0)
  expect(hellingerNumeric(same, same)).toBe(0)
})

test('the exact and the limiting distribution of the one-sample statistic meet', () => {
  for (const d of [0.02, 0.025, 0.03, 0.04, 0.045])
    expect(Math.abs(kolmogorovTail(1000, d) - kolmogorovTail(1000, d, 0))).toBeLessThan(3e-5)
})

test('a learned limit is mean plus three deviations of the chunks, with a floor', () => {
  expect(learnedLimit([0.02, 0.04, 0.06])).toBeCloseTo(0.04 + 3 * Math.sqrt(0.0008 / 3), 12)
  expect(learnedLimit([0, 0, 0], 0.01)).toBe(0.01)
})

test('a test for numbers refuses categories', () => {
  expect(() => categoricalDrift('ks', alignCounts(new Map(), new Map()))).toThrow("test 'ks' needs numbers")
})

test('a million values against 80 000 take seconds at most', () => {
  const ref = triangular(['tri', 1, 80_000, 0, 1])
  const cur = triangular(['tri', 2, 80_000, 0, 1])
  const many = Float64Array.from({ length: 1_040_000 }, (_, i) => cur[i % 80_000]! + (i % 13) / 1000).sort()
  const start = performance.now()
  numericDrift('wasserstein', ref, many)
  numericDrift('ks', ref, many)
  numericDrift('psi', ref, many)
  expect(performance.now() - start).toBeLessThan(10_000)
})
