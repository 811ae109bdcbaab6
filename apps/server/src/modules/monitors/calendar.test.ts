import { expect, test } from 'vitest'
import { calendarWindow, daysOf } from './calendar.ts'

const MONTH = { months: 1, ms: 0 }
const DAY = { months: 0, ms: 86_400_000 }
const iso = (span: { startMs: number; endMs: number; label: string }): string[] => [
  span.label,
  new Date(span.startMs).toISOString(),
  new Date(span.endMs).toISOString(),
]

test('a month is that of the time zone', () => {
  expect(iso(calendarWindow(Date.parse('2013-08-01T03:59:59Z'), MONTH, 'America/New_York'))).toEqual([
    '2013-07',
    '2013-07-01T04:00:00.000Z',
    '2013-08-01T04:00:00.000Z',
  ])
  expect(calendarWindow(Date.parse('2013-12-31T23:59:59Z'), MONTH, 'UTC').label).toBe('2013-12')
})

test('a local day has 23 and 25 hours at the changes of summer time', () => {
  const hours = (at: string): number => {
    const { startMs, endMs } = calendarWindow(Date.parse(at), DAY, 'America/New_York')
    return (endMs - startMs) / 3_600_000
  }
  expect(['2013-03-10T12:00Z', '2013-11-03T12:00Z', '2013-07-01T12:00Z'].map(hours)).toEqual([23, 25, 24])
})

test('weeks begin on a Monday, quarters in January, hours are of UTC', () => {
  expect(iso(calendarWindow(Date.parse('2013-07-07T10:00Z'), { months: 0, ms: 7 * DAY.ms }, 'UTC'))[0]).toBe(
    '2013-07-01..2013-07-07',
  )
  expect(calendarWindow(Date.parse('2013-08-07T10:00Z'), { months: 3, ms: 0 }, 'UTC').label).toBe('2013-07..2013-09')
  expect(iso(calendarWindow(Date.parse('2013-07-07T10:20Z'), { months: 0, ms: 3_600_000 }, 'Asia/Tokyo'))).toEqual([
    '2013-07-07T10:00Z',
    '2013-07-07T10:00:00.000Z',
    '2013-07-07T11:00:00.000Z',
  ])
})

test('the days of a window touch and cover it', () => {
  const month = calendarWindow(Date.parse('2013-11-05T00:00Z'), MONTH, 'America/New_York')
  const days = daysOf(month, 'America/New_York')
  expect(days).toHaveLength(30)
  expect([days[0]?.startMs, days.at(-1)?.endMs]).toEqual([month.startMs, month.endMs])
  expect(days.slice(1).every((day, i) => day.startMs === days[i]?.endMs)).toBe(true)
})
