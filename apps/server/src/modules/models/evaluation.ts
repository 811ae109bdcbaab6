import { z } from 'zod'
import { computeMetric, metricDirection } from '@kiban/kit/statistics/metrics'
import { constantBaseline } from '@kiban/kit/statistics/classification'
import { evaluateCheck } from '@kiban/kit/statistics/checks'
import type { Check } from '@kiban/kit/statistics/checks'
import { encodeGroups } from '@kiban/kit/statistics/bootstrap'
import { meanAndSd } from '@kiban/kit/statistics/quantile'
import { seededRandom } from '@kiban/kit/statistics/random'
import { CheckSpec } from '@kiban/contract/project-file/serving-schema'
import type { Columns, InputColumn } from './onnx-scorer.ts'

/** What the server asks of an evaluation. `input` names the job's input; `onnx` the file in it. */
export const EvaluationRequest = z.object({
  models: z
    .array(z.object({ name: z.string(), input: z.string(), onnx: z.string(), features: z.array(z.string()) }))
    .min(1),
  task: z.enum(['classification', 'regression', 'other']),
  target: z.string(),
  timestamp: z.string().nullable(),
  threshold: z.number(),
  slices: z.array(z.string()),
  checks: z.array(CheckSpec),
  minRows: z.number().int(),
  /** Opponents of the checks by their name in the project file: the model that it is, or null when there is none yet. */
  opponents: z.record(z.string(), z.string().nullable()),
  /** Rows to hand on for the comparison with Python; 0 for none. */
  sampleRows: z.number().int(),
  importances: z.boolean(),
})
export type EvaluationRequest = z.infer<typeof EvaluationRequest>

const Value = z.number().nullable()
const Metrics = z.record(z.string(), Value)

/** What an evaluation found. Values that are not a number are null. */
export const EvaluationResult = z.object({
  rows: z.number().int(),
  rowsWithoutTarget: z.number().int(),
  metrics: z.record(z.string(), Metrics),
  baseline: Metrics,
  slices: z.array(
    z.object({ slice: z.string(), value: z.string(), rows: z.number().int(), metrics: z.record(z.string(), Metrics) }),
  ),
  checks: z.array(
    z.object({
      rule: z.string(),
      metric: z.string(),
      severity: z.enum(['error', 'warn']),
      verdict: z.enum(['passed', 'failed', 'not_applicable']),
      value: Value,
      reference: Value,
      d: Value,
      interval: z.object({ lower: z.number(), upper: z.number(), level: z.number() }).nullable(),
      n: z.number().int(),
      groups: z.number().int().nullable(),
      reason: z.string(),
      opponent: z.string().nullable(),
    }),
  ),
  importances: z
    .object({ metric: z.string(), items: z.array(z.object({ feature: z.string(), drop: z.number(), sd: z.number() })) })
    .nullable(),
  /** Models that could not be loaded, and why. */
  problems: z.record(z.string(), z.string()),
})
export type EvaluationResult = z.infer<typeof EvaluationResult>

const CLASSIFICATION = ['auc', 'log_loss', 'brier', 'ece', 'f1', 'precision', 'recall', 'accuracy']
const REGRESSION = ['rmse', 'mae', 'r2']
const MAX_SLICE_VALUES = 50

export type Scored = {
  readonly y: Float64Array
  readonly scores: ReadonlyMap<string, Float64Array>
  readonly columns: Readonly<Record<string, readonly string[]>>
}
type Part = Pick<EvaluationResult, 'rows' | 'metrics' | 'baseline' | 'slices' | 'checks'>

/** Metrics of every model, of the constant baseline and by slice, and the verdict of each check of the first model. Pure. */
export function judge(request: EvaluationRequest, scored: Scored): Part {
  const names = request.task === 'regression' ? REGRESSION : CLASSIFICATION
  const all = (y: Float64Array, p: Float64Array) =>
    Object.fromEntries(names.map((name) => [name, finite(computeMetric(name, { y, p }, request.threshold))]))
  const metricsOf = (y: Float64Array, pick: (p: Float64Array) => Float64Array) =>
    Object.fromEntries([...scored.scores].map(([model, p]) => [model, all(y, pick(p))]))
  return {
    rows: scored.y.length,
    metrics: metricsOf(scored.y, (p) => p),
    baseline: all(scored.y, constantBaseline(scored.y)),
    slices: request.slices.flatMap((slice) =>
      sliceRows(scored.columns[slice] ?? []).map(({ value, at }) => ({
        slice,
        value,
        rows: at.length,
        metrics: metricsOf(take(scored.y, at), (p) => take(p, at)),
      })),
    ),
    checks: request.checks.map((check) => judgeCheck(request, scored, check)),
  }
}

function judgeCheck(request: EvaluationRequest, scored: Scored, spec: CheckSpec): EvaluationResult['checks'][number] {
  const candidate = request.models[0]?.name ?? ''
  const p = scored.scores.get(candidate)
  const named = spec.betterThan ?? spec.notWorseThan ?? null
  const opponent = named === null || named === 'baseline' ? null : (request.opponents[named] ?? null)
  const check: Check = spec
  const result = evaluateCheck(check, {
    ...(p ? { rows: { y: scored.y, p } } : {}),
    opponentScores: opponent === null ? undefined : scored.scores.get(opponent),
    hasOpponent: named === null || named === 'baseline' ? undefined : opponent !== null,
    columns: scored.columns,
    threshold: request.threshold,
    minRows: request.minRows,
  })
  const bound = spec.min === undefined ? (spec.max === undefined ? null : 'max') : 'min'
  return {
    rule: result.rule,
    metric: result.metric,
    severity: result.severity,
    verdict: result.verdict,
    value: finite(result.value),
    reference: finite(result.reference ?? spec.min ?? spec.max ?? null),
    d: finite(result.d),
    interval: result.interval && {
      lower: result.interval.lower,
      upper: result.interval.upper,
      level: result.interval.level,
    },
    n: result.n,
    groups: result.groups,
    reason: result.reason,
    opponent: named === null ? bound : (opponent ?? named),
  }
}

/** The metric by which inputs are ranked: that of the first check, else auc or rmse. */
export function importanceMetric(request: EvaluationRequest): string {
  const known = request.task === 'regression' ? REGRESSION : CLASSIFICATION
  return request.checks.map((check) => check.metric).find((name) => known.includes(name)) ?? known[0] ?? 'auc'
}

/**
 * How much worse the metric gets when one input is shuffled among the rows, so that it says nothing (Breiman, 2001): mean and standard
 * deviation of a few shuffles with seeded random numbers. Inputs that carry the same information hide each other.
 */
export async function permutationImportances(input: {
  y: Float64Array
  columns: Columns
  inputs: readonly InputColumn[]
  metric: string
  threshold: number
  score: (columns: Columns) => Promise<Float64Array>
  repeats: number
}): Promise<{ feature: string; drop: number; sd: number }[]> {
  const sign = metricDirection(input.metric) === 'minimize' ? -1 : 1
  const of = (p: Float64Array) => sign * computeMetric(input.metric, { y: input.y, p }, input.threshold)
  const whole = of(await input.score(input.columns))
  const random = seededRandom(0)
  const items = []
  for (const { name } of input.inputs) {
    const drops: number[] = []
    for (let i = 0; i < input.repeats; i++)
      drops.push(
        whole - of(await input.score({ ...input.columns, [name]: shuffle(input.columns[name] ?? [], random.below) })),
      )
    const { mean, sd } = meanAndSd(drops)
    items.push({ feature: name, drop: finite(mean) ?? 0, sd: finite(sd) ?? 0 })
  }
  return items.toSorted((a, b) => b.drop - a.drop)
}

function shuffle(values: Columns[string], below: (bound: number) => number): Columns[string] {
  const order = Uint32Array.from({ length: values.length }, (_, i) => i)
  for (let i = order.length - 1; i > 0; i--) {
    const j = below(i + 1)
    const kept = order[i] ?? 0
    order[i] = order[j] ?? 0
    order[j] = kept
  }
  return takeColumn(values, order)
}

/** The chosen rows of every column. */
export function takeRows(columns: Columns, at: ArrayLike<number>): Columns {
  return Object.fromEntries(Object.entries(columns).map(([name, values]) => [name, takeColumn(values, at)]))
}

function takeColumn(values: Columns[string], at: ArrayLike<number>): Columns[string] {
  if (values instanceof Float64Array) return take(values, at)
  return Array.from(at, (i) => values[i] ?? '')
}

export function take(values: Float64Array, at: ArrayLike<number>): Float64Array {
  return Float64Array.from(at, (i) => values[i] ?? Number.NaN)
}

/**
 * Rows for the comparison with Python: up to a third of them with something missing (that is where conversions go wrong), the rest evenly
 * from the whole. Ascending, no row twice.
 */
export function sampleRows(columns: Columns, rows: number, wanted: number): number[] {
  const chosen = new Set<number>()
  const holes = missingRows(columns, rows)
  for (const i of evenly(holes, Math.floor(wanted / 3))) chosen.add(i)
  for (const i of evenly(
    Array.from({ length: rows }, (_, row) => row),
    wanted,
  ))
    if (chosen.size < wanted) chosen.add(i)
  return [...chosen].toSorted((a, b) => a - b)
}

export function missingRows(columns: Columns, rows: number): number[] {
  const lists = Object.values(columns)
  return Array.from({ length: rows }, (_, i) => i).filter((i) =>
    lists.some((values) => (values instanceof Float64Array ? Number.isNaN(values[i]) : values[i] === '')),
  )
}

function evenly(values: readonly number[], count: number): number[] {
  if (values.length <= count) return [...values]
  return Array.from({ length: count }, (_, i) => values[Math.floor((i * values.length) / count)] ?? 0)
}

function sliceRows(values: readonly string[]): { value: string; at: number[] }[] {
  const { codes, names } = encodeGroups(values)
  const rows: number[][] = names.map(() => [])
  codes.forEach((code, i) => rows[code]?.push(i))
  return names
    .map((value, code) => ({ value, at: rows[code] ?? [] }))
    .toSorted((a, b) => b.at.length - a.at.length)
    .slice(0, MAX_SLICE_VALUES)
    .toSorted((a, b) => (a.value < b.value ? -1 : 1))
}

function finite(value: number | null | undefined): number | null {
  return value === null || value === undefined || !Number.isFinite(value) ? null : value
}
