/**
 * Runs the SQL of one step in a process of its own: inputs are views, values `$name`, and each output a table that is written as Parquet.
 * Started by the job runtime; sees its own inputs and outputs and no other file.
 */
import { mkdirSync, readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { DuckDBInstance } from '@duckdb/node-api'
import type { DuckDBConnection } from '@duckdb/node-api'
import { z } from 'zod'
import { Json } from '@kiban/contract/primitives'
import { UnknownParameter, fillParameters } from './sql-text.ts'

const Input = z.union([z.object({ type: z.string() }).strict(), z.object({ value: Json }).strict()])
const Params = z.object({ sql: z.string(), inputs: z.record(z.string(), Input), outputs: z.array(z.string()) })

class SqlFault extends Error {}

async function main(): Promise<void> {
  const params = Params.parse(JSON.parse(process.env['KIBAN_PARAMS'] ?? '{}'))
  const inputs = process.env['KIBAN_INPUTS'] ?? ''
  const outputs = process.env['KIBAN_OUTPUTS'] ?? ''
  try {
    const connection = await open(inputs, outputs)
    const values: Record<string, Json> = {}
    for (const [name, input] of Object.entries(params.inputs)) {
      if ('value' in input) values[name] = input.value
      else await connection.run(`CREATE VIEW ${identifier(name)} AS SELECT * FROM ${reader(join(inputs, name), name)}`)
    }
    await runStatements(connection, fillParameters(params.sql, values))
    for (const name of params.outputs) await writeOutput(connection, name, join(outputs, name))
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error)
    if (!(error instanceof SqlFault || error instanceof UnknownParameter) && !/Error/.test(message)) throw error
    process.stderr.write(`${message}\n`)
    process.exitCode = 1
  }
}

async function open(inputs: string, outputs: string): Promise<DuckDBConnection> {
  const instance = await DuckDBInstance.create(':memory:', {
    threads: process.env['OMP_NUM_THREADS'] ?? '1',
    temp_directory: process.env['TMPDIR'] ?? '/tmp',
    autoinstall_known_extensions: 'false',
  })
  const connection = await instance.connect()
  // Not at create: ICU, which knows the setting, is built in but loaded only with the first connection.
  await connection.run("SET TimeZone = 'UTC'")
  await connection.run(`SET allowed_directories = [${text(`${inputs}/`)}, ${text(`${outputs}/`)}]`)
  await connection.run('SET enable_external_access = false')
  await connection.run('SET lock_configuration = true')
  return connection
}

/** Runs statement by statement, so that an error can say which one it was. */
async function runStatements(connection: DuckDBConnection, sql: string): Promise<void> {
  const statements = await connection.extractStatements(sql)
  for (let i = 0; i < statements.count; i += 1) {
    try {
      const statement = await statements.prepare(i)
      await statement.run()
      statement.destroySync()
    } catch (error) {
      throw new SqlFault(
        `Statement ${i + 1} of ${statements.count}: ${error instanceof Error ? error.message : String(error)}`,
        { cause: error },
      )
    }
  }
}

async function writeOutput(connection: DuckDBConnection, name: string, folder: string): Promise<void> {
  const tables = await connection.runAndReadAll('SELECT table_name FROM information_schema.tables ORDER BY table_name')
  const names = tables.getRows().map((row) => String(row[0]))
  if (!names.includes(name))
    throw new SqlFault(
      `The SQL makes no table or view ${name}, which the step declares as an output. It makes ${names.join(', ') || 'none'}. [output_missing]`,
    )
  mkdirSync(folder, { recursive: true })
  const result = await connection.runAndReadAll(
    `COPY (SELECT * FROM ${identifier(name)}) TO ${text(join(folder, 'part-0.parquet'))} (FORMAT parquet, COMPRESSION zstd)`,
  )
  const rows = Number(result.getRows()[0]?.[0] ?? 0)
  process.stdout.write(`${name}: ${rows} rows\nkiban:metric rows_${name}=${rows}\n`)
}

const READERS: Readonly<Record<string, string>> = {
  parquet: 'read_parquet',
  csv: 'read_csv',
  json: 'read_json',
  jsonl: 'read_json',
  ndjson: 'read_json',
}

/** The table function that reads all files of one input. */
function reader(path: string, name: string): string {
  if (!statSync(path).isDirectory())
    throw new SqlFault(`The input ${name} is a single file; a SQL step reads data sets and folders.`)
  const files = readdirSync(path, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .toSorted()
  const kinds = new Set(files.map((file) => file.split('.').at(-1)?.toLowerCase() ?? ''))
  const [kind] = kinds
  const read = kind === undefined ? undefined : READERS[kind]
  if (!read || kinds.size > 1)
    throw new SqlFault(
      `The input ${name} has files of type ${[...kinds].join(', ') || 'none'}; a SQL step reads Parquet, CSV or JSON, all of one type.`,
    )
  return `${read}([${files.map(text).join(', ')}], union_by_name = true)`
}

function identifier(name: string): string {
  return `"${name.replaceAll('"', '""')}"`
}

function text(value: string): string {
  return `'${value.replaceAll("'", "''")}'`
}

await main()
