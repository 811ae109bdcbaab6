import type { Migration } from '@kiban/kit/module'

export const migrations: readonly Migration[] = [
  {
    id: '2026-11-21-1',
    up: async (db) => {
      await db.schema
        .createTable('loops')
        .addColumn('id', 'text', (c) => c.primaryKey())
        .addColumn('project', 'text', (c) => c.notNull())
        .addColumn('name', 'text', (c) => c.notNull())
        .addColumn('spec_json', 'text', (c) => c.notNull())
        .addColumn('scope_json', 'text', (c) => c.notNull())
        .addColumn('enabled', 'integer', (c) => c.notNull())
        .addColumn('armed_after', 'text', (c) => c.notNull())
        .addColumn('archived_at', 'bigint')
        .addColumn('created_at', 'bigint', (c) => c.notNull())
        .addColumn('created_by', 'text', (c) => c.notNull())
        .addUniqueConstraint('loops_name', ['project', 'name'])
        .execute()
      await db.schema
        .createTable('loop_firings')
        .addColumn('id', 'text', (c) => c.primaryKey())
        .addColumn('loop_id', 'text', (c) => c.notNull())
        .addColumn('loop', 'text', (c) => c.notNull())
        .addColumn('project', 'text', (c) => c.notNull())
        .addColumn('number', 'integer', (c) => c.notNull())
        .addColumn('alert_id', 'text', (c) => c.notNull())
        .addColumn('state', 'text', (c) => c.notNull())
        .addColumn('reason', 'text', (c) => c.notNull())
        .addColumn('trigger_json', 'text', (c) => c.notNull())
        .addColumn('params_json', 'text', (c) => c.notNull())
        .addColumn('links_json', 'text', (c) => c.notNull())
        .addColumn('pipeline_run_id', 'text')
        .addColumn('model_version_id', 'text')
        .addColumn('model_version_number', 'integer')
        .addColumn('rollout_id', 'text')
        .addColumn('started_at', 'bigint')
        .addColumn('deployed_at', 'bigint')
        .addColumn('created_at', 'bigint', (c) => c.notNull())
        .addColumn('updated_at', 'bigint', (c) => c.notNull())
        .addColumn('ended_at', 'bigint')
        .addColumn('lease_token', 'text')
        .addColumn('lease_until', 'bigint')
        .addUniqueConstraint('loop_firings_once', ['loop_id', 'alert_id'])
        .addUniqueConstraint('loop_firings_number', ['loop_id', 'number'])
        .execute()
    },
  },
]
