import { expect, test } from 'vitest'
import { JobState } from '@kiban/contract/jobs'
import { isEnd, next } from './jobs.state.ts'
import type { JobEvent } from './jobs.state.ts'

const EVENTS: JobEvent[] = ['claim', 'start', 'succeed', 'fail', 'retry', 'return', 'cancel']

test('nothing happens to a job that has ended', () => {
  for (const state of ['succeeded', 'failed', 'cancelled'] as const) {
    expect(isEnd(state)).toBe(true)
    for (const event of EVENTS) expect(next(state, event)).toBeUndefined()
  }
})

test('every job that has not ended can be cancelled and can fail', () => {
  for (const state of JobState.options.filter((option) => !isEnd(option))) {
    expect(next(state, 'cancel')).toBe('cancelled')
    expect(next(state, 'fail')).toBe('failed')
  }
})

test('only what was prepared runs, and only what runs succeeds', () => {
  for (const state of JobState.options) {
    expect(next(state, 'start') !== undefined).toBe(state === 'preparing')
    expect(next(state, 'succeed') !== undefined).toBe(state === 'running')
    expect(next(state, 'claim') !== undefined).toBe(state === 'queued')
  }
})
