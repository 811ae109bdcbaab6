import type { Clock } from '@kiban/kit/clock'

/** A clock that stands still until a test moves it. */
export function manualClock(
  startMs: number = Date.UTC(2026, 0, 1),
): Clock & { set(ms: number): void; advance(ms: number): void } {
  let now = startMs
  return {
    now: () => now,
    set: (ms) => {
      now = ms
    },
    advance: (ms) => {
      now += ms
    },
  }
}
