import type { Migration } from '@kiban/kit/module'

export const migrations: readonly Migration[] = [
  {
    id: '2026-11-21-1',
    up: async (db) => {
      await db.schema
        .createTable('lineage_edges')
        .addColumn('id', 'text', (c) => c.primaryKey())
        .addColumn('from_node', 'text', (c) => c.notNull())
        .addColumn('relation', 'text', (c) => c.notNull())
        .addColumn('to_node', 'text', (c) => c.notNull())
        .addColumn('at', 'bigint', (c) => c.notNull())
        .addUniqueConstraint('lineage_edges_once', ['from_node', 'relation', 'to_node'])
        .execute()
      await db.schema.createIndex('lineage_edges_to').on('lineage_edges').column('to_node').execute()
    },
  },
]
