import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { ManifestFile } from '@kiban/contract/primitives'
import type { BlobStore } from '@kiban/kit/blobs'
import type { Check } from './compile-checks.ts'
import { quoteName, quoteText, withDuckdb } from './duckdb.ts'
import type { Duckdb } from './duckdb.ts'
import { failingGroupsSql } from './run-checks.ts'
import type { Finding } from './run-checks.ts'
import { FILE_COLUMN, relationSql, viewSql } from './table-files.ts'
import type { TableFile } from './table-files.ts'

export type Quarantine = {
  /** Rules it was done for. */
  readonly rules: ReadonlySet<string>
  /** The files to use in place of those committed; files without a violation are the same. */
  readonly files: readonly ManifestFile[]
  /** Parquet of the rows as committed that were changed or held back, with `kiban_rules`. */
  readonly rowsBlob: string
  readonly values: number
  readonly rows: number
}

const POSITION = 'kiban.position'
const RULES = 'kiban_rules'

/**
 * Sets aside what broke a rule whose `onFail` is quarantine: a bad value becomes null, and where the rule is about the row, a repeated
 * key or a group, the row is held back. The committed files stay as they are; only files with a violation are written anew. Undefined
 * when there is nothing that can be set aside.
 */
export async function quarantine(input: {
  readonly blobs: BlobStore
  readonly table: string
  readonly tables: readonly TableFile[]
  readonly committed: readonly ManifestFile[]
  readonly findings: readonly Finding[]
  readonly signal?: AbortSignal
}): Promise<Quarantine | undefined> {
  const due = input.findings.filter((finding) => canQuarantine(finding))
  if (due.length === 0) return undefined
  const folder = await mkdtemp(join(tmpdir(), 'kiban-quarantine-'))
  try {
    const access = {
      readable: input.tables.map((file) => file.file),
      writable: [folder],
      threads: 1,
      ...(input.signal ? { signal: input.signal } : {}),
    }
    return await withDuckdb(access, (duckdb) => setAside(duckdb, { ...input, findings: due, folder }))
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

/** Whether the finding asks for quarantine and its rule says which values or rows are at fault. */
export function canQuarantine(finding: Finding): boolean {
  const { check } = finding
  if (finding.holds || finding.error !== null || check.onFail !== 'quarantine') return false
  // A limit other than "none" has no single rows at fault: which of 7 % would be the one too many?
  const everyOne = check.operator.name === 'mustBe' && check.operator.value === 0
  return (
    check.measure.kind === 'groups' ||
    ((check.measure.kind === 'rows' || check.measure.kind === 'duplicates') && everyOne)
  )
}

type Work = {
  blobs: BlobStore
  table: string
  tables: readonly TableFile[]
  committed: readonly ManifestFile[]
  findings: readonly Finding[]
  folder: string
}
type Fault = { readonly rule: string; readonly condition: string; readonly column: string | null }

async function setAside(duckdb: Duckdb, work: Work): Promise<Quarantine> {
  const relation = relationSql(work.tables)
  await duckdb.run(viewSql('data', relation))
  if (work.table !== 'data') await duckdb.run(`CREATE TEMP VIEW ${quoteName(work.table)} AS SELECT * FROM data`)
  await duckdb.run(
    `CREATE TEMP VIEW "kiban.all" AS SELECT *, row_number() OVER () AS ${quoteName(POSITION)} FROM (${relation})`,
  )
  const faults: Fault[] = []
  for (const [i, { check }] of work.findings.entries()) faults.push(await faultOf(duckdb, check, i))
  const anyFault = faults.map((fault) => `(${fault.condition}) IS TRUE`).join(' OR ')
  const rowFaults = faults.filter((fault) => fault.column === null)
  const held = rowFaults.length === 0 ? 'false' : rowFaults.map((fault) => `(${fault.condition}) IS TRUE`).join(' OR ')
  await duckdb.run(
    `CREATE TEMP TABLE "kiban.faults" AS SELECT *, (${held}) AS "kiban.held", list_filter([${faults
      .map((fault) => `CASE WHEN ${fault.condition} THEN ${quoteText(fault.rule)} END`)
      .join(', ')}], rule -> rule IS NOT NULL) AS ${RULES} FROM "kiban.all" WHERE ${anyFault}`,
  )
  const [counts] = await duckdb.rows(`SELECT count(*) FILTER (WHERE "kiban.held") AS held,
    coalesce(sum(CASE WHEN "kiban.held" THEN 0 ELSE len(${RULES}) END), 0)::BIGINT AS nulled FROM "kiban.faults"`)
  const affected = new Set(
    (await duckdb.rows(`SELECT DISTINCT ${quoteName(FILE_COLUMN)} AS file FROM "kiban.faults"`)).map((row) =>
      String(row['file']),
    ),
  )
  const own = `${quoteName(FILE_COLUMN)}, ${quoteName(POSITION)}`
  const rowsFile = join(work.folder, 'quarantine.parquet')
  await duckdb.run(
    `COPY (SELECT * EXCLUDE (${own}, "kiban.held") FROM "kiban.faults" ORDER BY ${quoteName(POSITION)}) TO ${quoteText(rowsFile)} (FORMAT parquet, COMPRESSION zstd)`,
  )
  const columns = [...new Set(faults.flatMap((fault) => fault.column ?? []))]
  const nulled = columns.map((column) => {
    const conditions = faults.filter((fault) => fault.column === column).map((fault) => `(${fault.condition}) IS TRUE`)
    return `CASE WHEN ${conditions.join(' OR ')} THEN NULL ELSE ${quoteName(column)} END AS ${quoteName(column)}`
  })
  const replaced = new Map<string, ManifestFile>()
  for (const [i, file] of work.tables.entries()) {
    if (!affected.has(file.file)) continue
    const target = join(work.folder, `${i}.parquet`)
    await duckdb.run(`COPY (SELECT * EXCLUDE (${own})${nulled.length > 0 ? ` REPLACE (${nulled.join(', ')})` : ''} FROM "kiban.all"
      WHERE ${quoteName(FILE_COLUMN)} = ${quoteText(file.file)} AND NOT (${held}) ORDER BY ${quoteName(POSITION)}) TO ${quoteText(target)} (FORMAT parquet, COMPRESSION zstd)`)
    const blob = await work.blobs.putFile(target)
    replaced.set(file.path, {
      path: file.format === 'parquet' ? file.path : `${file.path}.parquet`,
      hash: blob.hash,
      sizeBytes: blob.sizeBytes,
    })
  }
  return {
    rules: new Set(faults.map((fault) => fault.rule)),
    files: work.committed.map((file) => replaced.get(file.path) ?? file),
    rowsBlob: (await work.blobs.putFile(rowsFile)).hash,
    values: Number(counts?.['nulled'] ?? 0),
    rows: Number(counts?.['held'] ?? 0),
  }
}

async function faultOf(duckdb: Duckdb, check: Check, index: number): Promise<Fault> {
  const { measure } = check
  if (measure.kind === 'rows') return { rule: check.rule, condition: measure.failing, column: measure.column }
  if (measure.kind === 'duplicates') {
    const key = measure.columns.map(quoteName)
    const table = quoteName(`kiban.repeated_${index}`)
    // The first of the equal rows stays.
    await duckdb.run(`CREATE TEMP TABLE ${table} AS SELECT ${quoteName(POSITION)} AS position FROM "kiban.all" WHERE ${key.map((name) => `${name} IS NOT NULL`).join(' AND ')}
      QUALIFY row_number() OVER (PARTITION BY ${key.join(', ')} ORDER BY ${quoteName(POSITION)}) > 1`)
    return { rule: check.rule, condition: `${quoteName(POSITION)} IN (SELECT position FROM ${table})`, column: null }
  }
  if (measure.kind === 'groups') {
    const table = quoteName(`kiban.groups_${index}`)
    const names = measure.by.map((column) => quoteName(column.name))
    await duckdb.run(
      `CREATE TEMP TABLE ${table} AS SELECT DISTINCT ${names.join(', ')} FROM (${failingGroupsSql(measure, check)})`,
    )
    return {
      rule: check.rule,
      condition: `row(${measure.by.map((column) => column.expression).join(', ')}) IN (SELECT row(${names.join(', ')}) FROM ${table})`,
      column: null,
    }
  }
  throw new Error(`the rule ${check.rule} names no rows`)
}
