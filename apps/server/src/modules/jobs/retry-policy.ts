import { createHash } from 'node:crypto'
import type { JobCause, JobResources, RetryRule } from '@kiban/contract/jobs'

/** All attempts of a job together, whatever its rules say (project-file §6). */
export const MAX_ATTEMPTS = 100

/** What holds for a cause that no rule of the job names (project-file §6). */
export const DEFAULT_RULES: readonly RetryRule[] = [
  { on: ['preempted'], times: 20, delayMs: 0, maxDelayMs: 0 },
  { on: ['lost'], times: 3, delayMs: 10_000, maxDelayMs: 600_000 },
  { on: ['oom'], times: 1, delayMs: 10_000, maxDelayMs: 600_000, memoryFactor: 2 },
  { on: ['start_failed'], times: 3, delayMs: 10_000, maxDelayMs: 600_000 },
]

export type RetryDecision =
  | { readonly retry: false }
  | { readonly retry: true; readonly rule: string; readonly delayMs: number; readonly resources: JobResources }

/**
 * Whether the attempt that just failed is followed by another. Rules are looked at in order, the job's own first; the first that names
 * the cause or the exit code decides, and counts its own retries in `counts` (by the key given back as `rule`).
 */
export function decideRetry(input: {
  readonly rules: readonly RetryRule[]
  readonly cause: JobCause
  readonly exitCode: number | null
  readonly attempt: number
  readonly counts: Readonly<Record<string, number>>
  readonly resources: JobResources
  readonly memoryLimitBytes: number
  readonly seed: string
}): RetryDecision {
  if (input.attempt >= MAX_ATTEMPTS) return { retry: false }
  const matches = (rule: RetryRule) =>
    rule.on.some((on) =>
      typeof on === 'number' ? input.cause === 'user_error' && on === input.exitCode : on === input.cause,
    )
  const own = input.rules.findIndex(matches)
  const rule = own >= 0 ? input.rules[own] : DEFAULT_RULES.find(matches)
  if (!rule) return { retry: false }
  const key = own >= 0 ? String(own) : `default:${input.cause}`
  const count = input.counts[key] ?? 0
  if (count >= rule.times) return { retry: false }
  return {
    retry: true,
    rule: key,
    delayMs: retryDelayMs(rule, input.seed, input.attempt),
    resources: { ...input.resources, memoryBytes: grow(rule, input.resources.memoryBytes, input.memoryLimitBytes) },
  }
}

/** delay(n) = min(maxDelay, delay·2^(n-1)) · (0.5 + u/2), with u in [0,1) from SHA-256(seed, n) (project-file §6). */
export function retryDelayMs(rule: Pick<RetryRule, 'delayMs' | 'maxDelayMs'>, seed: string, n: number): number {
  const base = Math.min(rule.maxDelayMs, rule.delayMs * 2 ** Math.min(n - 1, 50))
  const u = createHash('sha256').update(`${seed}\n${n}`).digest().readUIntBE(0, 6) / 2 ** 48
  return Math.round(base * (0.5 + u / 2))
}

function grow(rule: RetryRule, memoryBytes: number, limitBytes: number): number {
  if (!rule.memoryFactor) return memoryBytes
  const most = Math.max(memoryBytes, Math.min(rule.maxMemoryBytes ?? Infinity, limitBytes))
  return Math.min(most, Math.round(memoryBytes * rule.memoryFactor))
}
