import { createHash } from 'node:crypto'
import type { EndpointRoute, PredictionRecord } from '@kiban/contract/inference-control'
import { elementCount, elementToJson } from './tensor.ts'
import type { NamedTensor, Tensor } from './tensor.ts'

/** Widest tensor whose columns become features of their own (`x_0`, `x_1`, …); a wider one is logged as one array. */
const MAX_COLUMNS = 256

/** Id of row `row` of the request whose prediction id is `predictionId`. */
export function rowId(predictionId: string, row: number): string {
  return `${predictionId}-${row}`
}

/** The records of all rows of one answered request. A request that the model failed has no outputs. */
export function predictionRecords(of: {
  route: EndpointRoute
  predictionId: string
  versionId: string
  variant: string
  status: PredictionRecord['status']
  receivedAt: number
  latencyMs: number
  rows: number
  inputs: ReadonlyMap<string, Tensor>
  outputs: readonly NamedTensor[]
}): PredictionRecord[] {
  const { route } = of
  const mask = new Set(route.log?.mask)
  const hash = new Set(route.log?.hash)
  const records: PredictionRecord[] = []
  for (let row = 0; row < of.rows; row++) {
    const features: PredictionRecord['features'] = {}
    for (const [name, tensor] of of.inputs)
      for (const [column, value] of columnsOfRow(name, tensor, row, of.rows))
        features[column] = mask.has(column) ? null : hash.has(column) ? digest(value) : value
    const output: PredictionRecord['output'] = {}
    for (const tensor of of.outputs) output[tensor.name] = valueOfRow(tensor, row, of.rows)
    const time = route.timestamp === null ? undefined : of.inputs.get(route.timestamp)
    records.push({
      id: rowId(of.predictionId, row),
      received_at: of.receivedAt,
      event_time: (time && eventTime(valueOfRow(time, row, of.rows))) ?? of.receivedAt,
      key: keyOfRow(route.key, features),
      endpoint: route.id,
      version: of.versionId,
      variant: of.variant,
      status: of.status,
      latency_ms: Math.round(of.latencyMs * 1000) / 1000,
      prediction: score(of.outputs, row, of.rows),
      output,
      features,
    })
  }
  return records
}

/** Milliseconds of an event time given as text (ISO 8601; without a zone it is UTC), seconds or milliseconds since the epoch. */
export function eventTime(value: unknown): number | undefined {
  if (typeof value === 'number') return Math.abs(value) < 1e11 ? Math.round(value * 1000) : Math.round(value)
  if (typeof value !== 'string') return undefined
  const text = value.trim().replace(' ', 'T')
  const parsed = Date.parse(/(Z|[+-]\d\d:?\d\d)$/i.test(text) || !text.includes('T') ? text : `${text}Z`)
  return Number.isNaN(parsed) ? undefined : parsed
}

/** One row of a tensor as JSON: a scalar where the row has one element, else a flat array. */
export function valueOfRow(tensor: Tensor, row: number, rows: number): PredictionRecord['features'][string] {
  const width = elementCount(tensor.shape) / rows
  if (width === 1) return elementToJson(tensor, row)
  return Array.from({ length: width }, (_, i) => elementToJson(tensor, row * width + i))
}

function columnsOfRow(
  name: string,
  tensor: Tensor,
  row: number,
  rows: number,
): [string, PredictionRecord['features'][string]][] {
  const width = elementCount(tensor.shape) / rows
  if (width === 1 || width > MAX_COLUMNS || !Number.isInteger(width)) return [[name, valueOfRow(tensor, row, rows)]]
  return Array.from({ length: width }, (_, i) => [`${name}_${i}`, elementToJson(tensor, row * width + i)])
}

function keyOfRow(key: readonly string[], features: PredictionRecord['features']): string | null {
  if (key.length === 0) return null
  const values = key.map((name) => features[name])
  if (values.some((value) => value === undefined || value === null)) return null
  return values.map(String).join('|')
}

/** The positive class's probability ([N,2]), the only value ([N] or [N,1]), else the first number there is. */
function score(outputs: readonly NamedTensor[], row: number, rows: number): number | null {
  const isFloat = (tensor: NamedTensor) => tensor.datatype === 'FP32' || tensor.datatype === 'FP64'
  const width = (tensor: NamedTensor) => elementCount(tensor.shape) / rows
  const tensor =
    outputs.find((candidate) => isFloat(candidate) && width(candidate) === 2) ??
    outputs.find((candidate) => isFloat(candidate) && width(candidate) === 1) ??
    outputs.find((candidate) => candidate.datatype !== 'BYTES' && width(candidate) === 1)
  if (!tensor) return null
  const value = elementToJson(tensor, width(tensor) === 2 ? row * 2 + 1 : row)
  return typeof value === 'number' ? value : typeof value === 'boolean' ? Number(value) : null
}

function digest(value: PredictionRecord['features'][string]): string | null {
  return value === null
    ? null
    : createHash('sha256')
        .update(typeof value === 'string' ? value : JSON.stringify(value))
        .digest('hex')
}
