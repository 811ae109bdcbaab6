import type { Migration } from '@kiban/kit/module'

export const migrations: readonly Migration[] = [
  {
    id: '2026-11-21-1',
    up: async (db) => {
      await db.schema
        .createTable('environment_specs')
        .addColumn('project', 'text', (c) => c.notNull())
        .addColumn('name', 'text', (c) => c.notNull())
        .addColumn('spec', 'text', (c) => c.notNull())
        .addColumn('archived_at', 'bigint')
        .addPrimaryKeyConstraint('environment_specs_pk', ['project', 'name'])
        .execute()
      await db.schema
        .createTable('environment_builds')
        .addColumn('spec_hash', 'text', (c) => c.primaryKey())
        .addColumn('state', 'text', (c) => c.notNull())
        .addColumn('runner', 'text')
        .addColumn('plan', 'text', (c) => c.notNull())
        .addColumn('lock_hash', 'text')
        .addColumn('packages', 'text', (c) => c.notNull())
        .addColumn('builder', 'text')
        .addColumn('size_bytes', 'bigint')
        .addColumn('cause', 'text')
        .addColumn('message', 'text')
        .addColumn('created_at', 'bigint', (c) => c.notNull())
        .addColumn('started_at', 'bigint')
        .addColumn('ended_at', 'bigint')
        .execute()
      await db.schema
        .createTable('environments')
        .addColumn('id', 'text', (c) => c.primaryKey())
        .addColumn('project', 'text', (c) => c.notNull())
        .addColumn('name', 'text', (c) => c.notNull())
        .addColumn('spec', 'text', (c) => c.notNull())
        .addColumn('code', 'text', (c) => c.notNull())
        .addColumn('spec_hash', 'text', (c) => c.references('environment_builds.spec_hash'))
        .addColumn('cause', 'text')
        .addColumn('message', 'text')
        .addColumn('created_at', 'bigint', (c) => c.notNull())
        .addColumn('created_by', 'text', (c) => c.notNull())
        .addUniqueConstraint('environments_request', ['project', 'name', 'spec', 'code'])
        .execute()
    },
  },
]
