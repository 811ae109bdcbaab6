import { DatabaseSync } from 'node:sqlite'
import { Kysely, PostgresDialect, SqliteDialect } from 'kysely'
import pg from 'pg'

/** Every table, each declared by the store that owns it: `declare module '@kiban/kit/database' { interface Tables { … } }`. */
// oxlint-disable-next-line typescript/no-empty-interface, typescript/no-empty-object-type -- filled by declaration merging
export interface Tables {}

export type Db = Kysely<Tables>

/**
 * Two handles on one database. `reader` cannot write (SQLite: a read-only connection; PostgreSQL: read-only transactions), so a write
 * outside `inTransaction` fails; `writer` is used by `inTransaction` and migrations only.
 */
export type DatabasePair = {
  readonly reader: Db
  readonly writer: Db
  readonly kind: 'sqlite' | 'postgres'
  close(): Promise<void>
}

/** Opens `sqlite:<file>` or `postgres://…`. */
export function openDatabase(url: string): DatabasePair {
  return url.startsWith('sqlite:') ? openSqlite(url.slice('sqlite:'.length)) : openPostgres(url)
}

function openSqlite(file: string): DatabasePair {
  // WAL with synchronous=NORMAL survives a killed process; FULL also survives a lost machine: commits are small, so FULL.
  const write = new DatabaseSync(file, { enableForeignKeyConstraints: true })
  write.exec(
    'PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA busy_timeout=5000; PRAGMA case_sensitive_like=ON',
  )
  const read = new DatabaseSync(file, { readOnly: true })
  read.exec('PRAGMA busy_timeout=5000; PRAGMA case_sensitive_like=ON')
  const writer = new Kysely<Tables>({ dialect: new SqliteDialect({ database: asBetterSqlite(write) }) })
  const reader = new Kysely<Tables>({ dialect: new SqliteDialect({ database: asBetterSqlite(read) }) })
  return {
    reader,
    writer,
    kind: 'sqlite',
    close: async () => {
      await reader.destroy()
      await writer.destroy()
    },
  }
}

function openPostgres(url: string): DatabasePair {
  // int8 as number: ids are text, and times and sizes stay below 2^53.
  pg.types.setTypeParser(pg.types.builtins.INT8, Number)
  const readPool = new pg.Pool({ connectionString: url, max: 8, options: '-c default_transaction_read_only=on' })
  const writePool = new pg.Pool({ connectionString: url, max: 8 })
  const reader = new Kysely<Tables>({ dialect: new PostgresDialect({ pool: readPool }) })
  const writer = new Kysely<Tables>({ dialect: new PostgresDialect({ pool: writePool }) })
  return {
    reader,
    writer,
    kind: 'postgres',
    close: async () => {
      await reader.destroy()
      await writer.destroy()
    },
  }
}

const CACHED_STATEMENTS = 500

/** node:sqlite in the shape that Kysely's SQLite dialect expects (that of better-sqlite3). Statements are cached by their text. */
function asBetterSqlite(db: DatabaseSync) {
  type Value = null | number | bigint | string | Uint8Array
  const prepare = (sql: string) => {
    const statement = db.prepare(sql)
    return {
      reader: statement.columns().length > 0,
      all: (parameters: readonly unknown[]) => statement.all(...(parameters as Value[])), // Kysely hands on what the queries bind: SQL values
      run: (parameters: readonly unknown[]) => statement.run(...(parameters as Value[])),
      iterate: (parameters: readonly unknown[]) => statement.iterate(...(parameters as Value[])),
    }
  }
  const cache = new Map<string, ReturnType<typeof prepare>>()
  return {
    close: () => db.close(),
    prepare: (sql: string) => {
      const known = cache.get(sql)
      if (known) return known
      const made = prepare(sql)
      if (cache.size >= CACHED_STATEMENTS) cache.clear()
      cache.set(sql, made)
      return made
    },
  }
}
