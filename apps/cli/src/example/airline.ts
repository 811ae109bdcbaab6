import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DuckDBInstance } from '@duckdb/node-api'
import type { DuckDBConnection } from '@duckdb/node-api'
import { addDays, instantOf, monthLabel } from './calendar.ts'
import type { Day } from './calendar.ts'

/** What the model is asked about one flight: key, planned departure (ISO, UTC) and the 25 features; null is not known. */
export type Flight = { readonly flight_id: string; readonly sched: string } & Readonly<
  Record<string, string | number | null>
>

/** The flights of one local day, in the order of their decision, and what came of them. */
export type FlightDay = {
  readonly day: Day
  readonly flights: readonly Flight[]
  /** Late or not, of the flights that arrived where they were planned to. */
  readonly outcomes: readonly { readonly flight_id: string; readonly late: number }[]
}

/**
 * Plays the airline: the application outside of the platform that knows a flight's features two hours before its departure. It
 * computes them with the example's own `features.sql` from the files of that month and the one before; the SQL reads nothing from after the moment of decision.
 */
export class Airline {
  readonly #folder: string
  readonly #instance: DuckDBInstance
  readonly #months = new Map<number, Promise<ReadonlyMap<Day, FlightDay>>>()

  static async open(folder: string): Promise<Airline> {
    return new Airline(folder, await DuckDBInstance.create(':memory:', { threads: '1' }))
  }

  private constructor(folder: string, instance: DuckDBInstance) {
    this.#folder = folder
    this.#instance = instance
  }

  /** The flights of a day of 2013. */
  async day(day: Day): Promise<FlightDay> {
    const month = Number(day.slice(5, 7))
    const computed = this.#months.get(month) ?? this.#compute(month)
    this.#months.set(month, computed)
    for (const other of this.#months.keys()) if (other < month) this.#months.delete(other)
    return (await computed).get(day) ?? { day, flights: [], outcomes: [] }
  }

  /** The labels of a day as the bytes of a Parquet file: flight_id, late, available_at (06:00 of the day after, UTC). */
  async outcomesFile(of: FlightDay): Promise<Buffer> {
    const scratch = await mkdtemp(join(tmpdir(), 'kiban-outcomes-'))
    const connection = await this.#instance.connect()
    try {
      const file = join(scratch, 'outcomes.parquet')
      const json = join(scratch, 'outcomes.json')
      const availableAt = new Date(instantOf(addDays(of.day, 1), 6)).toISOString().slice(0, 19)
      await writeFile(json, of.outcomes.map((one) => JSON.stringify(one)).join('\n'))
      const columns = "columns = {flight_id: 'VARCHAR', late: 'INTEGER'}"
      await connection.run(
        `COPY (SELECT *, TIMESTAMP '${availableAt}' AS available_at FROM read_json('${json}', format = 'newline_delimited', ${columns})) TO '${file}' (FORMAT parquet, COMPRESSION zstd)`,
      )
      return await readFile(file)
    } finally {
      connection.closeSync()
      await rm(scratch, { recursive: true, force: true })
    }
  }

  close(): void {
    this.#instance.closeSync()
  }

  async #compute(month: number): Promise<ReadonlyMap<Day, FlightDay>> {
    const instance = await DuckDBInstance.create(':memory:', { threads: '1' })
    const connection = await instance.connect()
    try {
      for (const table of ['flights', 'weather']) {
        const files = [month - 1, month]
          .filter((one) => one >= 1)
          .map((one) => `'${join(this.#folder, 'data', `${table}-${monthLabel(one)}.parquet`)}'`)
        await connection.run(`CREATE VIEW ${table} AS SELECT * FROM read_parquet([${files.join(', ')}])`)
      }
      const from = `${monthLabel(month)}-01`
      const until = month === 12 ? '2014-01-01' : `${monthLabel(month + 1)}-01`
      await runFile(connection, join(this.#folder, 'features.sql'), { from_day: from, until_day: until })
      const asked = await connection.runAndReadAll(
        "SELECT * EXCLUDE (day, late) REPLACE (strftime(sched, '%Y-%m-%dT%H:%M:%SZ') AS sched), CAST(day AS VARCHAR) AS day_text, late FROM features ORDER BY sched, flight_id",
      )
      return byDay(asked.getRowObjectsJS())
    } finally {
      connection.closeSync()
      instance.closeSync()
    }
  }
}

function byDay(rows: readonly Readonly<Record<string, unknown>>[]): ReadonlyMap<Day, FlightDay> {
  const days = new Map<Day, { day: Day; flights: Flight[]; outcomes: { flight_id: string; late: number }[] }>()
  for (const row of rows) {
    const { day_text: day, late, ...flight } = row
    const key = String(day)
    const entry = days.get(key) ?? { day: key, flights: [], outcomes: [] }
    days.set(key, entry)
    entry.flights.push(flight as Flight) // the columns that features.sql makes: text, floats and null
    if (late !== null) entry.outcomes.push({ flight_id: String(flight['flight_id']), late: Number(late) })
  }
  return days
}

async function runFile(
  connection: DuckDBConnection,
  file: string,
  values: Readonly<Record<string, string>>,
): Promise<void> {
  const statements = await connection.extractStatements(await readFile(file, 'utf8'))
  for (let i = 0; i < statements.count; i++) {
    const prepared = await statements.prepare(i)
    for (let p = 1; p <= prepared.parameterCount; p++) prepared.bindVarchar(p, values[prepared.parameterName(p)] ?? '')
    await prepared.run()
    prepared.destroySync()
  }
}
