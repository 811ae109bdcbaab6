import type { Json } from '@kiban/contract/primitives'
import { parseDuration } from '@kiban/contract/project-file'
import type { ParamSpec } from '@kiban/contract/project-file'
import { AppError } from '@kiban/kit/errors'

export type ParamRule = {
  readonly type: string
  readonly required: boolean
  readonly default?: Json
  readonly min?: number | string
  readonly max?: number | string
  readonly enum?: readonly Json[]
  readonly pattern?: string
  readonly description?: string
}

/** A parameter as written (`cutoff: {type: date}` or `trials: 8`) as one rule; a bare value is the default and tells the type. */
export function paramRule(spec: ParamSpec): ParamRule {
  if (spec === null || typeof spec !== 'object' || Array.isArray(spec)) {
    return { type: typeOfDefault(spec), required: false, default: spec }
  }
  return {
    type: spec.type,
    required: spec.default === undefined,
    ...(spec.default === undefined ? {} : { default: spec.default }),
    ...(spec.min === undefined ? {} : { min: spec.min }),
    ...(spec.max === undefined ? {} : { max: spec.max }),
    ...(spec.enum === undefined ? {} : { enum: spec.enum }),
    ...(spec.pattern === undefined ? {} : { pattern: spec.pattern }),
    ...(spec.description === undefined ? {} : { description: spec.description }),
  }
}

/** The values of a run: what was given, else defaults. Throws `pipeline_params_invalid` naming every parameter at fault. */
export function checkParams(
  pipeline: string,
  specs: Readonly<Record<string, ParamSpec>>,
  given: Readonly<Record<string, Json>>,
): Record<string, Json> {
  const faults: string[] = []
  for (const name of Object.keys(given))
    if (!Object.hasOwn(specs, name))
      faults.push(`${name}: there is no such parameter (there is ${Object.keys(specs).join(', ') || 'none'})`)
  const values: Record<string, Json> = {}
  for (const [name, spec] of Object.entries(specs)) {
    const rule = paramRule(spec)
    const value = Object.hasOwn(given, name) ? given[name] : rule.default
    if (value === undefined) faults.push(`${name}: is required (${rule.type})`)
    else {
      const fault = Object.hasOwn(given, name) || rule.required ? checkValue(value, rule) : undefined
      if (fault) faults.push(`${name}: ${fault}`)
      values[name] = value
    }
  }
  if (faults.length > 0)
    throw new AppError('pipeline_params_invalid', {
      message: `The parameters of ${pipeline} are not right. ${faults.join('; ')}.`,
      details: { faults },
    })
  return values
}

function typeOfDefault(value: null | string | number | boolean | Json[]): string {
  if (typeof value === 'boolean') return 'bool'
  if (typeof value === 'number') return Number.isInteger(value) ? 'int' : 'float'
  return typeof value === 'string' ? 'string' : 'json'
}

function checkValue(value: Json, rule: ParamRule): string | undefined {
  if (rule.type.endsWith('[]')) {
    if (!Array.isArray(value)) return `${show(value)} is not a list`
    const faults = value.map((item) => checkType(item, rule.type.slice(0, -2))).filter((fault) => fault !== undefined)
    return faults[0]
  }
  return checkType(value, rule.type) ?? checkLimits(value, rule)
}

function checkType(value: Json, type: string): string | undefined {
  const fits = FITS[type]
  return fits && !fits(value) ? `${show(value)} is not ${EXAMPLES[type] ?? `a ${type}`}` : undefined
}

const FITS: Readonly<Record<string, (value: Json) => boolean>> = {
  string: (value) => typeof value === 'string',
  int: (value) => Number.isSafeInteger(value),
  float: (value) => typeof value === 'number',
  bool: (value) => typeof value === 'boolean',
  date: (value) => typeof value === 'string' && isDate(value),
  datetime: (value) =>
    typeof value === 'string' && /^\d{4}-\d{2}-\d{2}[T ]/.test(value) && !Number.isNaN(Date.parse(value)),
  duration: (value) => typeof value === 'string' && parseDuration(value) !== undefined,
  dataset: (value) => typeof value === 'string',
  model: (value) => typeof value === 'string',
}

const EXAMPLES: Readonly<Record<string, string>> = {
  string: 'a text',
  int: 'a whole number',
  float: 'a number',
  bool: 'true or false',
  date: 'a date such as 2013-04-01',
  datetime: 'a time such as 2013-04-01T06:00:00Z',
  duration: 'a duration such as 10s, 5m or 7d',
  dataset: 'a URI such as datasets:/flights',
  model: 'a URI such as models:/delay@production',
}

/** A day of the calendar: 2013-02-30 is none. */
function isDate(text: string): boolean {
  const date = new Date(`${text}T00:00:00Z`)
  return /^\d{4}-\d{2}-\d{2}$/.test(text) && !Number.isNaN(date.getTime()) && date.toISOString().slice(0, 10) === text
}

function checkLimits(value: Json, rule: ParamRule): string | undefined {
  const comparable = typeof value === 'number' || typeof value === 'string'
  if (comparable && rule.min !== undefined && typeof rule.min === typeof value && value < rule.min)
    return `${show(value)} is below ${rule.min}`
  if (comparable && rule.max !== undefined && typeof rule.max === typeof value && value > rule.max)
    return `${show(value)} is above ${rule.max}`
  if (rule.enum && !rule.enum.some((item) => JSON.stringify(item) === JSON.stringify(value)))
    return `${show(value)} is not one of ${rule.enum.map(show).join(', ')}`
  if (rule.pattern && typeof value === 'string' && !new RegExp(`^(?:${rule.pattern})$`, 'u').test(value))
    return `${show(value)} does not match ${rule.pattern}`
  return undefined
}

function show(value: Json): string {
  const text = JSON.stringify(value)
  return text.length > 60 ? `${text.slice(0, 59)}…` : text
}
