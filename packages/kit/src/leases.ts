import { randomBytes } from 'node:crypto'
import { sql } from 'kysely'
import type { ColumnType, Kysely, RawBuilder } from 'kysely'
import { inTransaction } from './context.ts'
import type { Ctx } from './context.ts'
import type { DatabasePair, Tables } from './database.ts'

type LeaseTable = { id: string; lease_token: string | null; lease_until: number | null }
type Leased<T extends keyof Tables> = {
  [K in keyof Tables[T]]: Tables[T][K] extends ColumnType<infer S, infer _I, infer _U> ? S : Tables[T][K]
} & {
  readonly lease_token: string
}

/**
 * Takes up to `limit` rows of `table` that match and are free, for `leaseMs`. Do the work outside any transaction, then write its
 * result with `where id = ? and lease_token = ?` and clear the lease: no row updated means that the lease was lost, so drop it.
 * `where` is a SQL condition made with Kysely's `sql` over the table's columns.
 */
export async function claim<T extends keyof Tables & string>(
  ctx: Ctx,
  options: {
    readonly table: T
    readonly where?: RawBuilder<unknown>
    readonly leaseMs: number
    readonly limit?: number
    readonly orderBy?: string
  },
): Promise<Leased<T>[]> {
  await dropDeadLeases(ctx, options.table)
  const token = randomBytes(12).toString('hex')
  const now = ctx.clock.now()
  const free = sql`(lease_until is null or lease_until < ${now})`
  const condition = options.where ? sql`${free} and (${options.where})` : free
  const limit = options.limit ?? 1
  // Nothing to do is the usual case: ask on the reading side first, so that idle loops never take the writer.
  const anyone = await sql<{
    id: string
  }>`select id from ${sql.table(options.table)} where ${condition} limit 1`.execute(ctx.db)
  if (anyone.rows.length === 0) return []
  return inTransaction(ctx, async (tx) => {
    // One shape serves every leased table; the generic name cannot be checked against `Tables` here.
    const db = tx.db as unknown as Kysely<Record<string, LeaseTable>>
    const skipLocked = ctx.platform.database.kind === 'postgres' ? sql`for update skip locked` : sql``
    const rows = await sql<Leased<T>>`
      update ${sql.table(options.table)} set lease_token = ${token}, lease_until = ${now + options.leaseMs}
      where id in (select id from ${sql.table(options.table)} where ${condition} order by ${sql.ref(options.orderBy ?? 'id')} limit ${limit} ${skipLocked})
      returning *`.execute(db)
    // RETURNING promises no order.
    const key = (row: object): string | number => Reflect.get(row, options.orderBy ?? 'id')
    return rows.rows.toSorted((a, b) => (key(a) < key(b) ? -1 : 1))
  })
}

const looked = new WeakMap<DatabasePair, Set<string>>()

/**
 * SQLite has one server at a time, so what is leased when this one first looks at a table was leased by one that is dead: it is free at
 * once, not only when the lease runs out. On PostgreSQL other servers live, and only time tells.
 */
async function dropDeadLeases(ctx: Ctx, table: keyof Tables & string): Promise<void> {
  const { database } = ctx.platform
  const tables = looked.get(database) ?? new Set<string>()
  if (database.kind !== 'sqlite' || tables.has(table)) return
  looked.set(database, tables.add(table))
  await inTransaction(ctx, (tx) =>
    sql`update ${sql.table(table)} set lease_token = null, lease_until = null where lease_token is not null`.execute(
      tx.db,
    ),
  )
}
