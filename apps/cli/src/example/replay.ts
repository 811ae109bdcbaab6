import { createHash } from 'node:crypto'
import type { Airline, Flight } from './airline.ts'
import { askEndpoint } from './ask-endpoint.ts'
import { addDays, instantOf, monthOf } from './calendar.ts'
import type { Day } from './calendar.ts'
import { commitMonth, pathsOf, setClock, today } from './life.ts'
import type { Life } from './life.ts'
import type { Say } from './progress.ts'

/** The first day of production. */
export const FIRST_DAY: Day = '2013-04-01'

/** Counts of this start of the driver; what happened before is known to the platform. */
export type ReplayCounts = {
  requests: number
  flights: number
  lost: number
  lastId: string | undefined
  firstLoss: string | undefined
}

const PARALLEL = 4
// About as many flights as New York plans in an hour; while a roll-out bakes, smaller requests give it more to be judged by.
const FLIGHTS_A_REQUEST = 75
const FLIGHTS_A_REQUEST_BAKING = 20

/**
 * Replays production day by day from the project's clock up to and including `lastDay`, as the world would: at 06:00 yesterday's
 * outcomes arrive (on the first of a month also the month's files), then the day's flights are asked about. `afterDay` is called
 * with the clock at the day's end and may end the replay by giving true.
 */
export async function replay(
  life: Life,
  airline: Airline,
  counts: ReplayCounts,
  input: {
    readonly lastDay: Day
    readonly say: Say
    readonly baking?: boolean
    readonly afterDay?: (day: Day) => Promise<boolean | void>
  },
): Promise<void> {
  let day = (await today(life)) ?? FIRST_DAY
  if (day < FIRST_DAY) day = FIRST_DAY
  const outcomes = new Set(await pathsOf(life, 'outcomes'))
  const { urls } = await life.client.getEndpoint({ project: life.project, endpoint: 'delay' })
  let first = true
  for (; day <= input.lastDay; day = addDays(day, 1)) {
    await beginDay(life, airline, day, outcomes)
    const of = await airline.day(day)
    const answered = first ? await answeredKeys(life, day) : new Set<string>()
    first = false
    const flights = of.flights.filter((flight) => !answered.has(flight.flight_id))
    await askAll(life, urls, flights, input.baking === true ? FLIGHTS_A_REQUEST_BAKING : FLIGHTS_A_REQUEST, counts)
    input.say(
      `${day}  ${counts.requests.toLocaleString('en')} requests, ${counts.flights.toLocaleString('en')} flights, ${counts.lost} lost`,
    )
    await setClock(life, day, 23)
    if ((await input.afterDay?.(day)) === true) return
  }
}

/** 06:00: what arrives in the morning. */
export async function beginDay(life: Life, airline: Airline, day: Day, outcomes: Set<string>): Promise<void> {
  await setClock(life, day, 6)
  const yesterday = addDays(day, -1)
  if (yesterday >= FIRST_DAY) await commitOutcomes(life, airline, yesterday, outcomes)
  if (day.endsWith('-01') && day > FIRST_DAY)
    for (const dataset of ['flights', 'weather']) await commitMonth(life, dataset, monthOf(day) - 1)
}

async function commitOutcomes(life: Life, airline: Airline, day: Day, outcomes: Set<string>): Promise<void> {
  const path = `outcomes-${day}.parquet`
  if (outcomes.has(path)) return
  const bytes = await airline.outcomesFile(await airline.day(day))
  const hash = createHash('sha256').update(bytes).digest('hex')
  const { client, project } = life
  await client.putBlob({ project, sha256: hash, body: new Uint8Array(bytes) })
  await client.commitDatasetVersion({
    project,
    dataset: 'outcomes',
    files: [{ path, hash, sizeBytes: bytes.length }],
    mode: 'append',
    message: `Outcomes of ${day}`,
  })
  outcomes.add(path)
}

async function askAll(
  life: Life,
  urls: { readonly rest: string; readonly fast: string; readonly rows: string },
  flights: readonly Flight[],
  size: number,
  counts: ReplayCounts,
): Promise<void> {
  const batches = Array.from({ length: Math.ceil(flights.length / size) }, (_, i) =>
    flights.slice(i * size, (i + 1) * size),
  )
  let next = 0
  const worker = async () => {
    for (;;) {
      const i = next++
      const batch = batches[i]
      if (batch === undefined) return
      // Every second request is tensors, the others plain rows.
      const answer = await askEndpoint(
        { rest: urls.fast, rows: urls.rows },
        batch,
        i % 2 === 0 ? 'tensors' : 'rows',
        life.signal,
      )
      life.signal.throwIfAborted()
      // A server that is gone is no lost request: the driver stops, and a new start asks again.
      if (answer.status === 0) throw new Error(`The endpoint can't be reached: ${answer.reason}`)
      counts.requests++
      counts.flights += batch.length
      if (answer.ok) counts.lastId = answer.ids.at(-1) ?? counts.lastId
      else {
        counts.lost++
        counts.firstLoss ??= `status ${answer.status}: ${answer.reason}`
      }
    }
  }
  await Promise.all(Array.from({ length: PARALLEL }, worker))
}

/** Flights of the day that were answered before the driver was interrupted: they are not asked about twice. */
async function answeredKeys(life: Life, day: Day): Promise<ReadonlySet<string>> {
  const keys = new Set<string>()
  let cursor: string | undefined
  do {
    const page = await life.client.listPredictions({
      project: life.project,
      endpoint: 'delay',
      fromMs: instantOf(day, 0),
      toMs: instantOf(addDays(day, 1), 0),
      limit: 1000,
      ...(cursor === undefined ? {} : { cursor }),
    })
    for (const one of page.items) if (one.key !== null) keys.add(one.key)
    cursor = page.nextCursor ?? undefined
  } while (cursor !== undefined)
  return keys
}
