import { describe, expect, test } from 'vitest'
import { latencyBucket } from '@kiban/contract/inference-control'
import { DEFAULT_JUDGE, histogramQuantile, judge, lookDueMs } from './judge.ts'
import type { Traffic } from './judge.ts'

/** Requests whose latencies go evenly from half to twice `ms`. */
function traffic(requests: number, errors: number, ms: number): Traffic {
  const latency = new Map<number, number>()
  for (let i = 0; i < requests; i++) {
    const bucket = latencyBucket(ms * 2 ** (2 * (i / Math.max(1, requests - 1)) - 1))
    latency.set(bucket, (latency.get(bucket) ?? 0) + 1)
  }
  return { requests, errors, latency }
}
const verdicts = (running: Traffic, candidate: Traffic, look = 1) =>
  judge(DEFAULT_JUDGE, { running, candidate, look, now: 0 }).map((each) => each.verdict)

describe('the judge', () => {
  test('finds nothing wrong with an equal version', () => {
    expect(verdicts(traffic(900, 2, 10), traffic(300, 1, 10))).toEqual(['ok', 'ok'])
  })

  test('finds many errors worse, also with few requests', () => {
    expect(verdicts(traffic(500, 0, 10), traffic(30, 15, 10))[0]).toBe('worse')
  })

  test('does not call a single error worse', () => {
    expect(verdicts(traffic(500, 0, 10), traffic(30, 1, 10))[0]).toBe('ok')
  })

  test('finds a version twice as slow worse, and one 10 % slower not', () => {
    expect(verdicts(traffic(900, 0, 50), traffic(400, 0, 100))[1]).toBe('worse')
    expect(verdicts(traffic(900, 0, 50), traffic(400, 0, 55))[1]).toBe('ok')
  })

  test('does not mind a difference below a millisecond', () => {
    expect(verdicts(traffic(900, 0, 0.2), traffic(400, 0, 0.5))[1]).toBe('ok')
  })

  test('says that it has not enough when one side saw nothing', () => {
    expect(verdicts(traffic(500, 0, 10), traffic(0, 0, 10))).toEqual(['not_enough', 'not_enough'])
    expect(verdicts(traffic(0, 0, 10), traffic(50, 25, 10))).toEqual(['not_enough', 'not_enough'])
  })

  test('looks more strictly each time: what is worse at the first look need not be at the tenth', () => {
    const pair = [traffic(200, 2, 10), traffic(60, 6, 10)] as const
    const lower = (look: number) =>
      judge(DEFAULT_JUDGE, { running: pair[0], candidate: pair[1], look, now: 0 })[0]?.interval?.[0] ?? Number.NaN
    expect(lower(1)).toBeGreaterThan(lower(10))
  })

  test('raises a false alarm in less than 5 % of 300 equal roll-outs of six looks', () => {
    let state = 12345
    const random = () => {
      state = (Math.imul(state, 1664525) + 1013904223) >>> 0
      return state / 2 ** 32
    }
    let alarms = 0
    for (let i = 0; i < 300; i++) {
      const running = { requests: 0, errors: 0, latency: new Map<number, number>() }
      const candidate = { requests: 0, errors: 0, latency: new Map<number, number>() }
      let isAlarmed = false
      for (let look = 1; look <= 6; look++) {
        for (const [side, share] of [
          [running, 0.9],
          [candidate, 0.1],
        ] as const)
          for (let n = 0; n < 100 * 2 ** look * share; n++) {
            side.requests += 1
            if (random() < 0.02) side.errors += 1
            const bucket = latencyBucket(5 + 20 * random() ** 3)
            side.latency.set(bucket, (side.latency.get(bucket) ?? 0) + 1)
          }
        isAlarmed ||= judge(
          [
            { metric: 'error_rate', notWorseThan: 'running', tolerance: 0 },
            { metric: 'latency_p95', notWorseThan: 'running', tolerance: 0 },
          ],
          { running, candidate, look, now: 0 },
        ).some((each) => each.verdict === 'worse')
      }
      if (isAlarmed) alarms += 1
    }
    expect(alarms).toBeLessThan(15)
  })

  test('holds a fixed bound', () => {
    const check = [{ metric: 'latency_p95', max: 20, tolerance: 0 }]
    expect(
      judge(check, { running: traffic(0, 0, 1), candidate: traffic(400, 0, 100), look: 1, now: 0 })[0]?.verdict,
    ).toBe('worse')
    expect(
      judge(check, { running: traffic(0, 0, 1), candidate: traffic(400, 0, 5), look: 1, now: 0 })[0]?.verdict,
    ).toBe('ok')
  })
})

test('quantiles of a histogram are right within a bucket', () => {
  const latency = traffic(1001, 0, 10).latency
  expect(histogramQuantile(latency, 0.5)).toBeGreaterThanOrEqual(10)
  expect(histogramQuantile(latency, 0.5)).toBeLessThan(10 * 1.05)
  expect(histogramQuantile(new Map(), 0.5)).toBeNull()
})

test('looks come at 10, 20, 40 … seconds', () => {
  expect([1, 2, 3, 4].map(lookDueMs)).toEqual([10_000, 20_000, 40_000, 80_000])
})
