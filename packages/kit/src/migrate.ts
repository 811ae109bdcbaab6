import { sql } from 'kysely'
import type { Kysely } from 'kysely'
import { AppError } from './errors.ts'
import type { DatabasePair } from './database.ts'
import type { Module } from './module.ts'

type MigrationTables = { schema_migrations: { module: string; id: string; applied_at: number } }

/**
 * Brings the tables of every module up to date, each migration in a transaction of its own, in the order of the modules.
 * Throws `conflict` when the database knows a migration that this program does not: it was written by a newer version.
 */
export async function migrate(database: DatabasePair, modules: readonly Module[]): Promise<void> {
  // The migrator works on tables of its own name only, whatever the modules declare.
  const writer = database.writer as unknown as Kysely<MigrationTables>
  if (database.kind === 'sqlite') return migrateAlone(writer, modules)
  // Several servers may start at once on one PostgreSQL: one migrates, the others wait and find nothing to do.
  await writer.connection().execute(async (db) => {
    await sql`select pg_advisory_lock(7301)`.execute(db)
    try {
      await migrateAlone(db, modules)
    } finally {
      await sql`select pg_advisory_unlock(7301)`.execute(db)
    }
  })
}

async function migrateAlone(db: Kysely<MigrationTables>, modules: readonly Module[]): Promise<void> {
  await db.schema
    .createTable('schema_migrations')
    .ifNotExists()
    .addColumn('module', 'text', (c) => c.notNull())
    .addColumn('id', 'text', (c) => c.notNull())
    .addColumn('applied_at', 'bigint', (c) => c.notNull())
    .addPrimaryKeyConstraint('schema_migrations_pk', ['module', 'id'])
    .execute()
  const applied = new Set(
    (await db.selectFrom('schema_migrations').select(['module', 'id']).execute()).map(
      (row) => `${row.module} ${row.id}`,
    ),
  )
  const known = new Set(
    modules.flatMap((module) => module.migrations.map((migration) => `${module.name} ${migration.id}`)),
  )
  const foreign = [...applied].filter((key) => !known.has(key))
  if (foreign.length > 0)
    throw new AppError('conflict', {
      message: `This home was written by a newer version of Kiban (it has the migration ${foreign[0]}). Start that version again, or choose another KIBAN_HOME.`,
    })
  for (const module of modules)
    for (const migration of module.migrations) {
      if (applied.has(`${module.name} ${migration.id}`)) continue
      await db.transaction().execute(async (tx) => {
        await migration.up(tx as unknown as Kysely<unknown>)
        await tx
          .insertInto('schema_migrations')
          .values({ module: module.name, id: migration.id, applied_at: Date.now() })
          .execute()
      })
    }
}
