import type { Migration } from '@kiban/kit/module'

export const migrations: readonly Migration[] = [
  {
    id: '2026-11-21-1',
    up: async (db) => {
      await db.schema
        .createTable('access_tokens')
        .addColumn('id', 'text', (c) => c.primaryKey())
        .addColumn('organisation_id', 'text', (c) => c.notNull())
        .addColumn('hash', 'text', (c) => c.notNull().unique())
        .addColumn('kind', 'text', (c) => c.notNull())
        .addColumn('project', 'text')
        .addColumn('job_id', 'text')
        .addColumn('attempt', 'integer')
        .addColumn('run_id', 'text')
        .addColumn('owner', 'text', (c) => c.notNull())
        .addColumn('created_at', 'bigint', (c) => c.notNull())
        .addColumn('expires_at', 'bigint', (c) => c.notNull())
        .addColumn('revoked_at', 'bigint')
        .execute()
      await db.schema.createIndex('access_tokens_job').on('access_tokens').columns(['job_id', 'attempt']).execute()
    },
  },
]
