import type { DurationParts } from '@kiban/contract/project-file'

/** A span of event time, [startMs, endMs), with the name people give it. */
export type Span = { readonly startMs: number; readonly endMs: number; readonly label: string }

const DAY_MS = 86_400_000

/**
 * The calendar window of a time zone that holds an instant: whole months, whole local days (of seven: Monday to Sunday), or, below a
 * day, equal parts of UTC. A local day is as long as the zone makes it (23 or 25 hours at the change of summer time).
 */
export function calendarWindow(atMs: number, duration: DurationParts, timeZone: string): Span {
  if (duration.months > 0) {
    const { year, month } = localDate(atMs, timeZone)
    const first = Math.floor((year * 12 + month - 1) / duration.months) * duration.months
    const startMs = monthStart(first, timeZone)
    const from = `${Math.floor(first / 12)}-${pad((first % 12) + 1)}`
    const last = first + duration.months - 1
    const label = duration.months === 1 ? from : `${from}..${Math.floor(last / 12)}-${pad((last % 12) + 1)}`
    return { startMs, endMs: monthStart(first + duration.months, timeZone), label }
  }
  if (duration.ms % DAY_MS === 0) {
    const days = duration.ms / DAY_MS
    const { year, month, day } = localDate(atMs, timeZone)
    const number = Date.UTC(year, month - 1, day) / DAY_MS
    // Day 0 is a Thursday; weeks begin on a Monday.
    const shift = days % 7 === 0 ? 3 : 0
    const first = Math.floor((number + shift) / days) * days - shift
    const name = (n: number): string => new Date(n * DAY_MS).toISOString().slice(0, 10)
    const label = days === 1 ? name(first) : `${name(first)}..${name(first + days - 1)}`
    return { startMs: dayStart(first, timeZone), endMs: dayStart(first + days, timeZone), label }
  }
  const startMs = Math.floor(atMs / duration.ms) * duration.ms
  return { startMs, endMs: startMs + duration.ms, label: new Date(startMs).toISOString().replace(/:00\.000Z$/, 'Z') }
}

/** The local days that a span covers. */
export function daysOf(span: Span, timeZone: string): Span[] {
  const days: Span[] = []
  for (let at = span.startMs; at < span.endMs; at = days.at(-1)?.endMs ?? span.endMs)
    days.push(calendarWindow(at, { months: 0, ms: DAY_MS }, timeZone))
  return days
}

/** Whether the runtime knows the zone. */
export function isTimeZone(timeZone: string): boolean {
  try {
    new Intl.DateTimeFormat('en', { timeZone })
    return true
  } catch {
    return false
  }
}

function monthStart(months: number, timeZone: string): number {
  return localMidnight(Math.floor(months / 12), (months % 12) + 1, 1, timeZone)
}

function dayStart(number: number, timeZone: string): number {
  const date = new Date(number * DAY_MS)
  return localMidnight(date.getUTCFullYear(), date.getUTCMonth() + 1, date.getUTCDate(), timeZone)
}

/** The first instant of a local date. Where midnight is skipped, the first instant after the gap. */
function localMidnight(year: number, month: number, day: number, timeZone: string): number {
  const wall = Date.UTC(year, month - 1, day)
  let at = wall - offsetMs(wall, timeZone)
  at = wall - offsetMs(at, timeZone)
  const found = localDate(at, timeZone)
  return found.year === year && found.month === month && found.day === day ? at : at + 3_600_000
}

type LocalTime = { year: number; month: number; day: number; hour: number; minute: number; second: number }

const formats = new Map<string, Intl.DateTimeFormat>()

function localDate(atMs: number, timeZone: string): LocalTime {
  let format = formats.get(timeZone)
  if (format === undefined) {
    format = new Intl.DateTimeFormat('en-US', {
      timeZone,
      hourCycle: 'h23',
      year: 'numeric',
      month: 'numeric',
      day: 'numeric',
      hour: 'numeric',
      minute: 'numeric',
      second: 'numeric',
    })
    formats.set(timeZone, format)
  }
  const parts = format.formatToParts(atMs)
  const part = (type: string): number => Number(parts.find((candidate) => candidate.type === type)?.value)
  return {
    year: part('year'),
    month: part('month'),
    day: part('day'),
    hour: part('hour'),
    minute: part('minute'),
    second: part('second'),
  }
}

function offsetMs(atMs: number, timeZone: string): number {
  const { year, month, day, hour, minute, second } = localDate(atMs, timeZone)
  return Date.UTC(year, month - 1, day, hour, minute, second) - Math.floor(atMs / 1000) * 1000
}

const pad = (n: number): string => String(n).padStart(2, '0')
