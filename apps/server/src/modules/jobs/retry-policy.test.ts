import { createHash } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import type { RetryRule } from '@kiban/contract/jobs'
import { decideRetry, retryDelayMs } from './retry-policy.ts'

const GIB = 2 ** 30
const rule = (change: Partial<RetryRule>): RetryRule => ({
  on: ['oom'],
  times: 1,
  delayMs: 0,
  maxDelayMs: 0,
  ...change,
})

function decide(change: Partial<Parameters<typeof decideRetry>[0]>) {
  const base = {
    rules: [],
    cause: 'lost' as const,
    exitCode: null,
    attempt: 1,
    counts: {},
    resources: { cpu: 1, memoryBytes: 2 * GIB },
  }
  return decideRetry({ ...base, memoryLimitBytes: 6 * GIB, seed: 's', ...change })
}

describe('without a rule', () => {
  test.each([
    ['preempted', 20],
    ['lost', 3],
    ['timeout', 0],
    ['oom', 1],
    ['start_failed', 3],
    ['user_error', 0],
  ] as const)('%s is tried again %i times', (cause, times) => {
    for (let used = 0; used < times; used++)
      expect(decide({ cause, counts: { [`default:${cause}`]: used } }).retry).toBe(true)
    expect(decide({ cause, counts: { [`default:${cause}`]: times } }).retry).toBe(false)
  })

  test('out of memory doubles the memory, up to what the machine has', () => {
    expect(decide({ cause: 'oom' })).toMatchObject({ resources: { memoryBytes: 4 * GIB } })
    expect(decide({ cause: 'oom', resources: { cpu: 1, memoryBytes: 5 * GIB } })).toMatchObject({
      resources: { memoryBytes: 6 * GIB },
    })
  })
})

describe('with rules', () => {
  test('the first that matches decides and counts for itself', () => {
    const rules = [rule({ on: [7], times: 0 }), rule({ on: ['user_error'], times: 2 })]
    expect(decide({ rules, cause: 'user_error', exitCode: 7 }).retry).toBe(false)
    expect(decide({ rules, cause: 'user_error', exitCode: 8, counts: { '0': 9, '1': 1 } })).toMatchObject({
      retry: true,
      rule: '1',
    })
    expect(decide({ rules, cause: 'user_error', exitCode: 8, counts: { '1': 2 } }).retry).toBe(false)
  })

  test('an exit code is one of the user, not that of a kill for another cause', () => {
    expect(decide({ rules: [rule({ on: [137], times: 5 })], cause: 'timeout', exitCode: 137 }).retry).toBe(false)
  })

  test('memory stops at maxMemory', () => {
    const rules = [rule({ times: 9, memoryFactor: 2, maxMemoryBytes: 3 * GIB })]
    expect(decide({ rules, cause: 'oom' })).toMatchObject({ resources: { memoryBytes: 3 * GIB } })
  })

  test('no more than 100 attempts in all', () => {
    expect(decide({ rules: [rule({ on: ['lost'], times: 100 })], attempt: 99 }).retry).toBe(true)
    expect(decide({ rules: [rule({ on: ['lost'], times: 100 })], attempt: 100 }).retry).toBe(false)
  })
})

test('the delay doubles, is cut at its limit, and is spread by the hash of seed and attempt', () => {
  const u = (n: number) =>
    Number.parseInt(createHash('sha256').update(`run/step\n${n}`).digest('hex').slice(0, 12), 16) / 2 ** 48
  const rule = { delayMs: 10_000, maxDelayMs: 35_000 }
  const expected = [10_000, 20_000, 35_000, 35_000].map((base, i) => Math.round(base * (0.5 + u(i + 1) / 2)))
  expect([1, 2, 3, 4].map((n) => retryDelayMs(rule, 'run/step', n))).toEqual(expected)
})
