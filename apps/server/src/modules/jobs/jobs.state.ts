import type { JobState } from '@kiban/contract/jobs'

/** What can happen to a job. `return`: its server went away before the attempt had started, so it goes back as if never taken. */
export type JobEvent = 'claim' | 'start' | 'succeed' | 'fail' | 'retry' | 'return' | 'cancel'

const NEXT: Readonly<Record<JobState, Partial<Record<JobEvent, JobState>>>> = {
  queued: { claim: 'preparing', cancel: 'cancelled', fail: 'failed' },
  preparing: { start: 'running', fail: 'failed', retry: 'queued', return: 'queued', cancel: 'cancelled' },
  running: { succeed: 'succeeded', fail: 'failed', retry: 'queued', cancel: 'cancelled' },
  succeeded: {},
  failed: {},
  cancelled: {},
}

/** The state after `event`, or undefined where it does not apply: then somebody else was first, and the event is dropped. */
export function next(state: JobState, event: JobEvent): JobState | undefined {
  return NEXT[state][event]
}

/** True for the three ends. */
export function isEnd(state: JobState): boolean {
  return Object.keys(NEXT[state]).length === 0
}
