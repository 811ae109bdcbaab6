import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { repositoryRoot } from '../project-folder.ts'
import { Airline } from './airline.ts'

const airline = await Airline.open(join(repositoryRoot(), 'examples', 'flights'))
afterAll(() => airline.close())

describe('the airline', () => {
  it('knows a day’s flights with 25 features, key and time, and the labels of those that arrived', async () => {
    const day = await airline.day('2013-05-01')
    expect([day.flights.length, day.outcomes.length]).toEqual([964, 962])
    const flight = day.flights.find((one) => one.flight_id === '2013-05-01-US-1219-EWR')
    expect(Object.keys(flight ?? {})).toHaveLength(27)
    expect(flight).toMatchObject({ sched: '2013-05-01T09:00:00Z', dest: 'CLT', sched_minute: 300, apt_delay_2h: null })
    expect(flight).not.toHaveProperty('late')
  })

  it('does not know the weather of the last day, when the feed was out', async () => {
    const { flights } = await airline.day('2013-12-31')
    expect(flights.every((flight) => flight['temp'] === null)).toBe(true)
  })

  it('writes the labels of a day as Parquet', async () => {
    const bytes = await airline.outcomesFile(await airline.day('2013-05-01'))
    expect(bytes.subarray(0, 4).toString()).toBe('PAR1')
    expect(bytes.length).toBeGreaterThan(1000)
  })
})
