import { SqliteAdapter, sql } from 'kysely'
import type { Migration } from '@kiban/kit/module'

/**
 * Runs have a number beside their id: metric history is the biggest table, and its key is (run number, key, …), so that a run's
 * points lie together (a SQLite table without rowid is its own index) and each row stays small.
 */
export const trackingMigrations: readonly Migration[] = [
  {
    id: '2026-11-21-1',
    up: async (db) => {
      const isSqlite = db.getExecutor().adapter instanceof SqliteAdapter
      const clustered = isSqlite ? sql`without rowid` : sql``
      await db.schema
        .createTable('experiment_counters')
        .addColumn('project', 'text', (c) => c.primaryKey())
        .addColumn('next_id', 'bigint', (c) => c.notNull())
        .execute()
      await db.schema
        .createTable('experiments')
        .addColumn('project', 'text', (c) => c.notNull())
        .addColumn('id', 'bigint', (c) => c.notNull())
        .addColumn('name', 'text', (c) => c.notNull())
        .addColumn('state', 'text', (c) => c.notNull())
        .addColumn('artifact_location', 'text')
        .addColumn('created_by', 'text', (c) => c.notNull())
        .addColumn('created_at', 'bigint', (c) => c.notNull())
        .addColumn('updated_at', 'bigint', (c) => c.notNull())
        .addPrimaryKeyConstraint('experiments_pk', ['project', 'id'])
        .addUniqueConstraint('experiments_name', ['project', 'name'])
        .execute()
      await db.schema
        .createTable('experiment_tags')
        .addColumn('project', 'text', (c) => c.notNull())
        .addColumn('experiment_id', 'bigint', (c) => c.notNull())
        .addColumn('key', 'text', (c) => c.notNull())
        .addColumn('value', 'text', (c) => c.notNull())
        .addPrimaryKeyConstraint('experiment_tags_pk', ['project', 'experiment_id', 'key'])
        .execute()
      await db.schema
        .createTable('runs')
        .addColumn('seq', isSqlite ? 'integer' : 'bigserial', (c) =>
          isSqlite ? c.primaryKey().autoIncrement() : c.primaryKey(),
        )
        .addColumn('id', 'text', (c) => c.notNull().unique())
        .addColumn('project', 'text', (c) => c.notNull())
        .addColumn('experiment_id', 'bigint', (c) => c.notNull())
        .addColumn('name', 'text', (c) => c.notNull())
        .addColumn('status', 'text', (c) => c.notNull())
        .addColumn('state', 'text', (c) => c.notNull())
        .addColumn('deleted_at', 'bigint')
        .addColumn('user_id', 'text', (c) => c.notNull())
        .addColumn('start_time', 'bigint', (c) => c.notNull())
        .addColumn('end_time', 'bigint')
        .addColumn('parent_run_id', 'text')
        .addColumn('created_by', 'text', (c) => c.notNull())
        .addColumn('created_at', 'bigint', (c) => c.notNull())
        .execute()
      await db.schema
        .createIndex('runs_by_experiment')
        .on('runs')
        .columns(['project', 'experiment_id', 'state', 'start_time desc', 'id'])
        .execute()
      await db.schema.createIndex('runs_by_parent').on('runs').column('parent_run_id').execute()
      await db.schema
        .createTable('metrics')
        .addColumn('run_seq', 'bigint', (c) => c.notNull())
        .addColumn('key', 'text', (c) => c.notNull())
        .addColumn('step', 'bigint', (c) => c.notNull())
        .addColumn('timestamp', 'bigint', (c) => c.notNull())
        .addColumn('value', 'double precision', (c) => c.notNull())
        .addColumn('is_nan', 'integer', (c) => c.notNull())
        .addPrimaryKeyConstraint('metrics_pk', ['run_seq', 'key', 'step', 'timestamp', 'value', 'is_nan'])
        .modifyEnd(clustered)
        .execute()
      await db.schema
        .createTable('latest_metrics')
        .addColumn('run_seq', 'bigint', (c) => c.notNull())
        .addColumn('key', 'text', (c) => c.notNull())
        .addColumn('value', 'double precision', (c) => c.notNull())
        .addColumn('is_nan', 'integer', (c) => c.notNull())
        .addColumn('step', 'bigint', (c) => c.notNull())
        .addColumn('timestamp', 'bigint', (c) => c.notNull())
        .addColumn('min_value', 'double precision')
        .addColumn('max_value', 'double precision')
        .addColumn('point_count', 'bigint', (c) => c.notNull())
        .addPrimaryKeyConstraint('latest_metrics_pk', ['run_seq', 'key'])
        .modifyEnd(clustered)
        .execute()
      for (const table of ['params', 'tags'])
        await db.schema
          .createTable(table)
          .addColumn('run_seq', 'bigint', (c) => c.notNull())
          .addColumn('key', 'text', (c) => c.notNull())
          .addColumn('value', 'text', (c) => c.notNull())
          .addPrimaryKeyConstraint(`${table}_pk`, ['run_seq', 'key'])
          .modifyEnd(clustered)
          .execute()
      await db.schema
        .createTable('logged_datasets')
        .addColumn('id', 'text', (c) => c.primaryKey())
        .addColumn('project', 'text', (c) => c.notNull())
        .addColumn('experiment_id', 'bigint', (c) => c.notNull())
        .addColumn('name', 'text', (c) => c.notNull())
        .addColumn('digest', 'text', (c) => c.notNull())
        .addColumn('source_type', 'text', (c) => c.notNull())
        .addColumn('source', 'text', (c) => c.notNull())
        .addColumn('schema', 'text')
        .addColumn('profile', 'text')
        .addUniqueConstraint('logged_datasets_digest', ['project', 'experiment_id', 'name', 'digest'])
        .execute()
      await db.schema
        .createTable('run_datasets')
        .addColumn('run_seq', 'bigint', (c) => c.notNull())
        .addColumn('dataset_id', 'text', (c) => c.notNull())
        .addColumn('position', 'integer', (c) => c.notNull())
        .addColumn('context', 'text')
        .addColumn('tags', 'text', (c) => c.notNull())
        .addPrimaryKeyConstraint('run_datasets_pk', ['run_seq', 'dataset_id'])
        .execute()
      await db.schema
        .createTable('run_models')
        .addColumn('run_seq', 'bigint', (c) => c.notNull())
        .addColumn('model_id', 'text', (c) => c.notNull())
        .addColumn('direction', 'text', (c) => c.notNull())
        .addColumn('step', 'bigint', (c) => c.notNull())
        .addColumn('position', 'integer', (c) => c.notNull())
        .addPrimaryKeyConstraint('run_models_pk', ['run_seq', 'direction', 'model_id'])
        .execute()
      await db.schema
        .createTable('logged_models')
        .addColumn('id', 'text', (c) => c.primaryKey())
        .addColumn('project', 'text', (c) => c.notNull())
        .addColumn('experiment_id', 'bigint', (c) => c.notNull())
        .addColumn('name', 'text', (c) => c.notNull())
        .addColumn('model_type', 'text', (c) => c.notNull())
        .addColumn('source_run_id', 'text')
        .addColumn('status', 'text', (c) => c.notNull())
        .addColumn('status_message', 'text')
        .addColumn('state', 'text', (c) => c.notNull())
        .addColumn('created_by', 'text', (c) => c.notNull())
        .addColumn('created_at', 'bigint', (c) => c.notNull())
        .addColumn('updated_at', 'bigint', (c) => c.notNull())
        .execute()
      await db.schema
        .createIndex('logged_models_by_experiment')
        .on('logged_models')
        .columns(['project', 'experiment_id', 'created_at'])
        .execute()
      await db.schema.createIndex('logged_models_by_run').on('logged_models').column('source_run_id').execute()
      for (const table of ['logged_model_params', 'logged_model_tags'])
        await db.schema
          .createTable(table)
          .addColumn('model_id', 'text', (c) => c.notNull())
          .addColumn('key', 'text', (c) => c.notNull())
          .addColumn('value', 'text', (c) => c.notNull())
          .addPrimaryKeyConstraint(`${table}_pk`, ['model_id', 'key'])
          .execute()
      await db.schema
        .createTable('logged_model_metrics')
        .addColumn('model_id', 'text', (c) => c.notNull())
        .addColumn('run_id', 'text', (c) => c.notNull())
        .addColumn('key', 'text', (c) => c.notNull())
        .addColumn('step', 'bigint', (c) => c.notNull())
        .addColumn('timestamp', 'bigint', (c) => c.notNull())
        .addColumn('value', 'double precision', (c) => c.notNull())
        .addColumn('is_nan', 'integer', (c) => c.notNull())
        .addColumn('dataset_name', 'text', (c) => c.notNull())
        .addColumn('dataset_digest', 'text', (c) => c.notNull())
        .addPrimaryKeyConstraint('logged_model_metrics_pk', [
          'model_id',
          'key',
          'run_id',
          'dataset_name',
          'dataset_digest',
        ])
        .execute()
      await db.schema
        .createTable('artifacts')
        .addColumn('project', 'text', (c) => c.notNull())
        .addColumn('owner_kind', 'text', (c) => c.notNull())
        .addColumn('owner_id', 'text', (c) => c.notNull())
        .addColumn('path', 'text', (c) => c.notNull())
        .addColumn('hash', 'text', (c) => c.notNull())
        .addColumn('size_bytes', 'bigint', (c) => c.notNull())
        .addColumn('created_at', 'bigint', (c) => c.notNull())
        .addPrimaryKeyConstraint('artifacts_pk', ['project', 'owner_kind', 'owner_id', 'path'])
        .execute()
    },
  },
]
