import type { Migration } from '@kiban/kit/module'

export const migrations: readonly Migration[] = [
  {
    id: '2026-11-21-1',
    up: async (db) => {
      await db.schema
        .createTable('audit_events')
        .addColumn('id', 'text', (c) => c.primaryKey())
        .addColumn('organisation_id', 'text', (c) => c.notNull())
        .addColumn('time', 'bigint', (c) => c.notNull())
        .addColumn('project', 'text')
        .addColumn('actor', 'text', (c) => c.notNull())
        .addColumn('on_behalf_of', 'text')
        .addColumn('action', 'text', (c) => c.notNull())
        .addColumn('resource_kind', 'text', (c) => c.notNull())
        .addColumn('resource_id', 'text', (c) => c.notNull())
        .addColumn('before_digest', 'text')
        .addColumn('after_digest', 'text')
        .addColumn('details_digest', 'text')
        .addColumn('request_id', 'text')
        .addColumn('face', 'text', (c) => c.notNull())
        .addColumn('outcome', 'text', (c) => c.notNull())
        .addColumn('seq', 'bigint')
        .addColumn('hash', 'text')
        .execute()
      await db.schema.createIndex('audit_events_seq').on('audit_events').column('seq').unique().execute()
      await db.schema.createIndex('audit_events_project').on('audit_events').columns(['project', 'id']).execute()
      await db.schema
        .createTable('audit_details')
        .addColumn('event_id', 'text', (c) => c.primaryKey())
        .addColumn('salt', 'text', (c) => c.notNull())
        .addColumn('before_json', 'text')
        .addColumn('after_json', 'text')
        .addColumn('details_json', 'text')
        .execute()
      await db.schema
        .createTable('audit_checkpoints')
        .addColumn('seq', 'bigint', (c) => c.primaryKey())
        .addColumn('hash', 'text', (c) => c.notNull())
        .addColumn('time', 'bigint', (c) => c.notNull())
        .addColumn('public_key', 'text', (c) => c.notNull())
        .addColumn('signature', 'text', (c) => c.notNull())
        .execute()
    },
  },
]
