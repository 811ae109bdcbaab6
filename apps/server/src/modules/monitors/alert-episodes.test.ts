import { expect, test } from 'vitest'
import { alertEpisodes, episodeReason } from './alert-episodes.ts'
import type { RulePoint } from './alert-episodes.ts'

const point = (label: string, value: number | null, forWindows = 2): RulePoint => ({
  window: { id: label, label, start_at: Number(label.slice(5)), end_at: Number(label.slice(5)) + 1 },
  value: {
    status: value === null ? 'no_data' : value > 0.05 ? 'fail' : 'ok',
    value,
    limit_value: 0.05,
    for_windows: forWindows,
    reason: `ece ${value} is above 0.05`,
    metric: 'ece',
    signal: 'performance',
    severity: 'error',
  },
})
// Calibration error of the first model, month by month (the example's figures).
const YEAR = [0.073, 0.012, 0.059, 0.066, 0.017, 0.055, 0.022, 0.007, 0.064].map((value, i) =>
  point(`2013-${String(i + 4).padStart(2, '0')}`, value),
)

test('two windows in a row: April alone does not fire, June and July do, at the end of July', () => {
  for (const months of [1, 2, 3]) expect(alertEpisodes(YEAR.slice(0, months))).toEqual([])
  const [episode, ...more] = alertEpisodes(YEAR.slice(0, 4))
  expect(more).toEqual([])
  expect(episode).toMatchObject({
    first: { window: { label: '2013-06' } },
    opened: { window: { label: '2013-07' } },
    windows: 2,
    ended: undefined,
  })
  expect(episode && episodeReason(episode)).toBe(
    'ece 0.066 is above 0.05, for 2 windows in a row (2013-06: 0.059, 2013-07: 0.066, limit 0.05).',
  )
})

test('a window that is fine ends it, and the rest of the year has no other', () => {
  const episodes = alertEpisodes(YEAR)
  expect(episodes.map(({ opened, ended }) => [opened.window.label, ended?.window.label])).toEqual([
    ['2013-07', '2013-08'],
  ])
})

test('a window without data breaks the count but does not end what is open', () => {
  expect(alertEpisodes([point('2013-01', 0.1), point('2013-02', null), point('2013-03', 0.1)])).toEqual([])
  const [open] = alertEpisodes([point('2013-01', 0.1), point('2013-02', 0.1), point('2013-03', null)])
  expect(open?.ended).toBeUndefined()
})

test('windows with a missing one between them are not in a row', () => {
  expect(alertEpisodes([point('2013-06', 0.1), point('2013-08', 0.1)])).toEqual([])
  expect(alertEpisodes([point('2013-06', 0.1), point('2013-08', 0.1), point('2013-09', 0.1)])).toHaveLength(1)
})

test('without `for` the first failing window opens it', () => {
  expect(alertEpisodes([point('2013-01', 0.1, 1)]).map((episode) => episodeReason(episode))).toEqual([
    'ece 0.1 is above 0.05 in 2013-01.',
  ])
})
