import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import type { DuckDBConnection, DuckDBResultReader, DuckDBValue } from '@duckdb/node-api'
import { AppError } from '@kiban/kit/errors'

export type SqlParameter = string | number | boolean | bigint | null
export type SqlRow = Record<string, SqlValue>
/** Numbers; text; instants and dates as ISO 8601 text (UTC); lists and structs as JSON values. Integers beyond 2^53 become text. */
export type SqlValue = string | number | boolean | null | readonly SqlValue[] | { readonly [key: string]: SqlValue }
export type SqlColumn = { readonly name: string; readonly type: string }

export type DuckdbAccess = {
  /** Absolute paths of the files that the SQL may read, and nothing else on this machine. */
  readonly readable: readonly string[]
  /** Folders that it may write to (results); none by default. */
  readonly writable?: readonly string[]
  readonly signal?: AbortSignal
  readonly memoryLimit?: string
  /** Default 2; 1 makes written files the same every time. */
  readonly threads?: number
}

/** One locked-down, private DuckDB: it cannot reach other files, the network or its own settings. */
export type Duckdb = {
  rows(sql: string, parameters?: readonly SqlParameter[]): Promise<SqlRow[]>
  /** Rows as arrays, with the names and types of the columns. */
  table(sql: string, parameters?: readonly SqlParameter[]): Promise<{ columns: SqlColumn[]; rows: SqlValue[][] }>
  /** Column by column, values as they are: for statistics over many rows. Cast to DOUBLE, BIGINT or VARCHAR in the SQL. */
  columns(sql: string, parameters?: readonly SqlParameter[]): Promise<readonly (readonly unknown[])[]>
  run(sql: string, parameters?: readonly SqlParameter[]): Promise<void>
  /** Throws unless `sql` is one SELECT: what people write is then used only as a subquery. */
  assertSelect(sql: string): Promise<void>
}

const MAX_CONCURRENT = 2
const QUOTED_PATHS = 5_000
let running = 0
const waiting: (() => void)[] = []

/**
 * Opens a DuckDB, hands it to `work` and closes it. At most two are open at once in a process; the others wait. The first use loads
 * the library (about 40 MB). An abort of `signal` interrupts the query that is running, which then throws.
 */
export async function withDuckdb<T>(access: DuckdbAccess, work: (duckdb: Duckdb) => Promise<T>): Promise<T> {
  await takeSlot(access.signal)
  const scratch = await mkdtemp(join(tmpdir(), 'kiban-duckdb-'))
  try {
    const { DuckDBInstance } = await import('@duckdb/node-api')
    const instance = await DuckDBInstance.create(':memory:', {
      threads: String(access.threads ?? 2),
      memory_limit: access.memoryLimit ?? '1GB',
      temp_directory: scratch,
      autoinstall_known_extensions: 'false',
      autoload_known_extensions: 'false',
    })
    const connection = await instance.connect()
    const stop = () => connection.interrupt()
    access.signal?.addEventListener('abort', stop, { once: true })
    try {
      await lockDown(connection, access)
      access.signal?.throwIfAborted()
      return await work(sessionOn(connection))
    } finally {
      access.signal?.removeEventListener('abort', stop)
      connection.closeSync()
      instance.closeSync()
    }
  } finally {
    await rm(scratch, { recursive: true, force: true })
    releaseSlot()
  }
}

/** Runs one query in a DuckDB of its own that may read `readable` only; see `withDuckdb`. Parameters bind `$1`, `$2`, … */
export function queryRows(sql: string, parameters: readonly SqlParameter[], access: DuckdbAccess): Promise<SqlRow[]> {
  return withDuckdb(access, (duckdb) => duckdb.rows(sql, parameters))
}

/** Writes the result of `sql` to `outPath` as Parquet (zstd), rows in order: the same rows give the same bytes. */
export function writeParquet(sql: string, outPath: string, access: DuckdbAccess): Promise<void> {
  return withDuckdb({ ...access, threads: 1, writable: [...(access.writable ?? []), dirname(outPath)] }, (duckdb) =>
    duckdb.run(`COPY (${sql}) TO ${quoteText(outPath)} (FORMAT parquet, COMPRESSION zstd)`),
  )
}

/** `name` as an SQL identifier. */
export function quoteName(name: string): string {
  return `"${name.replaceAll('"', '""')}"`
}

/** `value` as an SQL text literal. */
export function quoteText(value: string): string {
  return `'${value.replaceAll("'", "''")}'`
}

async function takeSlot(signal: AbortSignal | undefined): Promise<void> {
  signal?.throwIfAborted()
  if (running < MAX_CONCURRENT) {
    running += 1
    return
  }
  await new Promise<void>((resolve) => waiting.push(resolve))
}

function releaseSlot(): void {
  const next = waiting.shift()
  if (next) next()
  else running -= 1
}

async function lockDown(connection: DuckDBConnection, access: DuckdbAccess): Promise<void> {
  if (access.readable.length > QUOTED_PATHS)
    throw new AppError('bad_request', {
      message: `The query would read ${access.readable.length} files; at most ${QUOTED_PATHS} are allowed. Commit fewer, larger files.`,
    })
  const list = (paths: readonly string[]) => `[${paths.map(quoteText).join(',')}]`
  await connection.run(`SET allowed_paths=${list(access.readable)}`)
  await connection.run(
    `SET allowed_directories=${list((access.writable ?? []).map((folder) => (folder.endsWith('/') ? folder : `${folder}/`)))}`,
  )
  await connection.run('SET enable_external_access=false')
  await connection.run("SET TimeZone='UTC'").catch(() => undefined) // needs ICU, which this build has
  await connection.run('SET lock_configuration=true')
}

function sessionOn(connection: DuckDBConnection): Duckdb {
  const read = async (sql: string, parameters: readonly SqlParameter[] = []): Promise<DuckDBResultReader> =>
    // SqlParameter is a part of DuckDBValue; the binding takes a mutable array.
    connection.runAndReadAll(sql, parameters.length > 0 ? ([...parameters] as DuckDBValue[]) : undefined)
  return {
    rows: async (sql, parameters) =>
      (await read(sql, parameters))
        .getRowObjects()
        .map((row) => Object.fromEntries(Object.entries(row).map(([key, value]) => [key, plain(value)]))),
    table: async (sql, parameters) => {
      const reader = await read(sql, parameters)
      const types = reader.columnTypes()
      const columns = reader.columnNames().map((name, i) => ({ name, type: String(types[i]) }))
      return { columns, rows: reader.getRows().map((row) => row.map(plain)) }
    },
    columns: async (sql, parameters) => (await read(sql, parameters)).getColumns(),
    run: async (sql, parameters = []) => {
      await connection.run(sql, parameters.length > 0 ? ([...parameters] as DuckDBValue[]) : undefined)
    },
    assertSelect: async (sql) => {
      const { StatementType } = await import('@duckdb/node-api')
      const statements = await connection.extractStatements(sql)
      if (statements.count !== 1) throw new Error('it must be one SELECT statement')
      const statement = await statements.prepare(0)
      const isSelect = statement.statementType === StatementType.SELECT
      statement.destroySync()
      if (!isSelect) throw new Error('it must be a SELECT')
    },
  }
}

function plain(value: unknown): SqlValue {
  if (value === null || value === undefined) return null
  if (typeof value === 'number') return Number.isFinite(value) ? value : null
  if (typeof value === 'string' || typeof value === 'boolean') return value
  if (typeof value === 'bigint')
    return value >= -9007199254740991n && value <= 9007199254740991n ? Number(value) : value.toString()
  if (Array.isArray(value)) return value.map(plain)
  if (typeof value === 'object') return plainObject(value)
  return String(value)
}

function plainObject(value: object): SqlValue {
  if ('months' in value) return String(value) // an interval
  if ('micros' in value && typeof value.micros === 'bigint') return isoInstant(value.micros / 1000n, value)
  if ('millis' in value && typeof value.millis === 'bigint') return isoInstant(value.millis, value)
  if ('seconds' in value && typeof value.seconds === 'bigint') return isoInstant(value.seconds * 1000n, value)
  if ('nanos' in value && typeof value.nanos === 'bigint') return isoInstant(value.nanos / 1_000_000n, value)
  if ('items' in value && Array.isArray(value.items)) return value.items.map(plain)
  if ('entries' in value && Array.isArray(value.entries))
    return Object.fromEntries(
      value.entries.map((entry: { key: unknown; value: unknown }) => [String(entry.key), plain(entry.value)]),
    )
  if ('entries' in value && typeof value.entries === 'object' && value.entries !== null)
    return Object.fromEntries(Object.entries(value.entries).map(([key, item]) => [key, plain(item)]))
  if ('scale' in value && 'toDouble' in value && typeof value.toDouble === 'function') return plain(value.toDouble())
  return String(value)
}

/** Times of day have micros too; only instants print a date. */
function isoInstant(ms: bigint, value: object): SqlValue {
  if (/^\d{2}:\d{2}/.test(String(value))) return String(value)
  const instant = Number(ms)
  return Math.abs(instant) <= 8.64e15 ? new Date(instant).toISOString() : String(value)
}
