/**
 * A job of the platform's own: scores model versions on the rows of a Parquet data set and judges the gate's checks. It runs as a process
 * of its own, because a model can take any amount of time and memory, or end the process. Inputs and outputs as in `evaluation.ts`.
 */
import { readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { quoteName, quoteText, withDuckdb } from '../datasets/index.ts'
import {
  EvaluationRequest,
  importanceMetric,
  judge,
  missingRows,
  permutationImportances,
  sampleRows,
  take,
  takeRows,
} from './evaluation.ts'
import type { EvaluationResult } from './evaluation.ts'
import { openScorer, scoreOf } from './onnx-scorer.ts'
import type { Columns, InputColumn, Scorer } from './onnx-scorer.ts'

const IMPORTANCE_ROWS = 2000
const IMPORTANCE_REPEATS = 3
const PERIODS: Readonly<Record<string, string>> = {
  hour: '%Y-%m-%dT%H',
  day: '%Y-%m-%d',
  week: '%G-W%V',
  month: '%Y-%m',
  year: '%Y',
}

type Table = {
  readonly features: Columns
  readonly y: Float64Array
  readonly groups: Readonly<Record<string, readonly string[]>>
  readonly rowsWithoutTarget: number
}

async function main(): Promise<void> {
  const request = EvaluationRequest.parse(JSON.parse(variable('KIBAN_PARAMS')))
  const inputs = variable('KIBAN_INPUTS')
  const outputs = variable('KIBAN_OUTPUTS')
  const scorers = new Map<string, Scorer>()
  const problems: Record<string, string> = {}
  for (const model of request.models)
    try {
      scorers.set(model.name, await openScorer(join(inputs, model.input, model.onnx), model.features))
    } catch (error) {
      problems[model.name] = error instanceof Error ? (error.message.split('\n')[0] ?? '') : 'it cannot be loaded'
    }
  const wanted = new Map(
    [...scorers.values()].flatMap((scorer) => scorer.columns.map((column) => [column.name, column] as const)),
  )
  const table = await readTable(join(inputs, 'evaluation'), request, [...wanted.values()])
  const rows = table.y.length
  const answers = new Map<string, Float64Array[]>()
  for (const [name, scorer] of scorers) answers.set(name, await scorer.answer(table.features, rows))
  const scores = new Map([...answers].map(([name, list]) => [name, Float64Array.from(list, scoreOf)]))
  const first = request.models[0]?.name ?? ''
  const candidate = scorers.get(first)
  const result: EvaluationResult = {
    ...judge(request, { y: table.y, scores, columns: table.groups }),
    rowsWithoutTarget: table.rowsWithoutTarget,
    importances: candidate && request.importances && rows > 0 ? await rankInputs(request, candidate, table) : null,
    problems,
  }
  writeFileSync(join(outputs, 'result'), JSON.stringify(result))
  writeSample(
    join(outputs, 'sample'),
    join(outputs, 'answers'),
    candidate && request.sampleRows > 0
      ? { table, candidate, answers: answers.get(first) ?? [], count: request.sampleRows }
      : undefined,
  )
  for (const [name, problem] of Object.entries(problems)) process.stdout.write(`${name} cannot be loaded: ${problem}\n`)
  process.stdout.write(`scored ${rows} rows with ${scores.size} models; ${result.checks.length} checks\n`)
}

async function rankInputs(request: EvaluationRequest, candidate: Scorer, table: Table) {
  const at = sampleRows({}, table.y.length, IMPORTANCE_ROWS)
  const metric = importanceMetric(request)
  const items = await permutationImportances({
    y: take(table.y, at),
    columns: takeRows(table.features, at),
    inputs: candidate.columns,
    metric,
    threshold: request.threshold,
    score: async (columns) => Float64Array.from(await candidate.answer(columns, at.length), scoreOf),
    repeats: IMPORTANCE_REPEATS,
  })
  return { metric, items }
}

/** Rows and the served answers to them, for `python -m kiban.parity` and the comparison; empty files when none are wanted. */
function writeSample(
  samplePath: string,
  answersPath: string,
  of: { table: Table; candidate: Scorer; answers: readonly Float64Array[]; count: number } | undefined,
): void {
  if (!of) {
    writeFileSync(samplePath, '{}')
    writeFileSync(answersPath, '{}')
    return
  }
  const names = of.candidate.columns.map((column) => column.name)
  const own = Object.fromEntries(names.map((name) => [name, of.table.features[name] ?? []]))
  const at = sampleRows(own, of.table.y.length, of.count)
  const cell = (value: number | string | undefined) =>
    value === undefined || value === '' || Number.isNaN(value) ? null : value
  writeFileSync(
    samplePath,
    JSON.stringify({ columns: names, data: at.map((i) => names.map((name) => cell(own[name]?.[i]))) }),
  )
  const list = at.map((i) => Array.from(of.answers[i] ?? [], (value) => (Number.isFinite(value) ? value : null)))
  writeFileSync(
    answersPath,
    JSON.stringify({ answers: list, nullRows: missingRows(takeRows(own, at), at.length).length }),
  )
}

/** Reads what the models and the checks need; numbers as 32-bit floats, which is what the models take. Rows without a target are left out. */
async function readTable(folder: string, request: EvaluationRequest, inputs: readonly InputColumn[]): Promise<Table> {
  const files = readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((path) => path.endsWith('.parquet'))
    .toSorted()
    .map((path) => join(folder, path))
  if (files.length === 0)
    throw new Error('The evaluation data set has no .parquet file. Give a data set with rows and the target.')
  const groups = groupNames(request)
  return withDuckdb({ readable: files, threads: 1 }, async (duckdb) => {
    const source = `read_parquet([${files.map(quoteText).join(', ')}], union_by_name = true)`
    const known = new Set(
      (await duckdb.rows(`select column_name from (describe select * from ${source})`)).map((row) =>
        String(row['column_name']),
      ),
    )
    const missing = [request.target, ...inputs.map((input) => input.name)].find((name) => !known.has(name))
    if (missing !== undefined)
      throw new Error(
        `The evaluation rows have no column ${missing}, which ${missing === request.target ? 'is the target (models.<name>.target)' : 'the model takes'}. They have: ${[...known].join(', ')}.`,
      )
    const target = quoteName(request.target)
    const available = groups.filter(
      (name) =>
        known.has(name) || (request.timestamp !== null && known.has(request.timestamp) && Object.hasOwn(PERIODS, name)),
    )
    const expressions = [
      `cast(${target} as double)`,
      ...inputs.map(({ name, isText }) =>
        isText
          ? `coalesce(cast(${quoteName(name)} as varchar), '')`
          : `cast(cast(${quoteName(name)} as float) as double)`,
      ),
      ...available.map((name) =>
        known.has(name)
          ? `coalesce(cast(${quoteName(name)} as varchar), '(missing)')`
          : `strftime(cast(${quoteName(request.timestamp ?? '')} as timestamp), ${quoteText(PERIODS[name] ?? '%Y-%m-%d')})`,
      ),
    ]
    const list = await duckdb.columns(`select ${expressions.join(', ')} from ${source} where ${target} is not null`)
    const [counted] = await duckdb.rows(`select count(*) as rows from ${source} where ${target} is null`)
    const numbers = (values: readonly unknown[]) =>
      Float64Array.from(values, (value) => (value === null || value === undefined ? Number.NaN : Number(value)))
    return {
      y: numbers(list[0] ?? []),
      features: Object.fromEntries(
        inputs.map(({ name, isText }, i) => [
          name,
          isText ? (list[i + 1] ?? []).map(String) : numbers(list[i + 1] ?? []),
        ]),
      ),
      groups: Object.fromEntries(available.map((name, i) => [name, (list[1 + inputs.length + i] ?? []).map(String)])),
      rowsWithoutTarget: Number(counted?.['rows'] ?? 0),
    }
  })
}

function groupNames(request: EvaluationRequest): string[] {
  const named = request.checks.flatMap((check) => [
    check.slice,
    typeof check.bootstrap === 'string' ? check.bootstrap : check.bootstrap?.group,
  ])
  return [...new Set([...request.slices, ...named.filter((name) => name !== undefined)])]
}

function variable(name: string): string {
  const value = process.env[name]
  if (value === undefined) throw new Error(`${name} is not set: this program is a job of the platform.`)
  return value
}

main().catch((error: unknown) => {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`)
  process.exitCode = 1
})
