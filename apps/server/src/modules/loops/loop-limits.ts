import { durationMs } from '@kiban/contract/project-file'
import type { LoopSpec } from '@kiban/contract/project-file'
import type { FiringRow } from './loops.store.ts'

const STARTED = (row: Pick<FiringRow, 'started_at'>): boolean => row.started_at !== null

/**
 * Why a loop may not fire at an instant of the project's clock, in a sentence; null when it may. One firing at a time: a second training
 * would race the first for the alias. Cool-down counts from the last start, months are of the calendar (UTC).
 */
export function blockedReason(
  spec: Pick<LoopSpec, 'limits'>,
  firings: readonly FiringRow[],
  nowMs: number,
): string | null {
  const running = firings.find((row) => STARTED(row) && row.ended_at === null)
  if (running) return `firing #${running.number} is not over yet (${running.state.replaceAll('_', ' ')})`
  const started = firings.filter(STARTED)
  const last = Math.max(...started.map((row) => row.started_at ?? 0))
  const { cooldown, perMonth } = spec.limits ?? {}
  if (cooldown !== undefined && started.length > 0 && nowMs < last + durationMs(cooldown))
    return `it cools down until ${new Date(last + durationMs(cooldown)).toISOString()} (limits.cooldown: ${cooldown})`
  const count = firingsInMonth(firings, nowMs)
  if (perMonth !== undefined && count >= perMonth)
    return `it has fired ${count} times this month (limits.perMonth: ${perMonth})`
  return null
}

/** Firings that started in the calendar month (UTC) of an instant. */
export function firingsInMonth(firings: readonly FiringRow[], nowMs: number): number {
  const month = new Date(nowMs).toISOString().slice(0, 7)
  return firings.filter(
    (row) => row.started_at !== null && new Date(row.started_at).toISOString().slice(0, 7) === month,
  ).length
}
