import type { CheckSeverity, OnFail } from '@kiban/contract/datasets'
import { KibanRule } from './contract-schema.ts'
import type { Property, Quality, Scalar } from './contract-schema.ts'
import { quoteName, quoteText } from './duckdb.ts'
import type { SqlColumn } from './duckdb.ts'
import { customProperty, onFailOf, severityOf } from './parse-contract.ts'
import type { DataContract } from './parse-contract.ts'

/** A limit on a number. `between` excludes both ends, as ODCS 3.1 says. */
export type Operator =
  | {
      readonly name:
        | 'mustBe'
        | 'mustNotBe'
        | 'mustBeGreaterThan'
        | 'mustBeGreaterOrEqualTo'
        | 'mustBeLessThan'
        | 'mustBeLessOrEqualTo'
      readonly value: number
    }
  | { readonly name: 'mustBeBetween' | 'mustNotBeBetween'; readonly value: readonly [number, number] }

/** What a rule measures, as SQL over the view `data`. */
export type Measure =
  /** Rows for which `failing` is true; `column`: the value at fault, which quarantine sets to null. */
  | { readonly kind: 'rows'; readonly failing: string; readonly column: string | null }
  /** Rows beyond the first of each combination of `columns` (those with a null among them are left out). */
  | { readonly kind: 'duplicates'; readonly columns: readonly string[] }
  | { readonly kind: 'row_count' }
  | {
      readonly kind: 'groups'
      readonly by: readonly { name: string; expression: string }[]
      readonly value: string
      readonly complete: { column: string; within: 'data' | 'month' } | null
    }
  /** One SELECT that returns one number. */
  | { readonly kind: 'sql'; readonly query: string }
  /** The columns the contract describes against those of the data. */
  | { readonly kind: 'columns'; readonly wrong: readonly { column: string; expected: string; found: string | null }[] }

export type Check = {
  readonly rule: string
  readonly title: string
  readonly column: string | null
  readonly severity: CheckSeverity
  readonly onFail: OnFail
  readonly unit: string
  readonly percent: boolean
  readonly operator: Operator
  readonly measure: Measure
  /** Columns a sample shows, besides the key. */
  readonly shows: readonly string[]
}

export type CompiledContract = { readonly checks: readonly Check[]; readonly key: readonly string[] }

const NONE: Operator = { name: 'mustBe', value: 0 }

/**
 * Turns a contract into checks over the columns that the data really has. A rule of a column that is missing is dropped: the rule
 * `columns` names it. `onFail` is what a broken error does unless the rule says otherwise.
 */
export function compileChecks(
  contract: DataContract,
  data: { columns: readonly SqlColumn[]; onFail: OnFail; key: readonly string[] },
): CompiledContract {
  const types = new Map(data.columns.map((column) => [column.name, column.type]))
  const primary = contract.table.properties
    .filter((property) => property.primaryKey)
    .sort((a, b) => (a.primaryKeyPosition ?? 0) - (b.primaryKeyPosition ?? 0))
  const key = primary.length > 0 ? primary.map((property) => property.name) : data.key
  const checks: Check[] = [columnsCheck(contract, types, data.onFail)]
  for (const property of contract.table.properties)
    if (types.has(property.name)) checks.push(...propertyChecks(property, primary.length, data.onFail))
  if (primary.length > 1 && key.every((name) => types.has(name)))
    checks.push(duplicatesCheck('primaryKey', key, primary[0] ?? {}, data.onFail))
  for (const [i, rule] of (contract.table.quality ?? []).entries()) {
    const check = qualityCheck(rule, {
      column: null,
      table: contract.table.name,
      fallback: `rule_${i + 1}`,
      onFail: data.onFail,
    })
    if (check) checks.push(check)
  }
  for (const property of contract.table.properties)
    for (const [i, rule] of (property.quality ?? []).entries()) {
      if (!types.has(property.name)) continue
      const check = qualityCheck(rule, {
        column: property.name,
        table: contract.table.name,
        fallback: `${property.name}.rule_${i + 1}`,
        onFail: data.onFail,
      })
      if (check) checks.push(check)
    }
  return { checks: withUniqueNames(checks), key: key.filter((name) => types.has(name)) }
}

/** Whether a measured value satisfies the limit. */
export function satisfies(operator: Operator, measured: number): boolean {
  switch (operator.name) {
    case 'mustBe':
      return measured === operator.value
    case 'mustNotBe':
      return measured !== operator.value
    case 'mustBeGreaterThan':
      return measured > operator.value
    case 'mustBeGreaterOrEqualTo':
      return measured >= operator.value
    case 'mustBeLessThan':
      return measured < operator.value
    case 'mustBeLessOrEqualTo':
      return measured <= operator.value
    case 'mustBeBetween':
      return measured > operator.value[0] && measured < operator.value[1]
    case 'mustNotBeBetween':
      return !(measured > operator.value[0] && measured < operator.value[1])
  }
}

/** The same limit as an SQL condition on `expression`. */
export function operatorSql(operator: Operator, expression: string): string {
  if (operator.name === 'mustBeBetween')
    return `(${expression}) > ${operator.value[0]} AND (${expression}) < ${operator.value[1]}`
  if (operator.name === 'mustNotBeBetween')
    return `NOT ((${expression}) > ${operator.value[0]} AND (${expression}) < ${operator.value[1]})`
  const symbol = {
    mustBe: '=',
    mustNotBe: '<>',
    mustBeGreaterThan: '>',
    mustBeGreaterOrEqualTo: '>=',
    mustBeLessThan: '<',
    mustBeLessOrEqualTo: '<=',
  }[operator.name]
  return `(${expression}) ${symbol} ${operator.value}`
}

/** The limit in words of the field: `<= 6 %`. */
export function describeOperator(operator: Operator, percent: boolean): string {
  const unit = percent ? ' %' : ''
  if (operator.name === 'mustBeBetween') return `between ${operator.value[0]} and ${operator.value[1]}${unit}`
  if (operator.name === 'mustNotBeBetween') return `not between ${operator.value[0]} and ${operator.value[1]}${unit}`
  return `${operatorSql(operator, '').replace('() ', '')}${unit}`
}

const TYPES: Record<NonNullable<Property['logicalType']>, RegExp> = {
  string: /^(VARCHAR|ENUM|UUID|JSON)/,
  integer: /INT$/,
  number: /(INT|FLOAT|DOUBLE|REAL)$|^DECIMAL/,
  boolean: /^BOOLEAN$/,
  date: /^DATE$/,
  timestamp: /^TIMESTAMP/,
  time: /^TIME(?!STAMP)/,
  object: /^(STRUCT|MAP|JSON)/,
  array: /\]$/,
}

function columnsCheck(contract: DataContract, types: ReadonlyMap<string, string>, onFail: OnFail): Check {
  const wrong = contract.table.properties.flatMap((property) => {
    const found = types.get(property.name) ?? null
    const expected = property.logicalType
    if (found !== null && (expected === undefined || TYPES[expected].test(found))) return []
    return [{ column: property.name, expected: expected ?? 'any type', found }]
  })
  // Missing columns cannot be quarantined: what follows would not run.
  const effective = onFail === 'quarantine' ? 'block' : onFail
  return {
    rule: 'columns',
    title: 'columns and types as described',
    column: null,
    severity: 'error',
    onFail: effective,
    unit: 'columns',
    percent: false,
    operator: NONE,
    measure: { kind: 'columns', wrong },
    shows: [],
  }
}

function propertyChecks(property: Property, primaryColumns: number, ofDataset: OnFail): Check[] {
  const declared = customProperty(property, 'severity')
  const severity = severityOf({ severity: declared === 'warn' || declared === 'info' ? declared : 'error' })
  const base = {
    column: property.name,
    severity,
    onFail: onFailOf(property, severity, ofDataset),
    unit: 'rows',
    percent: false,
    operator: NONE,
    shows: [property.name],
  }
  const name = quoteName(property.name)
  const checks: Check[] = []
  const value = (suffix: string, title: string, failing: string) =>
    checks.push({
      ...base,
      rule: `${property.name}.${suffix}`,
      title,
      measure: { kind: 'rows', failing, column: property.required || property.primaryKey ? null : property.name },
    })
  if (property.required || property.primaryKey)
    checks.push({
      ...base,
      rule: `${property.name}.required`,
      title: `${property.name} is there`,
      measure: { kind: 'rows', failing: `${name} IS NULL`, column: null },
    })
  if (property.unique || (property.primaryKey && primaryColumns === 1))
    checks.push(duplicatesCheck(`${property.name}.unique`, [property.name], property, ofDataset))
  const options = property.logicalTypeOptions ?? {}
  const limits = [
    ['minimum', '<', '>='],
    ['maximum', '>', '<='],
    ['exclusiveMinimum', '<=', '>'],
    ['exclusiveMaximum', '>=', '<'],
  ] as const
  for (const [option, failing, holds] of limits) {
    const limit = options[option]
    if (limit !== undefined) value(option, `${property.name} ${holds} ${limit}`, `${name} ${failing} ${literal(limit)}`)
  }
  if (options.multipleOf !== undefined)
    value(
      'multipleOf',
      `${property.name} is a multiple of ${options.multipleOf}`,
      `${name} % ${options.multipleOf} <> 0`,
    )
  if (options.minLength !== undefined)
    value(
      'minLength',
      `${property.name} has at least ${options.minLength} characters`,
      `length(${name}) < ${options.minLength}`,
    )
  if (options.maxLength !== undefined)
    value(
      'maxLength',
      `${property.name} has at most ${options.maxLength} characters`,
      `length(${name}) > ${options.maxLength}`,
    )
  if (options.pattern !== undefined)
    value(
      'pattern',
      `${property.name} matches ${options.pattern}`,
      `NOT regexp_matches(${name}, ${quoteText(options.pattern)})`,
    )
  return checks
}

function duplicatesCheck(
  rule: string,
  columns: readonly string[],
  from: Pick<Property, 'customProperties'>,
  ofDataset: OnFail,
): Check {
  return {
    rule,
    title: `${columns.join(', ')} unique`,
    column: columns.length === 1 ? (columns[0] ?? null) : null,
    severity: 'error',
    onFail: onFailOf(from, 'error', ofDataset),
    unit: 'rows',
    percent: false,
    operator: NONE,
    measure: { kind: 'duplicates', columns },
    shows: columns,
  }
}

function qualityCheck(
  rule: Quality,
  at: { column: string | null; table: string; fallback: string; onFail: OnFail },
): Check | undefined {
  const severity = severityOf(rule)
  const metric = rule.metric ?? rule.rule
  const operator = operatorOf(rule)
  const percent = rule.unit === 'percent'
  const base = {
    rule: rule.id ?? rule.name ?? (metric === undefined ? at.fallback : `${at.column ?? at.table}.${metric}`),
    title: rule.description ?? rule.name ?? rule.id ?? at.fallback,
    column: at.column,
    severity,
    onFail: onFailOf(rule, severity, at.onFail),
    unit: 'rows',
    percent,
    operator: operator ?? NONE,
    shows: at.column === null ? [] : [at.column],
  }
  const name = at.column === null ? '' : quoteName(at.column)
  const titled = (text: string) =>
    rule.description ?? rule.name ?? `${text}${operator ? ` ${describeOperator(operator, percent)}` : ''}`
  if (metric === 'rowCount') return { ...base, title: titled('rows'), measure: { kind: 'row_count' } }
  if (metric === 'nullValues')
    return {
      ...base,
      title: titled(`${at.column} null`),
      measure: { kind: 'rows', failing: `${name} IS NULL`, column: null },
    }
  if (metric === 'missingValues') {
    const values = (rule.arguments?.missingValues ?? []).filter((value) => value !== null)
    const failing = `(${name} IS NULL${values.length > 0 ? ` OR CAST(${name} AS VARCHAR) IN (${values.map((value) => quoteText(String(value))).join(', ')})` : ''})`
    return { ...base, title: titled(`${at.column} missing`), measure: { kind: 'rows', failing, column: null } }
  }
  if (metric === 'invalidValues') {
    const values = rule.arguments?.validValues ?? rule.validValues
    const pattern = rule.arguments?.pattern ?? rule.pattern
    const conditions = [
      ...(values === undefined
        ? []
        : [`CAST(${name} AS VARCHAR) NOT IN (${values.map((value) => quoteText(String(value))).join(', ')})`]),
      ...(pattern === undefined ? [] : [`NOT regexp_matches(CAST(${name} AS VARCHAR), ${quoteText(pattern)})`]),
    ]
    return {
      ...base,
      title: titled(`${at.column} invalid`),
      measure: { kind: 'rows', failing: `(${conditions.join(' OR ')})`, column: at.column },
    }
  }
  if (metric === 'duplicateValues') {
    const columns = at.column === null ? (rule.arguments?.properties ?? []) : [at.column]
    return {
      ...base,
      title: titled(`${columns.join(', ')} repeated`),
      measure: { kind: 'duplicates', columns },
      shows: columns,
    }
  }
  if (rule.query !== undefined)
    return { ...base, unit: 'value', measure: { kind: 'sql', query: fillIn(rule.query, at.table, at.column) } }
  if (rule.type === 'custom') return customCheck(KibanRule.parse(rule.implementation), base, at)
  return undefined
}

function customCheck(
  rule: KibanRule,
  base: Omit<Check, 'measure'>,
  at: { table: string; column: string | null },
): Check {
  if ('failing' in rule)
    return {
      ...base,
      measure: { kind: 'rows', failing: `(${fillIn(rule.failing, at.table, at.column)})`, column: rule.column ?? null },
    }
  const by = rule.groupBy.map((text) => {
    const named = /^(?<expression>[\s\S]+?)\s+as\s+(?<name>[A-Za-z_][A-Za-z0-9_]*)\s*$/i.exec(text)?.groups
    return named?.['expression'] !== undefined && named['name'] !== undefined
      ? { name: named['name'], expression: named['expression'] }
      : { name: text, expression: quoteName(text) }
  })
  return {
    ...base,
    unit: rule.unit,
    measure: { kind: 'groups', by, value: rule.value, complete: rule.complete ?? null },
  }
}

/** ODCS placeholders: `${object}`/`${table}` is the table, `${property}`/`${column}` the column (also without the dollar sign). */
function fillIn(sql: string, table: string, column: string | null): string {
  return sql
    .replaceAll(/\$?\{\s*(?:object|table)\s*\}/g, quoteName(table))
    .replaceAll(/\$?\{\s*(?:property|column)\s*\}/g, column === null ? 'NULL' : quoteName(column))
}

function operatorOf(rule: Quality): Operator | undefined {
  if (rule.mustBeBetween) return { name: 'mustBeBetween', value: rule.mustBeBetween }
  if (rule.mustNotBeBetween) return { name: 'mustNotBeBetween', value: rule.mustNotBeBetween }
  for (const name of [
    'mustBe',
    'mustNotBe',
    'mustBeGreaterThan',
    'mustBeGreaterOrEqualTo',
    'mustBeLessThan',
    'mustBeLessOrEqualTo',
  ] as const) {
    const value = rule[name]
    if (value !== undefined) return { name, value }
  }
  return undefined
}

function literal(value: Scalar): string {
  return typeof value === 'number' ? String(value) : typeof value === 'boolean' ? String(value) : quoteText(value)
}

function withUniqueNames(checks: readonly Check[]): Check[] {
  const seen = new Map<string, number>()
  return checks.map((check) => {
    const count = (seen.get(check.rule) ?? 0) + 1
    seen.set(check.rule, count)
    return count === 1 ? check : { ...check, rule: `${check.rule}_${count}` }
  })
}
