import type { EndpointRoute, TensorSpec } from '@kiban/contract/inference-control'
import type { InferRequest, InferResult } from '../dataplane.ts'
import { badInput } from '../infer-error.ts'
import { rowId, valueOfRow } from '../prediction-record.ts'
import { dataFromJson, elementCount, elementWriter, emptyData } from '../tensor.ts'
import type { Tensor } from '../tensor.ts'
import { parseObject } from './infer-json.ts'

const MAX_ROWS = 100_000

/**
 * Reads Kiban's plain-rows request `{"id"?, "rows": [{feature: value, …}, …]}`: what a program has at hand, without tensors. A row
 * names every input of the model; null is a missing number; key and timestamp columns may stand beside. Throws a 400 InferError.
 */
export function parseRows(
  body: Buffer,
  specs: readonly TensorSpec[],
  route: EndpointRoute,
): Pick<InferRequest, 'id' | 'inputs'> {
  const { id, rows } = parseObject(body)
  if (id !== undefined && typeof id !== 'string') throw badInput('"id" must be a string.')
  if (!Array.isArray(rows) || rows.length === 0)
    throw badInput('"rows" must be an array with at least one object: {"rows": [{"feature": value}]}.')
  if (rows.length > MAX_ROWS) throw badInput(`"rows" has ${rows.length} rows; send at most ${MAX_ROWS} at once.`)
  const known = new Set([
    ...specs.map((spec) => spec.name),
    ...route.key,
    ...(route.timestamp === null ? [] : [route.timestamp]),
  ])
  const objects = rows.map((row: unknown, i) => readRow(row, i, known))
  const inputs = new Map<string, Tensor>()
  for (const spec of specs) inputs.set(spec.name, columnTensor(spec, objects))
  for (const name of known) {
    if (inputs.has(name) || objects.every((row) => row[name] === undefined)) continue
    inputs.set(name, logColumn(name, objects))
  }
  return { id, inputs }
}

/** `{"id", "model_name", "model_version", "predictions": [{"id", <output>: value, …}]}`, one prediction a row. */
export function presentRows(result: InferResult): string {
  const predictions = Array.from({ length: result.rows }, (_, row) => ({
    ...(result.predictionId === null ? {} : { id: rowId(result.predictionId, row) }),
    ...Object.fromEntries(result.outputs.map((output) => [output.name, valueOfRow(output, row, result.rows)])),
  }))
  return JSON.stringify({ id: result.id, model_name: result.model, model_version: result.version, predictions })
}

function readRow(row: unknown, index: number, known: ReadonlySet<string>): Readonly<Record<string, unknown>> {
  if (typeof row !== 'object' || row === null || Array.isArray(row))
    throw badInput(`rows[${index}] must be an object of feature values.`)
  const stranger = Object.keys(row).find((name) => !known.has(name))
  if (stranger !== undefined)
    throw badInput(`rows[${index}]: "${stranger}" is unknown; the columns are ${[...known].join(', ')}.`)
  return row as Readonly<Record<string, unknown>> // an object, checked above
}

function columnTensor(spec: TensorSpec, rows: readonly Readonly<Record<string, unknown>>[]): Tensor {
  const inner = spec.shape.slice(1)
  if (spec.shape[0] !== -1 || inner.includes(-1))
    throw badInput(
      `The model's input "${spec.name}" has shape [${spec.shape.join(',')}], which has no rows; use /infer.`,
    )
  const width = elementCount(inner)
  const shape = [rows.length, ...inner]
  if (width !== 1)
    return {
      datatype: spec.datatype,
      shape,
      data: dataFromJson(
        spec.name,
        spec.datatype,
        shape,
        rows.map((row, i) => present(spec.name, row, i)),
      ),
    }
  const data = emptyData(spec.datatype, rows.length)
  const write = elementWriter(spec.name, spec.datatype, data)
  for (const [i, row] of rows.entries()) write(i, present(spec.name, row, i))
  return { datatype: spec.datatype, shape, data }
}

function present(name: string, row: Readonly<Record<string, unknown>>, index: number): unknown {
  const value = row[name]
  if (value === undefined) throw badInput(`rows[${index}]: "${name}" is missing; send null if it is not known.`)
  return value
}

/** A column that only the log sees: numbers if all are numbers, else text. */
function logColumn(name: string, rows: readonly Readonly<Record<string, unknown>>[]): Tensor {
  const values = rows.map((row, i) => {
    const value = present(name, row, i)
    if (typeof value !== 'string' && typeof value !== 'number')
      throw badInput(`rows[${i}]: "${name}" must be a string or a number.`)
    return value
  })
  const shape = [rows.length]
  if (values.every((value) => typeof value === 'number'))
    return { datatype: 'FP64', shape, data: Float64Array.from(values) }
  return { datatype: 'BYTES', shape, data: values.map(String) }
}
