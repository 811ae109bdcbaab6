import { compileChecks, describeOperator, operatorSql, satisfies } from './compile-checks.ts'
import type { Check, CompiledContract, Measure } from './compile-checks.ts'
import { quoteName, withDuckdb } from './duckdb.ts'
import type { Duckdb, SqlRow, SqlValue } from './duckdb.ts'
import type { DataContract } from './parse-contract.ts'
import { FILE_COLUMN, relationSql, viewSql } from './table-files.ts'
import type { TableFile } from './table-files.ts'
import type { OnFail } from '@kiban/contract/datasets'

/** What one rule found. `files`: how many violations in each file, for rules of single rows. */
export type Finding = {
  readonly check: Check
  readonly holds: boolean
  readonly violations: number
  readonly measured: number | null
  readonly samples: readonly SqlRow[]
  readonly error: string | null
  readonly files: ReadonlyMap<string, number>
}

export type ChecksRun = {
  readonly contract: CompiledContract
  readonly rows: number
  readonly findings: readonly Finding[]
}

const SAMPLES = 20
const FILES_VIEW = 'kiban.rows'

/**
 * Runs a contract on the files: every rule about single rows in one pass, the others by one query each. A rule that cannot run (an SQL
 * error) is a finding with `error`, and does not hold. `onFail` and `key` are the dataset's.
 */
export function runChecks(
  contract: DataContract,
  options: { files: readonly TableFile[]; onFail: OnFail; key: readonly string[]; signal?: AbortSignal },
): Promise<ChecksRun> {
  const access = {
    readable: options.files.map((file) => file.file),
    ...(options.signal ? { signal: options.signal } : {}),
  }
  return withDuckdb(access, async (duckdb) => {
    const relation = relationSql(options.files)
    await duckdb.run(`CREATE TEMP VIEW ${quoteName(FILES_VIEW)} AS ${relation}`)
    await duckdb.run(viewSql('data', relation))
    if (contract.table.name !== 'data')
      await duckdb.run(`CREATE TEMP VIEW ${quoteName(contract.table.name)} AS SELECT * FROM data`)
    const columns = (await duckdb.rows('DESCRIBE data')).map((row) => ({
      name: String(row['column_name']),
      type: String(row['column_type']),
    }))
    const compiled = compileChecks(contract, { columns, onFail: options.onFail, key: options.key })
    const counts = await countRows(duckdb, compiled.checks)
    const findings: Finding[] = []
    for (const check of compiled.checks) {
      options.signal?.throwIfAborted()
      findings.push(
        await evaluate(duckdb, { check, counts, key: compiled.key, columns: columns.map((column) => column.name) }),
      )
    }
    return { contract: compiled, rows: counts.rows, findings }
  })
}

/** SQL of the groups that break a rule: the group's columns and `value`, over the view `data`. */
export function failingGroupsSql(
  measure: Extract<Measure, { kind: 'groups' }>,
  check: Pick<Check, 'operator'>,
): string {
  const columns = measure.by.map((column) => `${column.expression} AS ${quoteName(column.name)}`).join(', ')
  const names = measure.by.map((column) => quoteName(column.name))
  const failing = `(${operatorSql(check.operator, 'value')}) IS NOT TRUE`
  const found = `found AS (SELECT ${columns}, (${measure.value}) AS value FROM data GROUP BY ${measure.by.map((_, i) => i + 1).join(', ')})`
  if (!measure.complete) return `WITH ${found} SELECT * FROM found WHERE ${failing}`
  const day = quoteName(measure.complete.column)
  const others = names.filter((name) => name !== day)
  const [first, last] =
    measure.complete.within === 'month'
      ? [`date_trunc('month', min(${day}))::DATE`, `last_day(max(${day}))`]
      : [`min(${day})::DATE`, `max(${day})::DATE`]
  return `WITH ${found},
    days AS (SELECT unnest(generate_series(first, last, INTERVAL 1 DAY))::DATE AS ${day} FROM (SELECT ${first} AS first, ${last} AS last FROM found)),
    expected AS (SELECT * FROM days${others.length > 0 ? `, (SELECT DISTINCT ${others.join(', ')} FROM found)` : ''})
    SELECT ${names.map((name) => `expected.${name}`).join(', ')}, coalesce(found.value, 0) AS value
    FROM expected LEFT JOIN found ON ${names.map((name) => `expected.${name} IS NOT DISTINCT FROM found.${name}`).join(' AND ')}
    WHERE ${failing}`
}

type Counts = {
  readonly rows: number
  readonly byRule: ReadonlyMap<string, { total: number; files: ReadonlyMap<string, number> }>
  readonly errors: ReadonlyMap<string, string>
}

/** The one pass: rows and failing rows of every rule about single rows, by file. */
async function countRows(duckdb: Duckdb, checks: readonly Check[]): Promise<Counts> {
  const errors = new Map<string, string>()
  const counted: { rule: string; failing: string }[] = []
  for (const check of checks) {
    if (check.measure.kind !== 'rows') continue
    const { failing } = check.measure
    try {
      await duckdb.assertSelect(`SELECT 1 FROM data WHERE ${failing}`)
      counted.push({ rule: check.rule, failing })
    } catch (error) {
      errors.set(check.rule, textOf(error))
    }
  }
  try {
    return { ...(await countOnce(duckdb, counted)), errors }
  } catch {
    // One rule fails while it runs (a cast, say): find out which, by running each on its own.
    const good: typeof counted = []
    for (const item of counted) {
      try {
        await countOnce(duckdb, [item])
        good.push(item)
      } catch (error) {
        errors.set(item.rule, textOf(error))
      }
    }
    return { ...(await countOnce(duckdb, good)), errors }
  }
}

async function countOnce(
  duckdb: Duckdb,
  counted: readonly { rule: string; failing: string }[],
): Promise<Omit<Counts, 'errors'>> {
  const columns = counted.map((item, i) => `, count(*) FILTER (WHERE ${item.failing}) AS c${i}`).join('')
  const result = await duckdb.rows(
    `SELECT ${quoteName(FILE_COLUMN)} AS file, count(*) AS rows${columns} FROM ${quoteName(FILES_VIEW)} GROUP BY 1 ORDER BY 1`,
  )
  const byRule = new Map(
    counted.map((item, i) => {
      const files = new Map(
        result.map((row) => [String(row['file']), Number(row[`c${i}`])] as const).filter(([, n]) => n > 0),
      )
      return [item.rule, { total: [...files.values()].reduce((sum, n) => sum + n, 0), files }]
    }),
  )
  return { rows: result.reduce((sum, row) => sum + Number(row['rows']), 0), byRule }
}

type Subject = {
  readonly check: Check
  readonly counts: Counts
  readonly key: readonly string[]
  readonly columns: readonly string[]
}

async function evaluate(duckdb: Duckdb, subject: Subject): Promise<Finding> {
  const { check, counts } = subject
  const problem = counts.errors.get(check.rule)
  if (problem !== undefined) return failed(check, problem)
  try {
    return await measure(duckdb, subject)
  } catch (error) {
    return failed(check, textOf(error))
  }
}

async function measure(duckdb: Duckdb, { check, counts, key, columns }: Subject): Promise<Finding> {
  const { measure: what, operator } = check
  const none = { check, error: null, files: new Map<string, number>(), samples: [], measured: null }
  switch (what.kind) {
    case 'columns':
      return {
        ...none,
        holds: what.wrong.length === 0,
        violations: what.wrong.length,
        samples: what.wrong.slice(0, SAMPLES),
      }
    case 'row_count': {
      const holds = satisfies(operator, counts.rows)
      return { ...none, holds, violations: holds ? 0 : 1, measured: counts.rows }
    }
    case 'rows': {
      const found = counts.byRule.get(check.rule)
      const outcome = limited(check, found?.total ?? 0, counts.rows)
      const shown = unique([...key, ...check.shows, ...columns.filter((name) => mentions(what.failing, name))])
      const samples =
        outcome.violations > 0
          ? await duckdb.rows(
              `SELECT ${shown.map(quoteName).join(', ') || '*'} FROM data WHERE ${what.failing} LIMIT ${SAMPLES}`,
            )
          : []
      return { ...none, ...outcome, samples, files: found?.files ?? new Map() }
    }
    case 'duplicates': {
      const names = what.columns.map(quoteName).join(', ')
      const repeated = `SELECT ${names}, count(*) AS count FROM data WHERE ${what.columns.map((name) => `${quoteName(name)} IS NOT NULL`).join(' AND ')} GROUP BY ${names} HAVING count(*) > 1`
      const [row] = await duckdb.rows(`SELECT coalesce(sum(count - 1), 0)::BIGINT AS n FROM (${repeated})`)
      const outcome = limited(check, Number(row?.['n'] ?? 0), counts.rows)
      return {
        ...none,
        ...outcome,
        samples: outcome.violations > 0 ? await duckdb.rows(`${repeated} ORDER BY ${names} LIMIT ${SAMPLES}`) : [],
      }
    }
    case 'groups': {
      const sql = failingGroupsSql(what, check)
      await duckdb.assertSelect(sql)
      const worstFirst = operator.name.startsWith('mustBeLess') ? 'DESC' : 'ASC'
      const [row] = await duckdb.rows(`SELECT count(*) AS n FROM (${sql})`)
      const violations = Number(row?.['n'] ?? 0)
      const samples =
        violations > 0
          ? await duckdb.rows(
              `SELECT * FROM (${sql}) ORDER BY value ${worstFirst}, ${what.by.map((column) => quoteName(column.name)).join(', ')} LIMIT ${SAMPLES}`,
            )
          : []
      return { ...none, holds: violations === 0, violations, samples }
    }
    case 'sql': {
      await duckdb.assertSelect(what.query)
      const { rows } = await duckdb.table(`SELECT * FROM (${what.query}) LIMIT 2`)
      const value = rows[0]?.[0]
      if (rows.length !== 1 || rows[0]?.length !== 1 || !isNumeric(value))
        throw new Error(`the query must return one number, not ${rows.length} rows of ${rows[0]?.length ?? 0} columns`)
      const measured = Number(value)
      const holds = satisfies(operator, measured)
      const counts0 = (operator.name === 'mustBe' && operator.value === 0) || operator.name.startsWith('mustBeLess')
      return {
        ...none,
        holds,
        violations: holds ? 0 : counts0 && Number.isInteger(measured) && measured > 0 ? measured : 1,
        measured,
      }
    }
  }
}

/** Applies the limit to failing rows, or to their percentage of all rows. A rule that holds has no violations. */
function limited(
  check: Check,
  failing: number,
  rows: number,
): { holds: boolean; violations: number; measured: number } {
  const measured = check.percent ? (rows === 0 ? 0 : (100 * failing) / rows) : failing
  const holds = satisfies(check.operator, measured)
  // A rule such as "more than 10 nulls" can be broken by no row at all.
  return { holds, violations: holds ? 0 : Math.max(failing, 1), measured }
}

function failed(check: Check, error: string): Finding {
  return { check, holds: false, violations: 0, measured: null, samples: [], error, files: new Map() }
}

/** One finding in a sentence: the rule, what broke it and the first row. */
export function describeFinding(finding: Finding): string {
  const { check } = finding
  if (finding.error !== null) return `${check.rule} could not run: ${finding.error}`
  const limit =
    check.operator.name === 'mustBe' && check.operator.value === 0
      ? ''
      : `, must be ${describeOperator(check.operator, check.percent)}`
  const measured =
    finding.measured !== null && finding.measured !== finding.violations
      ? ` (measured ${Number(finding.measured.toPrecision(6))}${limit})`
      : ''
  const first = finding.samples[0]
  const unit = finding.violations === 1 ? check.unit.replace(/s$/, '') : check.unit
  return `${check.rule} (${check.title}): ${finding.violations} ${unit}${measured}${
    first
      ? `, first ${Object.entries(first)
          .slice(0, 8)
          .map(([name, value]) => `${name}=${show(value)}`)
          .join(' ')}`
      : ''
  }`
}

function show(value: SqlValue): string {
  return value === null ? 'null' : typeof value === 'object' ? JSON.stringify(value) : String(value)
}

function isNumeric(value: SqlValue | undefined): boolean {
  return (
    typeof value === 'number' ||
    (typeof value === 'string' && value !== '' && Number.isFinite(Number(value))) ||
    typeof value === 'boolean'
  )
}

function mentions(sql: string, name: string): boolean {
  return new RegExp(`(^|[^A-Za-z0-9_])${name.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&')}([^A-Za-z0-9_]|$)`).test(sql)
}

function unique(names: readonly string[]): string[] {
  return [...new Set(names)]
}

function textOf(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error)
  // DuckDB adds the SQL around the error, with paths of this machine in it.
  return (text.split('\n\nLINE')[0] ?? text)
    .replaceAll(/\/[^\s'"]*\/[0-9a-f]{2}\/[0-9a-f]{62}/g, '<file>')
    .slice(0, 500)
}
