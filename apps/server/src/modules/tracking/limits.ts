import { posix } from 'node:path'
import { badValue } from './tracking-error.ts'

/** Limits of MLflow 3.11 (reference/mlflow.md §2.4), which clients rely on. */
export const LIMITS = {
  batchMetrics: 1000,
  batchParams: 100,
  batchTags: 100,
  batchTotal: 1000,
  key: 250,
  paramValue: 6000,
  runTagValue: 8000,
  experimentName: 500,
  experimentTagValue: 5000,
  artifactLocation: 2048,
  datasetName: 500,
  datasetDigest: 36,
  datasetSource: 65_535,
  datasetSchema: 1_048_575,
  datasetProfile: 16_777_215,
  inputTagKey: 255,
  inputTagValue: 500,
  runName: 1000,
} as const

// Python’s \w knows every script.
const KEY = /^[/\p{L}\p{N}_.\- :]*$/u
const RUN_ID = /^[a-zA-Z0-9][\w-]{0,255}$/
// MLflow stores ±Infinity as the largest doubles.
const LARGEST = Number.MAX_VALUE

/** Checks the key of a metric, param or tag: characters, length, and that it is its own normal path. `what` as in `Metric name`. */
export function checkKey(what: 'metric' | 'param' | 'tag', key: string, field: string): string {
  const name = what === 'metric' ? 'Metric name' : what === 'param' ? 'Param key' : 'Tag name'
  if (key === '')
    throw badValue(`Invalid value "" for parameter '${field}' supplied: ${name} cannot be empty.`, { field })
  checkLength(`'${name}'`, key, LIMITS.key, field)
  if (!KEY.test(key))
    throw badValue(
      `Invalid value ${quote(key)} for parameter '${field}' supplied: Names may only contain alphanumerics, underscores (_), dashes (-), periods (.), spaces ( ), colons(:) and slashes (/).`,
      { field },
    )
  if (key.startsWith('/') || posix.normalize(key) !== key || key === '.' || key.startsWith('..') || key.endsWith('/'))
    throw badValue(
      `Invalid value ${quote(key)} for parameter '${field}' supplied: Names may be treated as files in certain cases, and must not resolve to other names when treated as such. This name would resolve to ${quote(posix.normalize(key))}`,
      { field },
    )
  return key
}

/** Refuses text beyond `limit` characters, in MLflow's words. */
export function checkLength(what: string, text: string, limit: number, field: string): string {
  if (text.length > limit)
    throw badValue(
      `${what} exceeds the maximum length of ${limit} characters (parameter '${field}' has ${text.length}).`,
      { field, limit },
    )
  return text
}

/** Cuts text to `limit` characters without a broken surrogate pair: MLflow truncates param and tag values silently. */
export function truncate(text: string, limit: number): string {
  if (text.length <= limit) return text
  const cut = text.slice(0, limit)
  return /[\uD800-\uDBFF]$/.test(cut) ? cut.slice(0, -1) : cut
}

export function checkRunId(runId: string, field = 'run_id'): string {
  if (!RUN_ID.test(runId)) throw badValue(`Invalid run ID: ${quote(runId)} (parameter '${field}').`, { field })
  return runId
}

/** An experiment id as the number that it is. */
export function experimentNumber(id: string): number {
  if (!/^\d{1,15}$/.test(id))
    throw badValue(`Invalid experiment ID ${quote(id)}. Experiment ID must be a valid integer.`, {
      field: 'experiment_id',
    })
  return Number(id)
}

export function checkExperimentName(name: string): string {
  if (name.trim() === '')
    throw badValue("Invalid experiment name: ''. Give a name that is not empty.", { field: 'name' })
  checkLength('Experiment name', name, LIMITS.experimentName, 'name')
  if (hasControlCharacter(name))
    throw badValue('Invalid experiment name: it has a control character.', { field: 'name' })
  return name
}

/** A metric value as stored: NaN apart, ±Infinity as ±1.7976931348623157e308. */
export function storedMetricValue(value: number): { value: number; isNan: 0 | 1 } {
  if (Number.isNaN(value)) return { value: 0, isNan: 1 }
  return { value: Math.max(-LARGEST, Math.min(LARGEST, value)), isNan: 0 }
}

/** Refuses what SQL texts cannot hold (NUL) and control characters. */
export function hasControlCharacter(text: string): boolean {
  // oxlint-disable-next-line no-control-regex -- control characters are what is looked for
  return /[\u0000-\u001f\u007f]/.test(text)
}

/** PostgreSQL texts have no NUL; SQLite's end there when they are read by other programs. */
export function withoutNul(text: string): string {
  return text.includes('\u0000') ? text.replaceAll('\u0000', '\uFFFD') : text
}

function quote(value: string): string {
  return JSON.stringify(value.slice(0, 200))
}
