import { describe, expect, it } from 'vitest'
import { addDays, dayOf, instantOf, monthOf } from './calendar.ts'

describe('the calendar of New York in 2013', () => {
  it.each([
    ['2013-01-01', 6, '2013-01-01T11:00:00.000Z'],
    ['2013-03-10', 0, '2013-03-10T05:00:00.000Z'],
    ['2013-03-10', 6, '2013-03-10T10:00:00.000Z'],
    ['2013-07-01', 0, '2013-07-01T04:00:00.000Z'],
    ['2013-11-03', 0, '2013-11-03T04:00:00.000Z'],
    ['2013-11-03', 6, '2013-11-03T11:00:00.000Z'],
  ])('%s at %i is %s', (day, hour, instant) => {
    expect(new Date(instantOf(day, hour)).toISOString()).toBe(instant)
    expect(dayOf(instantOf(day, hour))).toBe(day)
  })

  it('counts days across the end of a month and of the year', () => {
    expect(addDays('2013-04-30', 1)).toBe('2013-05-01')
    expect(addDays('2013-12-31', 1)).toBe('2014-01-01')
    expect(monthOf('2014-01-03')).toBe(13)
  })
})
