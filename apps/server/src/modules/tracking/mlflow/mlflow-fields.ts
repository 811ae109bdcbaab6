import type { FastifyRequest } from 'fastify'
import { jsonDepth, MAX_JSON_DEPTH } from '@kiban/kit/json-depth'
import { experimentNumber } from '../limits.ts'
import { MlflowError } from './mlflow-error.ts'

type Source = Readonly<Record<string, unknown>>

/** The fields of one message of the MLflow protocol, read with its own tolerance and refused in its own words. */
export class Fields {
  readonly #source: Source
  readonly #path: string

  constructor(source: Source, path = '') {
    this.#source = source
    this.#path = path
  }

  has(name: string): boolean {
    return this.#value(name) !== undefined
  }

  /** A text, or undefined when it is absent or null. */
  text(name: string): string | undefined {
    const value = this.#value(name)
    if (value === undefined || typeof value === 'string') return value
    throw this.#wrong(name, value, 'a string')
  }

  /** A text that must be there and not empty. */
  requiredText(name: string): string {
    const value = this.text(name)
    if (value === undefined || value === '') throw this.missing(name)
    return value
  }

  /** The first of some names: a run's id is sent as `run_id`, `run_uuid` or both. */
  requiredTextOf(...names: readonly [string, ...string[]]): string {
    for (const name of names) {
      const value = this.text(name)
      if (value) return value
    }
    throw this.missing(names[0])
  }

  /** An int64: a number, or its digits as text. */
  integer(name: string): number | undefined {
    const value = this.#value(name)
    if (value === undefined) return undefined
    const number =
      typeof value === 'number'
        ? value
        : typeof value === 'string' && /^[+-]?\d{1,19}$/.test(value)
          ? Number(value)
          : Number.NaN
    if (!Number.isSafeInteger(number)) throw this.#wrong(name, value, 'an integer')
    return number
  }

  requiredInteger(name: string): number {
    const value = this.integer(name)
    if (value === undefined) throw this.missing(name)
    return value
  }

  /** A double: a number, its digits as text, or NaN, Infinity, -Infinity as text. */
  requiredDouble(name: string): number {
    const value = this.#value(name)
    if (value === undefined) throw this.missing(name)
    if (typeof value === 'number') return value
    if (typeof value === 'string') {
      if (value === 'NaN') return Number.NaN
      const number = value.trim() === '' ? Number.NaN : Number(value)
      if (!Number.isNaN(number)) return number
    }
    throw this.#wrong(name, value, 'a number')
  }

  boolean(name: string): boolean | undefined {
    const value = this.#value(name)
    if (value === undefined || typeof value === 'boolean') return value
    if (value === 'true') return true
    if (value === 'false') return false
    throw this.#wrong(name, value, 'true or false')
  }

  /** A repeated text; one query value counts as a list of one. */
  texts(name: string): string[] {
    return this.#list(name).map((item, i) => {
      if (typeof item === 'string') return item
      throw this.#wrong(`${name}[${i}]`, item, 'a string')
    })
  }

  /** A repeated message; each item knows its place for messages such as `metrics[0].timestamp`. */
  items(name: string): Fields[] {
    return this.#list(name).map((item, i) => {
      if (isRecord(item)) return new Fields(item, `${this.#at(name)}[${i}].`)
      throw this.#wrong(`${name}[${i}]`, item, 'an object')
    })
  }

  item(name: string): Fields | undefined {
    const value = this.#value(name)
    if (value === undefined) return undefined
    if (isRecord(value)) return new Fields(value, `${this.#at(name)}.`)
    throw this.#wrong(name, value, 'an object')
  }

  missing(name: string): MlflowError {
    return new MlflowError(
      'INVALID_PARAMETER_VALUE',
      `Missing value for required parameter '${this.#at(name)}'. See the API docs for more information about request parameters.`,
    )
  }

  #list(name: string): unknown[] {
    const value = this.#value(name)
    if (value === undefined) return []
    if (Array.isArray(value)) return value
    if (typeof value === 'string') return [value]
    throw this.#wrong(name, value, 'a list')
  }

  #value(name: string): unknown {
    return Object.hasOwn(this.#source, name) ? (this.#source[name] ?? undefined) : undefined
  }

  #at(name: string): string {
    return `${this.#path}${name}`
  }

  #wrong(name: string, value: unknown, expected: string): MlflowError {
    return new MlflowError(
      'INVALID_PARAMETER_VALUE',
      `Invalid value ${JSON.stringify(value)?.slice(0, 100) ?? String(value)} for parameter '${this.#at(name)}' supplied: Value must be ${expected}.`,
    )
  }
}

/**
 * The message of a request: the query of a GET, else the JSON body. As MLflow's server does, a body that is not JSON reads as empty
 * and one that was encoded twice is decoded twice. Throws for another content type.
 */
export function readFields(request: FastifyRequest): Fields {
  const query = isRecord(request.query) ? request.query : {}
  if (request.method === 'GET') return new Fields(query)
  if (!Buffer.isBuffer(request.body) || request.body.length === 0) return new Fields(query)
  if (!/^application\/json\b/i.test(request.headers['content-type'] ?? ''))
    throw new MlflowError('INVALID_PARAMETER_VALUE', "Bad Request. Content-Type must be 'application/json'.")
  let value = parse(request.body.toString('utf8'))
  if (typeof value === 'string') value = parse(value)
  return new Fields(isRecord(value) ? value : {})
}

function parse(text: string): unknown {
  if (jsonDepth(text) > MAX_JSON_DEPTH)
    throw new MlflowError('INVALID_PARAMETER_VALUE', `The body nests lists and objects deeper than ${MAX_JSON_DEPTH}.`)
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

const MOST_EXPERIMENTS = 10_000

/** `experiment_ids`, at most as many as one statement of a database takes. */
export function readExperimentIds(fields: Fields): number[] {
  const ids = fields.texts('experiment_ids')
  if (ids.length > MOST_EXPERIMENTS)
    throw new MlflowError(
      'INVALID_PARAMETER_VALUE',
      `Invalid value for parameter 'experiment_ids' supplied: ${ids.length} ids, at most ${MOST_EXPERIMENTS} are allowed.`,
    )
  return ids.map(experimentNumber)
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
