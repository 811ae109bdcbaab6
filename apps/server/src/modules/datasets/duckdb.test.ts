import { existsSync, mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { queryRows, quoteText, withDuckdb, writeParquet } from './duckdb.ts'

const folder = mkdtempSync(join(tmpdir(), 'kiban-duckdb-test-'))
const allowed = join(folder, 'allowed.csv')
const other = join(folder, 'other.csv')
writeFileSync(allowed, 'a,b\n1,x\n2,y\n')
writeFileSync(other, 'secret\n1\n')

test('a query reads the files it was given', async () => {
  expect(
    await queryRows(`SELECT * FROM read_csv(${quoteText(allowed)}) WHERE a > $1`, [1], { readable: [allowed] }),
  ).toEqual([{ a: 2, b: 'y' }])
})

test.each([
  ['another file', `SELECT * FROM read_csv(${quoteText(other)})`],
  ['a listing of folders', `SELECT * FROM glob(${quoteText(`${folder}/*`)})`],
  ['a database file', `ATTACH ${quoteText(join(folder, 'x.db'))} AS x`],
  ['a written file', `COPY (SELECT 1) TO ${quoteText(join(folder, 'out.csv'))}`],
  ['an unlocked setting', 'SET enable_external_access = true'],
  ['an extension', 'INSTALL httpfs'],
  ['the network', "SELECT * FROM read_csv('http://127.0.0.1:9/x.csv')"],
])('it cannot reach %s', async (_what, sql) => {
  await expect(withDuckdb({ readable: [allowed] }, (duckdb) => duckdb.run(sql))).rejects.toThrow(
    /disabled by configuration|locked|Permission/i,
  )
})

test('what people write must be one SELECT', async () => {
  await withDuckdb({ readable: [allowed] }, async (duckdb) => {
    await expect(duckdb.assertSelect('SELECT 1')).resolves.toBeUndefined()
    await expect(duckdb.assertSelect('SELECT 1; SELECT 2')).rejects.toThrow(/one SELECT/)
    await expect(duckdb.assertSelect('CREATE TABLE t (a INTEGER)')).rejects.toThrow(/SELECT/)
    await expect(duckdb.assertSelect('SELECT 1) UNION (SELECT 2')).rejects.toThrow()
  })
})

test('values come back as JSON knows them, instants in UTC', async () => {
  const [row] = await queryRows(
    "SELECT TIMESTAMPTZ '2013-01-01 10:00:00+09' AS t, DATE '2013-02-03' AS d, 9007199254740993::BIGINT AS big, 'nan'::DOUBLE AS nan, [1, NULL] AS list, {'a': 1} AS s, 1.5::DECIMAL(4,1) AS dec",
    [],
    { readable: [] },
  )
  expect(row).toEqual({
    t: '2013-01-01T01:00:00.000Z',
    d: '2013-02-03',
    big: '9007199254740993',
    nan: null,
    list: [1, null],
    s: { a: 1 },
    dec: 1.5,
  })
})

test('an abort interrupts the query that runs, and the next one is served', async () => {
  const stop = new AbortController()
  const started = performance.now()
  const query = queryRows('SELECT count(*) FROM range(100000000000) a WHERE a.range % 7 = 3', [], {
    readable: [],
    signal: stop.signal,
  })
  setTimeout(() => stop.abort(), 100)
  await expect(query).rejects.toThrow(/interrupt/i)
  expect(performance.now() - started).toBeLessThan(20_000)
  expect(await queryRows('SELECT 1 AS one', [], { readable: [] })).toEqual([{ one: 1 }])
})

test('the same rows are written as the same bytes', async () => {
  const [a, b] = [join(folder, 'a.parquet'), join(folder, 'b.parquet')]
  for (const target of [a, b]) await writeParquet('SELECT range AS n FROM range(200000)', target, { readable: [] })
  expect(existsSync(a)).toBe(true)
  const { readFileSync } = await import('node:fs')
  expect(readFileSync(a).equals(readFileSync(b))).toBe(true)
})
