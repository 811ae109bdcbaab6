import { mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pg from 'pg'

export type TestDatabase = {
  readonly name: 'sqlite' | 'postgres'
  fresh: () => Promise<{ url: string; drop: () => Promise<void> }>
}

/**
 * The databases that store tests run on: SQLite always; PostgreSQL when KIBAN_TEST_POSTGRES names a server (the test set-up starts
 * one). Each `fresh()` is an empty database of its own.
 */
export function testDatabases(): TestDatabase[] {
  const server = process.env.KIBAN_TEST_POSTGRES
  const sqlite: TestDatabase = {
    name: 'sqlite',
    fresh: async () => ({
      url: `sqlite:${join(mkdtempSync(join(tmpdir(), 'kiban-db-')), 'kiban.db')}`,
      drop: async () => {},
    }),
  }
  return server ? [sqlite, { name: 'postgres', fresh: () => freshPostgres(server) }] : [sqlite]
}

async function freshPostgres(server: string): Promise<{ url: string; drop: () => Promise<void> }> {
  const name = `kiban_test_${process.pid}_${Math.random().toString(36).slice(2, 10)}`
  await asAdmin(server, `create database ${name}`)
  const url = new URL(server)
  url.pathname = `/${name}`
  return { url: url.toString(), drop: () => asAdmin(server, `drop database if exists ${name} with (force)`) }
}

async function asAdmin(server: string, statement: string): Promise<void> {
  const client = new pg.Client({ connectionString: server })
  await client.connect()
  try {
    await client.query(statement)
  } finally {
    await client.end()
  }
}
