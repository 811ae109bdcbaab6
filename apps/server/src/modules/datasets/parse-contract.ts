import { LineCounter, isNode, parseDocument } from 'yaml'
import type { Document } from 'yaml'
import type { z } from 'zod'
import type { CheckSeverity, OnFail } from '@kiban/contract/datasets'
import { AppError } from '@kiban/kit/errors'
import { KibanRule, OPERATOR_NAMES, OdcsDocument } from './contract-schema.ts'
import type { Property, Quality, SchemaObject } from './contract-schema.ts'

/** A contract, read and checked; `table` is the schema object that describes the dataset. */
export type DataContract = { readonly table: SchemaObject; readonly file: string }

type Problem = { readonly path: readonly PropertyKey[]; readonly message: string }
const MAX_BYTES = 1 << 20
const MAX_PROBLEMS = 20

/**
 * Reads an ODCS 3.1 contract. Of several schema objects, the one named as the dataset is taken. Throws `contract_invalid` with every
 * problem as `file:line:column: what`, including parts of the standard that would have to be executed and are not supported.
 */
export function parseContract(text: string, options: { file: string; dataset: string }): DataContract {
  const { file, dataset } = options
  if (Buffer.byteLength(text) > MAX_BYTES)
    throw new AppError('contract_invalid', { message: `${file} has more than 1 MiB. Split the contract.` })
  const lines = new LineCounter()
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false, uniqueKeys: true })
  if (document.errors.length > 0)
    throw invalid(
      file,
      document.errors.map((error) => ({ ...place(lines, error.pos[0]), message: error.message })),
    )
  const parsed = OdcsDocument.safeParse(document.toJS({ maxAliasCount: 100 }))
  if (!parsed.success)
    throw invalid(
      file,
      parsed.error.issues
        .flatMap(flatten)
        .map((problem) => ({ ...locate(document, lines, problem.path), message: problem.message })),
    )
  const tables = parsed.data.schema
  const index = tables.length === 1 ? 0 : tables.findIndex((table) => table.name === dataset)
  const table = tables[index]
  if (!table)
    throw invalid(file, [
      {
        ...locate(document, lines, ['schema']),
        message: `has ${tables.length} tables (${tables.map((t) => t.name).join(', ')}) but none is named ${dataset}`,
      },
    ])
  const problems = problemsOf(table).map((problem) => ({
    ...locate(document, lines, ['schema', index, ...problem.path]),
    message: problem.message,
  }))
  if (problems.length > 0) throw invalid(file, problems)
  return { table, file }
}

/** The severity of a rule: `error` unless it says otherwise (ODCS leaves the words open; GX and Soda words are understood). */
export function severityOf(rule: { readonly severity?: Quality['severity'] | undefined }): CheckSeverity {
  if (rule.severity === 'warn' || rule.severity === 'warning' || rule.severity === 'medium') return 'warn'
  if (rule.severity === 'info' || rule.severity === 'low') return 'info'
  return 'error'
}

/** The value of a custom property of a rule or column, such as `onFail`. */
export function customProperty(of: Pick<Quality | Property, 'customProperties'>, name: string): unknown {
  return of.customProperties?.find((entry) => entry.property === name)?.value
}

/** What a rule does when it is broken: its own custom property `onFail`, else the dataset's for errors, else a warning. */
export function onFailOf(
  rule: Pick<Quality | Property, 'customProperties'>,
  severity: CheckSeverity,
  ofDataset: OnFail,
): OnFail {
  const own = customProperty(rule, 'onFail')
  if (own === 'block' || own === 'quarantine' || own === 'warn') return own
  return severity === 'error' ? ofDataset : 'warn'
}

function problemsOf(table: SchemaObject): Problem[] {
  const names = new Set(table.properties.map((property) => property.name))
  const problems: Problem[] = []
  const ids = new Set<string>()
  const visit = (rule: Quality, path: readonly PropertyKey[], column: string | null) => {
    for (const problem of qualityProblems(rule, column, names))
      problems.push({ path: [...path, ...problem.path], message: problem.message })
    if (rule.id !== undefined && ids.has(rule.id))
      problems.push({ path: [...path, 'id'], message: `two rules have the id ${rule.id}` })
    if (rule.id !== undefined) ids.add(rule.id)
  }
  table.quality?.forEach((rule, i) => visit(rule, ['quality', i], null))
  const seen = new Set<string>()
  table.properties.forEach((property, p) => {
    if (seen.has(property.name))
      problems.push({ path: ['properties', p, 'name'], message: `the column ${property.name} is described twice` })
    seen.add(property.name)
    const path = ['properties', p, 'logicalTypeOptions', 'pattern']
    if (property.logicalTypeOptions?.pattern !== undefined)
      problems.push(...patternProblems(property.logicalTypeOptions.pattern, path))
    property.quality?.forEach((rule, i) => visit(rule, ['properties', p, 'quality', i], property.name))
  })
  return problems
}

function qualityProblems(rule: Quality, column: string | null, columns: ReadonlySet<string>): Problem[] {
  const problems: Problem[] = []
  const add = (path: PropertyKey[], message: string) => problems.push({ path, message })
  const metric = rule.metric ?? rule.rule
  const type = rule.type ?? (metric === undefined ? (rule.query === undefined ? 'text' : 'sql') : 'library')
  const operators = OPERATOR_NAMES.filter((name) => rule[name as keyof Quality] !== undefined) // the names are keys of Quality
  if (operators.length > 1) add([operators[1] ?? ''], `a rule has one operator, not both ${operators.join(' and ')}`)
  const own = customProperty(rule, 'onFail')
  if (own !== undefined && own !== 'block' && own !== 'quarantine' && own !== 'warn')
    add(['customProperties'], `onFail is block, quarantine or warn, not ${JSON.stringify(own)}`)
  if (type === 'text') return problems
  if (type === 'library') {
    if (metric === undefined)
      add(
        ['type'],
        'a library rule names its metric: nullValues, missingValues, invalidValues, duplicateValues or rowCount',
      )
    const ofColumn = metric === 'nullValues' || metric === 'missingValues' || metric === 'invalidValues'
    if (ofColumn && column === null) add(['metric'], `${metric} is a rule of a column: write it under properties`)
    if (metric === 'rowCount' && column !== null)
      add(['metric'], 'rowCount is a rule of the table: write it under schema[].quality')
    if (metric === 'rowCount' && operators.length === 0)
      add(['metric'], 'rowCount needs an operator, such as mustBeGreaterThan: 0')
    const properties = rule.arguments?.properties
    if (metric === 'duplicateValues' && column === null && properties === undefined)
      add(['metric'], 'duplicateValues of a table needs arguments.properties: the columns that are unique together')
    properties?.forEach((name, i) => {
      if (!columns.has(name)) add(['arguments', 'properties', i], `there is no column ${name} under properties`)
    })
    const pattern = rule.arguments?.pattern ?? rule.pattern
    if (pattern !== undefined)
      problems.push(
        ...patternProblems(pattern, rule.arguments?.pattern === undefined ? ['pattern'] : ['arguments', 'pattern']),
      )
    if (
      metric === 'invalidValues' &&
      pattern === undefined &&
      (rule.arguments?.validValues ?? rule.validValues) === undefined
    )
      add(['metric'], 'invalidValues needs arguments.validValues or arguments.pattern')
  }
  if (type === 'sql') {
    if (rule.query === undefined) add(['type'], 'an sql rule needs a query that returns one number')
    if (operators.length === 0) add(['query'], 'an sql rule needs an operator, such as mustBe: 0')
  }
  if (type === 'custom') {
    if (rule.engine !== 'kiban')
      add(
        ['engine'],
        `the engine ${rule.engine ?? '(none)'} is not supported: Kiban runs library and sql rules, and custom rules of engine kiban`,
      )
    else {
      const parsed = KibanRule.safeParse(rule.implementation)
      if (!parsed.success)
        add(
          ['implementation'],
          'is { failing: <SQL condition> } or { groupBy: [..], value: <SQL aggregate>, complete: { column, within } }',
        )
      else if ('groupBy' in parsed.data && operators.length === 0)
        add(['implementation'], 'a groupBy rule needs an operator, such as mustBeGreaterOrEqualTo: 20')
    }
  }
  return problems
}

function patternProblems(pattern: string, path: readonly PropertyKey[]): Problem[] {
  // DuckDB runs RE2, which knows neither look-around nor back-references.
  if (/\(\?[=!<]|\\[1-9]/.test(pattern))
    return [{ path, message: `the pattern ${pattern} uses look-around or a back-reference, which are not supported` }]
  try {
    new RegExp(pattern, 'u')
    return []
  } catch {
    return [{ path, message: `${pattern} is not a regular expression` }]
  }
}

function flatten(issue: z.core.$ZodIssue): Problem[] {
  if (issue.code === 'unrecognized_keys')
    return issue.keys.map((key) => ({
      path: [...issue.path, key],
      message: `\`${key}\` is not supported here (Kiban executes the part of ODCS 3.1 that docs/guide/data.md lists)`,
    }))
  return [{ path: issue.path, message: `\`${String(issue.path.at(-1) ?? 'contract')}\`: ${issue.message}` }]
}

function locate(
  document: Document,
  lines: LineCounter,
  path: readonly PropertyKey[],
): { line: number; column: number } {
  for (let depth = path.length; depth >= 0; depth--) {
    const node = depth === 0 ? document.contents : document.getIn(path.slice(0, depth), true)
    if (isNode(node) && node.range) return place(lines, node.range[0])
  }
  return { line: 1, column: 1 }
}

function place(lines: LineCounter, offset: number): { line: number; column: number } {
  const { line, col } = lines.linePos(offset)
  return { line, column: col }
}

function invalid(file: string, problems: readonly { line: number; column: number; message: string }[]): AppError {
  const shown = problems.slice(0, MAX_PROBLEMS)
  return new AppError('contract_invalid', {
    message: shown.map((problem) => `${file}:${problem.line}:${problem.column}: ${problem.message}`).join('\n'),
    details: { file, problems: shown.map((problem) => ({ ...problem })) },
  })
}
