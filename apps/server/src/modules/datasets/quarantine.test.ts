import { mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { folderBlobStore } from '@kiban/kit/blobs'
import { queryRows } from './duckdb.ts'
import { parseContract } from './parse-contract.ts'
import { quarantine } from './quarantine.ts'
import { describeFinding, runChecks } from './run-checks.ts'
import { tableFiles } from './table-files.ts'

const folder = mkdtempSync(join(tmpdir(), 'kiban-quarantine-test-'))
const blobs = folderBlobStore(join(folder, 'blobs'))
const HEAD = 'apiVersion: v3.1.0\nkind: DataContract\nid: c\nversion: 1.0.0\nstatus: active\n'

async function run(files: Record<string, string>, schema: string) {
  const committed = []
  for (const [path, text] of Object.entries(files)) {
    writeFileSync(join(folder, 'upload'), text)
    committed.push({ path, ...(await blobs.putFile(join(folder, 'upload'))) })
  }
  const tables = tableFiles(blobs, committed)
  const contract = parseContract(HEAD + schema, { file: 'c.yaml', dataset: 'orders' })
  const { findings } = await runChecks(contract, { files: tables, onFail: 'quarantine', key: ['id'] })
  const aside = await quarantine({ blobs, table: contract.table.name, tables, committed, findings })
  const rowsOf = async (hash: string) =>
    queryRows(`SELECT * FROM read_parquet('${blobs.localPath(hash)}')`, [], { readable: [blobs.localPath(hash) ?? ''] })
  return { findings, aside, committed, rowsOf }
}

test('bad values become null, bad rows and repeated keys are held back, good files stay the same bytes', async () => {
  const { aside, committed, rowsOf } = await run(
    {
      'a.csv': 'id,price,shop\n1,5,x\n2,-1,x\n2,7,x\n',
      'b.csv': 'id,price,shop\n3,9,y\n',
      'c.csv': 'id,price,shop\n4,8,\n1,6,x\n',
    },
    `schema:
  - name: orders
    properties:
      - { name: id, primaryKey: true }
      - { name: price, logicalTypeOptions: { minimum: 0 } }
      - { name: shop, required: true }
`,
  )
  expect(aside).toMatchObject({ values: 1, rows: 3 })
  expect(aside?.files.map((file) => file.path)).toEqual(['a.csv.parquet', 'b.csv', 'c.csv.parquet'])
  expect(aside?.files[1]).toEqual(committed[1])
  expect(await rowsOf(aside?.files[0]?.hash ?? '')).toEqual([
    { id: 1, price: 5, shop: 'x' },
    { id: 2, price: null, shop: 'x' },
  ])
  expect(await rowsOf(aside?.files[2]?.hash ?? '')).toEqual([])
  expect(await rowsOf(aside?.rowsBlob ?? '')).toEqual([
    { id: 2, price: -1, shop: 'x', kiban_rules: ['price.minimum'] },
    { id: 2, price: 7, shop: 'x', kiban_rules: ['id.unique'] },
    { id: 4, price: 8, shop: null, kiban_rules: ['shop.required'] },
    { id: 1, price: 6, shop: 'x', kiban_rules: ['id.unique'] },
  ])
})

test('the rows of a failing group are held back, absent days and all', async () => {
  const { findings, aside } = await run(
    {
      'hours.csv':
        'station,day\na,2013-01-01\na,2013-01-01\na,2013-01-03\nb,2013-01-01\nb,2013-01-01\nb,2013-01-02\nb,2013-01-02\nb,2013-01-03\nb,2013-01-03\n',
    },
    `schema:
  - name: orders
    quality:
      - { id: full, type: custom, engine: kiban, mustBeGreaterOrEqualTo: 2, implementation: { groupBy: [station, day], unit: station-days, complete: { column: day } } }
`,
  )
  const full = findings.find((finding) => finding.check.rule === 'full')
  expect(full?.samples).toEqual([
    { station: 'a', day: '2013-01-02', value: 0 },
    { station: 'a', day: '2013-01-03', value: 1 },
  ])
  expect(full && describeFinding(full)).toBe('full (full): 2 station-days, first station=a day=2013-01-02 value=0')
  expect(aside).toMatchObject({ values: 0, rows: 1 })
})

test('a rule about the whole table cannot be set aside, nor one that allows some', async () => {
  const { findings, aside } = await run(
    { 'a.csv': 'id,price\n1,\n2,3\n' },
    `schema:
  - name: orders
    properties:
      - { name: price, quality: [{ metric: nullValues, unit: percent, mustBeLessOrEqualTo: 10 }] }
    quality:
      - { metric: rowCount, mustBeGreaterThan: 100 }
      - { id: total, type: sql, query: "SELECT sum(price) FROM \${table}", mustBeBetween: [3, 10] }
`,
  )
  expect(aside).toBeUndefined()
  expect(
    findings
      .filter((finding) => !finding.holds)
      .map((finding) => [finding.check.rule, finding.violations, finding.measured]),
  ).toEqual([
    ['orders.rowCount', 1, 2],
    ['total', 1, 3], // between leaves out both ends, as ODCS says
    ['price.nullValues', 1, 50],
  ])
})

test('a rule that cannot run says why, and the others run all the same', async () => {
  const { findings } = await run(
    { 'a.csv': 'id,price\n1,x\n2,3\n' },
    `schema:
  - name: orders
    properties:
      - { name: nope, required: true }
    quality:
      - { id: typo, type: custom, engine: kiban, implementation: { failing: prize > 3 } }
      - { id: cast, type: custom, engine: kiban, implementation: { failing: CAST(price AS INTEGER) > 3 } }
      - { id: escape, type: custom, engine: kiban, implementation: { failing: "true); COPY (SELECT 1) TO '/tmp/x'; SELECT (1" } }
      - { id: good, type: custom, engine: kiban, implementation: { failing: id = 2 } }
`,
  )
  const by = Object.fromEntries(findings.map((finding) => [finding.check.rule, finding]))
  expect(by['columns']).toMatchObject({
    holds: false,
    violations: 1,
    samples: [{ column: 'nope', expected: 'any type', found: null }],
  })
  expect(by['typo']?.error).toMatch(/prize/)
  expect(by['cast']?.error).toMatch(/Could not convert/)
  expect(by['escape']?.error).toMatch(/SELECT/)
  expect(by['good']).toMatchObject({ error: null, violations: 1, samples: [{ id: 2 }] })
})
