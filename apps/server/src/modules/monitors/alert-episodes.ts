import type { SignalValueRow } from './signal-values.store.ts'
import type { WindowRow } from './monitors.store.ts'

/** A rule's verdict in one window, in order of time. */
export type RulePoint = {
  readonly window: Pick<WindowRow, 'id' | 'label' | 'start_at' | 'end_at'>
  readonly value: Pick<
    SignalValueRow,
    'status' | 'value' | 'limit_value' | 'for_windows' | 'reason' | 'metric' | 'signal' | 'severity'
  >
}

/** A stretch of failing windows that is long enough to be told: it opens at `opened`, the window that completes the `for`. */
export type Episode = {
  readonly first: RulePoint
  readonly opened: RulePoint
  readonly last: RulePoint
  /** Failing windows in it. */
  readonly windows: number
  readonly points: readonly RulePoint[]
  /** The window that was fine again; undefined while it lasts. */
  readonly ended: RulePoint | undefined
}

/**
 * Cuts the windows of one rule into episodes. A window that is fine ends the stretch; one without enough rows or labels neither
 * continues nor ends what is open, but breaks a count that has not reached its `for`: windows in a row means without a gap.
 */
export function alertEpisodes(points: readonly RulePoint[]): Episode[] {
  const episodes: Episode[] = []
  let streak: RulePoint[] = []
  let opened: RulePoint | undefined
  const close = (ended: RulePoint | undefined): void => {
    const [first] = streak
    const last = streak.at(-1)
    if (opened && first && last) episodes.push({ first, opened, last, windows: streak.length, points: streak, ended })
    streak = []
    opened = undefined
  }
  let endOfLast: number | undefined
  for (const point of points) {
    // A window that is missing (empty, or not computed) counts as one without data.
    const isGap = endOfLast !== undefined && point.window.start_at > endOfLast
    endOfLast = point.window.end_at
    if (isGap && opened === undefined) streak = []
    const { status, for_windows: needed } = point.value
    if (status === 'warn' || status === 'fail') {
      streak.push(point)
      if (opened === undefined && streak.length >= needed) opened = point
    } else if (status === 'no_data') {
      if (opened === undefined) streak = []
    } else close(point)
  }
  close(undefined)
  return episodes
}

/** The sentence of an alert: the newest verdict, and with `for` the run of windows that led to it. */
export function episodeReason(episode: Episode): string {
  const { value } = episode.last
  if (value.for_windows <= 1 && episode.windows === 1) return `${value.reason} in ${episode.last.window.label}.`
  const shown = episode.points
    .slice(-4)
    .map(({ window, value: at }) => `${window.label}: ${at.value === null ? '–' : Number(at.value.toPrecision(3))}`)
  const limit = value.limit_value === null ? '' : `, limit ${Number(value.limit_value.toPrecision(3))}`
  return `${value.reason}, for ${episode.windows} windows in a row (${shown.join(', ')}${limit}).`
}
