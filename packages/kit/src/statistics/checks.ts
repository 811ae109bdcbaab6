import { encodeGroups, groupedBootstrap } from './bootstrap.ts'
import { constantBaseline } from './classification.ts'
import { fairnessMetric } from './fairness.ts'
import {
  computeMetric,
  groupedMetric,
  metricDirection,
  metricName,
  type Direction,
  type ScoredRows,
} from './metrics.ts'

/** What a check is held against: the stage's alias, the constant baseline, the version serving now, or a model's URI. */
export type Opponent = string

/** One check of gates, roll-outs and monitors (project-file §7), as the project file gives it. */
export type Check = {
  readonly metric: string
  readonly min?: number | undefined
  readonly max?: number | undefined
  readonly notWorseThan?: Opponent | undefined
  readonly betterThan?: Opponent | undefined
  /** A number in the metric's unit, or `"20%"` of the opponent's value. */
  readonly tolerance?: number | string | undefined
  readonly slice?: string | undefined
  readonly bootstrap?:
    | string
    | {
        readonly group: string
        readonly samples?: number | undefined
        readonly level?: number | undefined
        readonly seed?: number | undefined
        readonly minGroups?: number | undefined
      }
    | undefined
  readonly direction?: Direction | 'higher' | 'lower' | undefined
  readonly minRows?: number | undefined
  readonly for?: number | undefined
  readonly severity?: 'error' | 'warn' | undefined
}

/** `opponent` null: there is no champion yet. A value alone (a logged metric) can be compared, not resampled. */
export type CheckInput = {
  readonly value?: number | null | undefined
  readonly rows?: ScoredRows | undefined
  readonly opponentValue?: number | null | undefined
  /** The opponent's scores of the same rows, in the same order. */
  readonly opponentScores?: Float64Array | undefined
  readonly hasOpponent?: boolean | undefined
  /** Columns to group or slice by, as long as the rows. */
  readonly columns?: Readonly<Record<string, ArrayLike<unknown>>> | undefined
  readonly threshold?: number | undefined
  /** For checks that do not say `minRows`. */
  readonly minRows?: number | undefined
}

export type Verdict = 'passed' | 'failed' | 'not_applicable'

export type CheckResult = {
  readonly metric: string
  readonly rule: string
  readonly value: number | null
  readonly reference: number | null
  /** How much better than the reference or bound, > 0 is better; with bootstrap the lower end of the interval. */
  readonly d: number | null
  readonly interval: {
    readonly lower: number
    readonly upper: number
    readonly level: number
    readonly samples: number
  } | null
  readonly n: number
  readonly groups: number | null
  readonly slices:
    | readonly { readonly name: string; readonly n: number; readonly value: number | null; readonly verdict: Verdict }[]
    | null
  readonly verdict: Verdict
  readonly severity: 'error' | 'warn'
  readonly reason: string
}

/**
 * Evaluates one check. What cannot be computed fails and says why (missing or NaN metric, too few rows or groups, an opponent that
 * cannot score); only a comparison without any opponent is `not_applicable`, which passes.
 */
export function evaluateCheck(check: Check, input: CheckInput): CheckResult {
  if (check.slice !== undefined) return evaluateSliced(check, check.slice, input)
  return evaluateWhole(check, input)
}

/** The check in words: `ece <= 0.05 for 2 windows`, `log_loss betterThan production by day`. */
export function describeCheck(check: Check): string {
  const parts = [check.metric]
  if (check.min !== undefined) parts.push(`>= ${check.min}`)
  if (check.max !== undefined) parts.push(check.min === undefined ? `<= ${check.max}` : `and <= ${check.max}`)
  if (check.notWorseThan !== undefined) parts.push(`not worse than ${check.notWorseThan}`)
  if (check.betterThan !== undefined) parts.push(`better than ${check.betterThan}`)
  if (check.tolerance !== undefined && check.tolerance !== 0) parts.push(`(tolerance ${check.tolerance})`)
  if (check.slice !== undefined) parts.push(`in every ${check.slice}`)
  if (check.bootstrap !== undefined) parts.push(`resampled by ${bootstrapOf(check)?.group}`)
  if (check.for !== undefined && check.for > 1) parts.push(`for ${check.for} in a row`)
  return parts.join(' ')
}

function evaluateWhole(check: Check, input: CheckInput): CheckResult {
  const n = input.rows?.p.length ?? 0
  const base = blank(check, n)
  const fail = (reason: string, more: Partial<CheckResult> = {}): CheckResult => ({
    ...base,
    ...more,
    verdict: 'failed',
    reason,
  })

  const minRows = check.minRows ?? input.minRows ?? 0
  if (input.rows !== undefined && n < minRows) return fail(`${n} rows, ${minRows} are needed`)
  let value = input.value ?? null
  if (input.rows !== undefined && metricName(check.metric) !== undefined)
    value = computeMetric(check.metric, input.rows, input.threshold)
  if (value === null)
    return fail(`metric ${check.metric} is missing: it was not logged and cannot be computed from predictions`)
  if (Number.isNaN(value)) return fail(`metric ${check.metric} is not a number (NaN): ${nanCause(input.rows)}`)

  if (check.min !== undefined && value < check.min)
    return fail(`${check.metric} ${show(value)} is below ${show(check.min)}`, { value, d: value - check.min })
  if (check.max !== undefined && value > check.max)
    return fail(`${check.metric} ${show(value)} is above ${show(check.max)}`, { value, d: check.max - value })
  const opponent = check.betterThan ?? check.notWorseThan
  if (opponent === undefined) {
    const d = Math.min(
      check.min === undefined ? Infinity : value - check.min,
      check.max === undefined ? Infinity : check.max - value,
    )
    return {
      ...base,
      value,
      d: Number.isFinite(d) ? d : null,
      verdict: 'passed',
      reason: `${check.metric} ${show(value)} keeps ${describeCheck(check)}`,
    }
  }
  return compare({ check, input, value, opponent, base })
}

type Comparison = { check: Check; input: CheckInput; value: number; opponent: Opponent; base: CheckResult }

function compare({ check, input, value, opponent, base }: Comparison): CheckResult {
  const fail = (reason: string, more: Partial<CheckResult> = {}): CheckResult => ({
    ...base,
    value,
    ...more,
    verdict: 'failed',
    reason,
  })
  const direction = directionOf(check)
  if (direction === undefined)
    return fail(`say direction: maximize or minimize for metric ${check.metric}, its name does not tell`)

  const scores =
    opponent === 'baseline' && input.opponentScores === undefined && input.rows !== undefined
      ? constantBaseline(input.rows.y)
      : input.opponentScores
  if (input.hasOpponent === false && scores === undefined) {
    return { ...base, value, verdict: 'not_applicable', reason: `there is no ${opponent} to compare with yet` }
  }
  let reference = input.opponentValue ?? null
  if (scores !== undefined && input.rows !== undefined && metricName(check.metric) !== undefined) {
    if (scores.length !== input.rows.p.length)
      return fail(`${opponent} scored ${scores.length} rows of ${input.rows.p.length}`)
    reference = computeMetric(check.metric, { y: input.rows.y, p: scores }, input.threshold)
  }
  if (reference === null) return fail(`${opponent} gave no ${check.metric} for the same rows`)
  if (Number.isNaN(reference)) return fail(`${check.metric} of ${opponent} is not a number (NaN)`)

  const tolerance = toleranceOf(check, reference)
  if (tolerance === undefined)
    return fail(`tolerance '${check.tolerance}' is neither a number nor a percentage such as "20%"`)
  const sign = direction === 'maximize' ? 1 : -1
  let d = sign * (value - reference)
  let interval: CheckResult['interval'] = null
  let groups: number | null = null
  const bootstrap = bootstrapOf(check)
  if (bootstrap !== undefined) {
    const column = input.columns?.[bootstrap.group]
    if (input.rows === undefined || scores === undefined)
      return fail(`bootstrap needs the predictions of both models, only values are known`, { reference })
    if (column === undefined) return fail(`the rows have no column '${bootstrap.group}' to resample by`, { reference })
    const { codes, names } = encodeGroups(column)
    groups = names.length
    const minGroups = bootstrap.minGroups ?? 10
    if (groups < minGroups)
      return fail(`${groups} groups of ${bootstrap.group}, ${minGroups} are needed to resample`, { reference, groups })
    const grouping = { codes, count: groups }
    const mine = groupedMetric(check.metric, input.rows, grouping, input.threshold)
    const theirs = groupedMetric(check.metric, { y: input.rows.y, p: scores }, grouping, input.threshold)
    const drawn = groupedBootstrap(groups, (weights) => sign * (mine(weights) - theirs(weights)), {
      samples: bootstrap.samples ?? 2000,
      level: bootstrap.level ?? 0.95,
      seed: bootstrap.seed ?? 0,
    })
    if (Number.isNaN(drawn.lower)) return fail(`${check.metric} is undefined in every resample`, { reference, groups })
    interval = { lower: drawn.lower, upper: drawn.upper, level: drawn.level, samples: drawn.samples }
    d = drawn.lower
  }
  const passed = check.betterThan === undefined ? d >= -tolerance : d > tolerance
  const word = check.betterThan === undefined ? 'not worse' : 'better'
  const against = `${show(value)} against ${show(reference)} of ${opponent}`
  const spread =
    interval === null
      ? `difference ${signed(d)}`
      : `difference ${signed(sign * (value - reference))}, ${Math.round(interval.level * 100)} % interval [${signed(interval.lower)}, ${signed(interval.upper)}] over ${groups} groups`
  const margin = tolerance === 0 ? '' : ` within ${show(tolerance)}`
  return {
    ...base,
    value,
    reference,
    d,
    interval,
    groups,
    verdict: passed ? 'passed' : 'failed',
    reason: `${check.metric} ${against}: ${spread} (positive is better), ${passed ? '' : 'not proven '}${word}${margin}`,
  }
}

function evaluateSliced(check: Check, slice: string, input: CheckInput): CheckResult {
  const n = input.rows?.p.length ?? 0
  const base = blank(check, n)
  const column = input.columns?.[slice]
  if (input.rows === undefined || column === undefined)
    return { ...base, verdict: 'failed', reason: `the rows have no column '${slice}' to slice by` }
  const { codes, names } = encodeGroups(column)
  const minRows = check.minRows ?? input.minRows ?? 0
  const parts = names.map((name, code) => ({ name, input: rowsWhere(input, codes, code) }))

  const fairness = fairnessMetric(check.metric)
  if (fairness !== undefined) {
    const judged = parts.filter((part) => (part.input.rows?.p.length ?? 0) >= minRows)
    const { slice: _slice, ...whole } = check
    const value = fairness.of(
      judged.flatMap((part) => (part.input.rows === undefined ? [] : [part.input.rows])),
      input.threshold ?? 0.5,
    )
    const result = evaluateWhole(
      { ...whole, direction: check.direction ?? fairness.direction, minRows: 0 },
      { value, opponentValue: input.opponentValue, hasOpponent: input.hasOpponent },
    )
    return {
      ...result,
      rule: describeCheck(check),
      n,
      reason: `${result.reason}, over ${judged.length} values of ${slice}`,
    }
  }
  const { slice: _slice, ...whole } = check
  const results = parts.map(({ name, input: part }) => ({
    name,
    result: evaluateWhole({ ...whole, minRows: 0 }, part),
    rows: part.rows?.p.length ?? 0,
  }))
  // Slices too small to judge are listed and do not decide.
  const judged = results.filter(({ rows }) => rows >= minRows)
  if (judged.length === 0) return { ...base, verdict: 'failed', reason: `no value of ${slice} has ${minRows} rows` }
  const slices = results.map(({ name, result, rows }) => ({
    name,
    n: rows,
    value: result.value,
    verdict: rows < minRows ? ('not_applicable' as const) : result.verdict,
  }))
  const failed = judged.filter(({ result }) => result.verdict === 'failed')
  const worst = [...judged].sort((a, b) => (a.result.d ?? -Infinity) - (b.result.d ?? -Infinity))[0]?.result ?? base
  if (failed.length > 0)
    return {
      ...worst,
      rule: describeCheck(check),
      n,
      slices,
      verdict: 'failed',
      reason: `${failed.length} of ${judged.length} values of ${slice} fail: ${failed
        .slice(0, 5)
        .map(({ name, result }) => `${name}: ${result.reason}`)
        .join('; ')}`,
    }
  return {
    ...worst,
    rule: describeCheck(check),
    n,
    slices,
    reason: `all ${judged.length} values of ${slice} pass; the worst: ${worst.reason}`,
  }
}

function rowsWhere(input: CheckInput, codes: Int32Array, code: number): CheckInput {
  const at: number[] = []
  codes.forEach((c, i) => {
    if (c === code) at.push(i)
  })
  const pick = (from: ArrayLike<number>): Float64Array => Float64Array.from(at, (i) => from[i] as number)
  const columns =
    input.columns === undefined
      ? undefined
      : Object.fromEntries(Object.entries(input.columns).map(([name, values]) => [name, at.map((i) => values[i])]))
  return {
    rows: input.rows && { y: pick(input.rows.y), p: pick(input.rows.p) },
    opponentScores: input.opponentScores && pick(input.opponentScores),
    hasOpponent: input.hasOpponent,
    columns,
    threshold: input.threshold,
  }
}

function blank(check: Check, n: number): CheckResult {
  return {
    metric: check.metric,
    rule: describeCheck(check),
    value: null,
    reference: null,
    d: null,
    interval: null,
    n,
    groups: null,
    slices: null,
    verdict: 'failed',
    severity: check.severity ?? 'error',
    reason: '',
  }
}

function bootstrapOf(check: Check): Exclude<Check['bootstrap'], string | undefined> | undefined {
  return typeof check.bootstrap === 'string' ? { group: check.bootstrap } : check.bootstrap
}

function directionOf(check: Check): Direction | undefined {
  if (check.direction === 'higher' || check.direction === 'maximize') return 'maximize'
  if (check.direction === 'lower' || check.direction === 'minimize') return 'minimize'
  return metricDirection(check.metric)
}

function toleranceOf(check: Check, reference: number): number | undefined {
  const tolerance = check.tolerance ?? 0
  if (typeof tolerance === 'number') return tolerance
  const match = /^(\d+(?:\.\d+)?)\s*%$/.exec(tolerance.trim())
  if (match === null)
    return tolerance.trim() !== '' && Number.isFinite(Number(tolerance)) ? Number(tolerance) : undefined
  return (Number(match[1]) / 100) * Math.abs(reference)
}

function nanCause(rows: ScoredRows | undefined): string {
  if (rows === undefined) return 'it was logged so'
  if (rows.p.length === 0) return 'there are no rows'
  return rows.p.some(Number.isNaN) ? 'the model gave NaN for some rows' : 'only one class is present'
}

const show = (value: number): string => String(Number(value.toPrecision(4)))
const signed = (value: number): string => `${value >= 0 ? '+' : ''}${show(value)}`
