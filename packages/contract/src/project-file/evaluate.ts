import type { Json } from '../primitives.ts'
import { ExpressionError } from './expression.ts'
import type { Expr } from './expression.ts'
import { addDuration, parseDuration } from './scalars.ts'

/** What an expression sees: one value a context. A context that is absent is not known yet. */
export type Scope = Readonly<Record<string, Json | undefined>>

/** `failed`: what `failed()` answers, that is whether something the step needs has failed. */
export type EvaluationOptions = { readonly failed?: boolean }

/** Evaluates an expression. Nothing is coerced. Throws `ExpressionError` (`type_mismatch`, `unknown_reference`). */
export function evaluate(expr: Expr, scope: Scope, options: EvaluationOptions = {}): Json {
  switch (expr.kind) {
    case 'literal':
      return expr.value
    case 'list':
      return expr.items.map((item) => evaluate(item, scope, options))
    case 'not':
      return !bool(evaluate(expr.operand, scope, options), expr.operand)
    case 'ref':
      return lookUp(expr, scope)
    case 'call':
      return call(expr, scope, options)
    case 'binary':
      return binary(expr, scope, options)
  }
}

function lookUp(expr: Expr & { kind: 'ref' }, scope: Scope): Json {
  const shown: string = [expr.context, ...expr.path].join('.')
  let value = Object.hasOwn(scope, expr.context) ? scope[expr.context] : undefined
  if (value === undefined)
    throw new ExpressionError('not_available_here', `\`${expr.context}\` is not known here`, expr.at)
  for (const part of expr.path) {
    if (Array.isArray(value)) {
      const found: Json | undefined = typeof part === 'number' ? value.at(part) : undefined
      if (found === undefined)
        throw new ExpressionError(
          'unknown_reference',
          `\`${shown}\`: the list has ${value.length} items, no ${part}`,
          expr.at,
        )
      value = found
      continue
    }
    if (value === null) return null // what a skipped step gives is null all the way down
    if (typeof value === 'string' && value.includes('\u0001'))
      throw new ExpressionError(
        'not_supported_yet',
        `\`${shown}\`: of an artifact only the path is known yet, not \`${part}\``,
        expr.at,
      )
    if (typeof value !== 'object')
      throw new ExpressionError('type_mismatch', `\`${shown}\`: ${typeName(value)} has no \`${part}\``, expr.at)
    const key = String(part)
    const found: Json | undefined = Object.hasOwn(value, key) ? value[key] : undefined
    if (found === undefined)
      throw new ExpressionError('unknown_reference', `\`${shown}\` does not exist`, expr.at, {
        found: key,
        candidates: Object.keys(value),
      })
    value = found
  }
  return value
}

function binary(expr: Expr & { kind: 'binary' }, scope: Scope, options: EvaluationOptions): Json {
  const left = evaluate(expr.left, scope, options)
  if (expr.op === '||') return bool(left, expr.left) || bool(evaluate(expr.right, scope, options), expr.right)
  if (expr.op === '&&') return bool(left, expr.left) && bool(evaluate(expr.right, scope, options), expr.right)
  const right = evaluate(expr.right, scope, options)
  if (expr.op === '==') return equal(left, right)
  if (expr.op === '!=') return !equal(left, right)
  if (expr.op === 'in') {
    if (Array.isArray(right)) return right.some((item) => equal(left, item))
    throw new ExpressionError(
      'type_mismatch',
      `\`in\` needs a list on its right, not ${typeName(right)}`,
      expr.right.at,
    )
  }
  const ordered =
    (typeof left === 'number' && typeof right === 'number') || (typeof left === 'string' && typeof right === 'string')
  if (!ordered)
    throw new ExpressionError(
      'type_mismatch',
      `\`${expr.op}\` can't compare ${typeName(left)} with ${typeName(right)}`,
      expr.at,
    )
  const order = compare(left, right)
  if (expr.op === '<') return order < 0
  if (expr.op === '<=') return order <= 0
  if (expr.op === '>') return order > 0
  return order >= 0
}

function call(expr: Expr & { kind: 'call' }, scope: Scope, options: EvaluationOptions): Json {
  if (expr.fn === 'always') return true
  if (expr.fn === 'failed') return options.failed ?? false
  if (expr.fn === 'default') return fallback(expr, scope, options)
  const [first, second, third] = expr.args
  if (first === undefined) throw new ExpressionError('wrong_arguments', `\`${expr.fn}\` needs an argument`, expr.at)
  if (expr.fn === 'choose') {
    const chosen = bool(evaluate(first, scope, options), first) ? second : third
    return chosen === undefined ? null : evaluate(chosen, scope, options)
  }
  const args = expr.args.map((arg) => evaluate(arg, scope, options))
  const [a = null, b, c] = args
  const secondAt = second ?? first
  switch (expr.fn) {
    case 'contains':
      if (Array.isArray(a)) return a.some((item) => equal(item, b ?? null))
      return text(a, first).includes(text(b ?? null, secondAt))
    case 'startsWith':
      return text(a, first).startsWith(text(b ?? null, secondAt))
    case 'endsWith':
      return text(a, first).endsWith(text(b ?? null, secondAt))
    case 'length':
      if (typeof a === 'string' || Array.isArray(a)) return a.length
      if (a !== null && typeof a === 'object') return Object.keys(a).length
      throw new ExpressionError(
        'type_mismatch',
        `\`length\` needs a text, list or object, not ${typeName(a)}`,
        first.at,
      )
    case 'min':
    case 'max':
      return extreme(expr, args)
    case 'join':
      return list(a, first)
        .map((item) => renderInText(item, first.at))
        .join(b === undefined ? ',' : text(b, secondAt))
    case 'range':
      return range(expr, args)
    case 'date':
      return formatDate(
        instant(a, first),
        b === undefined ? 'yyyy-MM-dd' : text(b, secondAt),
        c === undefined ? 'UTC' : text(c, third ?? first),
        expr,
      )
    case 'shift':
      return shift(text(a, first), text(b ?? null, secondAt), expr)
    case 'toJson':
      return JSON.stringify(a)
    case 'fromJson':
      try {
        return JSON.parse(text(a, first)) as Json // JSON.parse gives JSON
      } catch {
        throw new ExpressionError('type_mismatch', '`fromJson` was given a text that is not JSON', first.at)
      }
  }
}

function fallback(expr: Expr & { kind: 'call' }, scope: Scope, options: EvaluationOptions): Json {
  const [value, otherwise] = expr.args
  if (value === undefined || otherwise === undefined) return null
  try {
    const found = evaluate(value, scope, options)
    if (found !== null) return found
  } catch (error) {
    if (
      !(error instanceof ExpressionError) ||
      (error.code !== 'unknown_reference' && error.code !== 'not_available_here')
    )
      throw error
  }
  return evaluate(otherwise, scope, options)
}

function extreme(expr: Expr & { kind: 'call' }, args: readonly Json[]): Json {
  const [only] = args
  const values = args.length === 1 && Array.isArray(only) ? only : args
  const [head] = values
  const same =
    values.every((value) => typeof value === typeof head) && (typeof head === 'number' || typeof head === 'string')
  if (head === undefined || !same)
    throw new ExpressionError('type_mismatch', `\`${expr.fn}\` needs numbers or texts, all of one type`, expr.at)
  return values.reduce((best, value) =>
    (expr.fn === 'min' ? compare(value, best) < 0 : compare(value, best) > 0) ? value : best,
  )
}

function range(expr: Expr & { kind: 'call' }, args: readonly Json[]): Json {
  const numbers = args.map((arg) => {
    if (typeof arg !== 'number')
      throw new ExpressionError('type_mismatch', `\`range\` needs numbers, not ${typeName(arg)}`, expr.at)
    return arg
  })
  const [start, end, step] =
    numbers.length === 1 ? [0, numbers[0] ?? 0, 1] : [numbers[0] ?? 0, numbers[1] ?? 0, numbers[2] ?? 1]
  const count = Math.ceil((end - start) / step)
  if (step === 0 || count > 10_000)
    throw new ExpressionError('out_of_range', '`range` gives at most 10000 numbers', expr.at)
  return Array.from({ length: Math.max(0, count) }, (_, i) => start + i * step)
}

function formatDate(atMs: number, format: string, zone: string, expr: Expr): string {
  let parts: Intl.DateTimeFormatPart[]
  try {
    parts = new Intl.DateTimeFormat('en-CA', {
      timeZone: zone,
      hourCycle: 'h23',
      year: 'numeric',
      month: '2-digit',
      day: '2-digit',
      hour: '2-digit',
      minute: '2-digit',
      second: '2-digit',
    }).formatToParts(atMs)
  } catch {
    throw new ExpressionError('out_of_range', `${JSON.stringify(zone)} is not a time zone such as Asia/Tokyo`, expr.at)
  }
  const part = (type: string): string => parts.find((p) => p.type === type)?.value ?? ''
  const values: Readonly<Record<string, string>> = {
    yyyy: part('year').padStart(4, '0'),
    MM: part('month'),
    dd: part('day'),
    HH: part('hour'),
    mm: part('minute'),
    ss: part('second'),
  }
  return format.replaceAll(/yyyy|MM|dd|HH|mm|ss/g, (token) => values[token] ?? token)
}

function shift(time: string, duration: string, expr: Expr): string {
  const negative = duration.startsWith('-')
  const parts = parseDuration(negative ? duration.slice(1) : duration)
  if (!parts)
    throw new ExpressionError(
      'type_mismatch',
      `${JSON.stringify(duration)} is not a duration such as 10s, 7d or 1mo`,
      expr.at,
    )
  const isDate = /^\d{4}-\d{2}-\d{2}$/.test(time)
  const moved = addDuration(parseInstant(time, expr.at), parts, negative ? -1 : 1)
  const iso = new Date(moved).toISOString()
  return isDate && moved % 86_400_000 === 0 ? iso.slice(0, 10) : iso
}

function instant(value: Json, expr: Expr): number {
  return typeof value === 'number' ? value : parseInstant(text(value, expr), expr.at)
}

function parseInstant(text: string, at: number): number {
  const ms = /^\d{4}-\d{2}-\d{2}([T ]\d{2}:\d{2}(:\d{2}(\.\d+)?)?(Z|[+-]\d{2}:?\d{2})?)?$/.test(text)
    ? Date.parse(/([Zz]|[+-]\d{2}:?\d{2})$/.test(text) || text.length === 10 ? text : `${text}Z`)
    : NaN
  if (Number.isNaN(ms)) throw new ExpressionError('type_mismatch', `${JSON.stringify(text)} is not a date or time`, at)
  return ms
}

function bool(value: Json, expr: Expr): boolean {
  if (typeof value === 'boolean') return value
  throw new ExpressionError('type_mismatch', `expected true or false, not ${typeName(value)}`, expr.at)
}

function text(value: Json, expr: Expr): string {
  if (typeof value === 'string') return value
  throw new ExpressionError('type_mismatch', `expected a text, not ${typeName(value)}`, expr.at)
}

function list(value: Json, expr: Expr): readonly Json[] {
  if (Array.isArray(value)) return value
  throw new ExpressionError('type_mismatch', `expected a list, not ${typeName(value)}`, expr.at)
}

function compare(a: Json, b: Json): number {
  if (typeof a === 'number' && typeof b === 'number') return a - b
  return String(a) < String(b) ? -1 : String(a) > String(b) ? 1 : 0
}

function equal(a: Json, b: Json): boolean {
  if (a === b) return true
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return false
  if (Array.isArray(a) || Array.isArray(b))
    return (
      Array.isArray(a) && Array.isArray(b) && a.length === b.length && a.every((item, i) => equal(item, b[i] ?? null))
    )
  const keys = Object.keys(a)
  return (
    keys.length === Object.keys(b).length &&
    keys.every((key) => Object.hasOwn(b, key) && equal(a[key] ?? null, b[key] ?? null))
  )
}

/** How a value stands inside a text: a text as it is, numbers and truth values as JSON. Throws on null, lists and objects. */
export function renderInText(value: Json, at: number): string {
  if (typeof value === 'string') return value
  if (typeof value === 'number' || typeof value === 'boolean') return JSON.stringify(value)
  throw new ExpressionError('type_mismatch', `${typeName(value)} can't stand inside a text; use toJson(…)`, at)
}

function typeName(value: Json): string {
  if (value === null) return 'null'
  if (Array.isArray(value)) return 'a list'
  if (typeof value === 'object') return 'an object'
  if (typeof value === 'string')
    return `the text ${JSON.stringify(value.length > 40 ? `${value.slice(0, 40)}…` : value)}`
  return `${String(value)}`
}
