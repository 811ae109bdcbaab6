const ZONE = 'America/New_York'
const DAY_MS = 86_400_000

/** A local day of New York, such as `2013-04-01`. */
export type Day = string

/** The instant (ms) of an hour of a local day in New York, daylight saving included. */
export function instantOf(day: Day, hour: number): number {
  const guess = Date.parse(`${day}T${String(hour).padStart(2, '0')}:00:00Z`)
  // The offset two hours later is that of the same day also on the two days on which it changes at 02:00.
  return guess - offsetMs(guess - offsetMs(guess))
}

/** The local day of New York that an instant falls on. */
export function dayOf(instant: number): Day {
  return new Date(instant + offsetMs(instant)).toISOString().slice(0, 10)
}

/** The day that many days later. */
export function addDays(day: Day, days: number): Day {
  return new Date(Date.parse(`${day}T00:00:00Z`) + days * DAY_MS).toISOString().slice(0, 10)
}

/** Number of a day's month, from 1; 13 and more for the next year, since the replay only knows 2013. */
export function monthOf(day: Day): number {
  return Number(day.slice(5, 7)) + (Number(day.slice(0, 4)) - 2013) * 12
}

/** `2013-04` for 4. */
export function monthLabel(month: number): string {
  return `2013-${String(month).padStart(2, '0')}`
}

function offsetMs(instant: number): number {
  const parts = new Intl.DateTimeFormat('en', { timeZone: ZONE, timeZoneName: 'longOffset' }).formatToParts(instant)
  const match = /GMT([+-])(\d\d):(\d\d)/.exec(parts.find((part) => part.type === 'timeZoneName')?.value ?? '')
  if (match === null) return 0
  return (match[1] === '-' ? -1 : 1) * (Number(match[2]) * 60 + Number(match[3])) * 60_000
}
