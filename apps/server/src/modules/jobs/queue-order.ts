import type { JobResources } from '@kiban/contract/jobs'
import { gibibytes } from './capacity.ts'

export type Waiting = { readonly id: string; readonly name: string; readonly resources: JobResources }
export type Holder = { readonly name: string; readonly resources: JobResources }

/**
 * Which of `waiting` (already in order: priority, then age) start now. The first that does not fit holds its place: nothing behind it
 * starts before it, so that a big job is never starved by small ones.
 */
export function planStarts(
  capacity: JobResources,
  holders: readonly Holder[],
  waiting: readonly Waiting[],
): readonly Waiting[] {
  const free = freeOf(capacity, holders)
  const starts: Waiting[] = []
  for (const job of waiting) {
    if (!fits(job.resources, free)) break
    free.cpu -= job.resources.cpu
    free.memoryBytes -= job.resources.memoryBytes
    starts.push(job)
  }
  return starts
}

/** What a queued job that has nothing else to wait for waits for, in one sentence. */
export function capacityReason(input: {
  readonly capacity: JobResources
  readonly holders: readonly Holder[]
  readonly job: JobResources
  readonly before: number
}): string {
  const free = freeOf(input.capacity, input.holders)
  const names = listNames(input.holders.map((holder) => holder.name))
  if (input.job.cpu > free.cpu + EPSILON)
    return `waits for cpu: ${round(input.capacity.cpu - free.cpu)} of ${input.capacity.cpu} in use by ${names}, it asks for ${input.job.cpu}`
  if (input.job.memoryBytes > free.memoryBytes)
    return `waits for memory: ${gibibytes(input.capacity.memoryBytes - free.memoryBytes)} of ${gibibytes(input.capacity.memoryBytes)} asked for by ${names}, it asks for ${gibibytes(input.job.memoryBytes)}`
  if (input.before > 0) return `waits for its turn: ${input.before} before it`
  return 'starts now'
}

// Fractions such as 0.1 + 0.2 must still add up to a whole machine.
const EPSILON = 1e-6

function freeOf(capacity: JobResources, holders: readonly Holder[]): { cpu: number; memoryBytes: number } {
  const free = { ...capacity }
  for (const { resources } of holders) {
    free.cpu -= resources.cpu
    free.memoryBytes -= resources.memoryBytes
  }
  return free
}

function fits(asked: JobResources, free: JobResources): boolean {
  return asked.cpu <= free.cpu + EPSILON && asked.memoryBytes <= free.memoryBytes
}

function listNames(names: readonly string[]): string {
  return names.length > 3 ? `${names.slice(0, 3).join(', ')} and ${names.length - 3} more` : names.join(', ')
}

function round(value: number): number {
  return Math.round(value * 100) / 100
}
