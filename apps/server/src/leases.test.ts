import { sql } from 'kysely'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { inTransaction } from '@kiban/kit/context'
import { claim } from '@kiban/kit/leases'
import type { Module } from '@kiban/kit/module'
import { startTestApp } from '@kiban/testkit/app'
import type { TestApp } from '@kiban/testkit/app'
import { manualClock } from '@kiban/testkit/clock'
import { testDatabases } from '@kiban/testkit/database'

declare module '@kiban/kit/database' {
  interface Tables {
    lease_test: { id: string; state: string; lease_token: string | null; lease_until: number | null }
  }
}

const chores: Module = {
  name: 'chores',
  migrations: [
    {
      id: '1',
      up: async (db) => {
        await db.schema
          .createTable('lease_test')
          .addColumn('id', 'text', (c) => c.primaryKey())
          .addColumn('state', 'text')
          .addColumn('lease_token', 'text')
          .addColumn('lease_until', 'bigint')
          .execute()
      },
    },
  ],
}

describe.each(testDatabases())('a lease on $name', ({ fresh }) => {
  const clock = manualClock()
  let app: TestApp
  let drop: () => Promise<void>
  beforeEach(async () => {
    const database = await fresh()
    drop = database.drop
    app = await startTestApp({ modules: [chores], databaseUrl: database.url, clock })
    await inTransaction(app.ctx, async (ctx) => {
      for (const id of ['a', 'b', 'c'])
        await sql`insert into lease_test (id, state) values (${id}, 'queued')`.execute(ctx.db)
    })
  })
  afterEach(async () => {
    await app.close()
    await drop()
  })
  const take = (limit?: number) =>
    claim(app.ctx, { table: 'lease_test', where: sql`state = 'queued'`, leaseMs: 1000, ...(limit ? { limit } : {}) })

  test('is held by one taker, in order, until it ends', async () => {
    expect((await take()).map((row) => row.id)).toEqual(['a'])
    expect((await take(5)).map((row) => row.id)).toEqual(['b', 'c'])
    expect(await take(5)).toEqual([])
    clock.advance(1001)
    expect((await take(5)).map((row) => row.id).toSorted()).toEqual(['a', 'b', 'c'])
  })

  test('never gives one row to two takers at the same time', async () => {
    const taken = (await Promise.all([take(2), take(2), take(2)])).flat().map((row) => row.id)
    expect(taken.toSorted()).toEqual(['a', 'b', 'c'])
  })

  test('that was lost cannot be used to write', async () => {
    const [mine] = await take()
    clock.advance(1001)
    const [theirs] = await take()
    expect(theirs?.id).toBe(mine?.id)
    const late = await inTransaction(app.ctx, (ctx) =>
      ctx.db
        .updateTable('lease_test')
        .set({ state: 'done' })
        .where('id', '=', 'a')
        .where('lease_token', '=', mine?.lease_token ?? '')
        .executeTakeFirst(),
    )
    expect(late.numUpdatedRows).toBe(0n)
  })

  test('of a server that was killed is free at once on SQLite, where only one server lives', async () => {
    await inTransaction(app.ctx, (ctx) =>
      sql`update lease_test set lease_token = 'of the dead', lease_until = ${clock.now() + 60_000}`.execute(ctx.db),
    )
    const free = app.ctx.platform.database.kind === 'sqlite' ? 3 : 0
    expect(await take(5)).toHaveLength(free)
  })
})
