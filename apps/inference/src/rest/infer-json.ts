import { InferError, badInput } from '../infer-error.ts'
import type { InferRequest, InferResult } from '../dataplane.ts'
import { dataFromBytes, dataFromJson, dataToBytes, dataToJson, elementCount } from '../tensor.ts'
import type { NamedTensor, Tensor } from '../tensor.ts'
import { Datatype } from '@kiban/contract/inference-control'

/** How the caller wants the outputs: which, and which of them as bytes behind the JSON. */
export type OutputWishes = {
  readonly names: readonly string[] | undefined
  readonly isBinary: (name: string) => boolean
}
export type ParsedInfer = Pick<InferRequest, 'id' | 'inputs' | 'outputs'> & { readonly wishes: OutputWishes }

const DATATYPES: ReadonlySet<string> = new Set(Datatype.options)
const MAX_DIMENSIONS = 16

/**
 * Reads an inference request of the Open Inference Protocol (REST), with the binary tensor extension: `headerLength` is the value
 * of Inference-Header-Content-Length; behind that many bytes of JSON come the raw tensors in the order of the inputs.
 * Throws a 400 InferError that names the input.
 */
export function parseInfer(body: Buffer, headerLength: number | undefined): ParsedInfer {
  const json = parseObject(headerLength === undefined ? body : body.subarray(0, headerLength))
  const { id, inputs, outputs } = json
  if (id !== undefined && typeof id !== 'string') throw badInput('"id" must be a string.')
  if (!Array.isArray(inputs))
    throw badInput('"inputs" must be an array of tensors: [{"name", "shape", "datatype", "data"}].')
  const tensors = new Map<string, Tensor>()
  let offset = headerLength ?? body.length
  for (const [index, item] of inputs.entries()) {
    const { name, shape, datatype, binarySize, data } = readHead(item, index)
    if (tensors.has(name)) throw badInput(`input "${name}" is given twice.`)
    if (binarySize === undefined) {
      checkSize(name, shape, body.length)
      tensors.set(name, { datatype, shape, data: dataFromJson(name, datatype, shape, data) })
      continue
    }
    if (headerLength === undefined)
      throw badInput(`input "${name}" has binary_data_size, but the header Inference-Header-Content-Length is missing.`)
    if (offset + binarySize > body.length)
      throw badInput(
        `input "${name}": binary_data_size is ${binarySize}, but only ${body.length - offset} bytes are left in the body.`,
      )
    checkSize(name, shape, body.length)
    tensors.set(name, {
      datatype,
      shape,
      data: dataFromBytes(name, datatype, shape, body.subarray(offset, offset + binarySize)),
    })
    offset += binarySize
  }
  if (offset !== body.length)
    throw badInput(`${body.length - offset} bytes behind the last binary input belong to no input.`)
  const wishes = readWishes(outputs, json['parameters'])
  return { id, inputs: tensors, outputs: wishes.names, wishes }
}

/** The answer as the protocol has it: JSON, and behind it the outputs that were wished for as bytes. */
export function presentInfer(result: InferResult, wishes: OutputWishes): { head: string; binary: Buffer[] } {
  const binary: Buffer[] = []
  const outputs = result.outputs.map((output) => presentOutput(output, wishes, binary))
  const parameters =
    result.predictionId === null ? '' : `"parameters":{"prediction_id":${JSON.stringify(result.predictionId)}},`
  const head = `{"model_name":${JSON.stringify(result.model)},"model_version":${JSON.stringify(result.version)},"id":${JSON.stringify(result.id)},${parameters}"outputs":[${outputs.join(',')}]}`
  return { head, binary }
}

/** A JSON object; anything else is a 400. */
export function parseObject(bytes: Buffer): Readonly<Record<string, unknown>> {
  let value: unknown
  try {
    value = JSON.parse(bytes.toString('utf8'))
  } catch (error) {
    const hint = /NaN|Infinity/.test(bytes.subarray(0, 1 << 20).toString('latin1'))
      ? ' JSON has no NaN or Infinity: send null for a missing number.'
      : ''
    throw badInput(`The body is not JSON: ${error instanceof Error ? error.message : 'unreadable'}.${hint}`)
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw badInput('The body must be a JSON object.')
  return value as Readonly<Record<string, unknown>> // just checked
}

function readHead(
  item: unknown,
  index: number,
): { name: string; shape: number[]; datatype: Datatype; binarySize: number | undefined; data: unknown } {
  if (typeof item !== 'object' || item === null) throw badInput(`inputs[${index}] must be an object.`)
  const { name, shape, datatype, parameters, data } = item as Record<string, unknown> // an object, checked above
  if (typeof name !== 'string' || name === '') throw badInput(`inputs[${index}]: "name" is missing.`)
  if (typeof datatype !== 'string' || !DATATYPES.has(datatype))
    throw badInput(
      `input "${name}": datatype ${JSON.stringify(datatype) ?? 'is missing and'} must be one of ${[...DATATYPES].join(', ')}.`,
    )
  if (
    !Array.isArray(shape) ||
    shape.length > MAX_DIMENSIONS ||
    !shape.every((size) => Number.isSafeInteger(size) && size >= 0)
  )
    throw badInput(`input "${name}": "shape" must be an array of at most ${MAX_DIMENSIONS} sizes.`)
  const binarySize =
    typeof parameters === 'object' && parameters !== null && 'binary_data_size' in parameters
      ? parameters.binary_data_size
      : undefined
  if (binarySize !== undefined && (!Number.isSafeInteger(binarySize) || Number(binarySize) < 0))
    throw badInput(`input "${name}": binary_data_size must be a number of bytes.`)
  if (binarySize === undefined && data === undefined) throw badInput(`input "${name}": "data" is missing.`)
  return { name, shape, datatype: datatype as Datatype, binarySize: binarySize as number | undefined, data } // both checked above
}

/** No element takes less than a byte of the body, so a huge shape is refused before anything is allocated. */
function checkSize(name: string, shape: readonly number[], bodyBytes: number): void {
  if (elementCount(shape) > bodyBytes)
    throw badInput(`input "${name}": shape [${shape.join(',')}] has more elements than the body has bytes.`)
}

function readWishes(outputs: unknown, parameters: unknown): OutputWishes {
  const all = flag(parameters, 'binary_data_output') ?? false
  if (outputs === undefined) return { names: undefined, isBinary: () => all }
  if (!Array.isArray(outputs)) throw badInput('"outputs" must be an array: [{"name"}].')
  const wished = new Map<string, boolean>()
  for (const [index, item] of outputs.entries()) {
    if (typeof item !== 'object' || item === null || typeof item.name !== 'string')
      throw badInput(`outputs[${index}]: "name" is missing.`)
    if (flag(item.parameters, 'classification') !== undefined)
      throw new InferError(501, 'The classification extension is not there.')
    wished.set(item.name, flag(item.parameters, 'binary_data') ?? all)
  }
  return { names: [...wished.keys()], isBinary: (name) => wished.get(name) ?? all }
}

function flag(parameters: unknown, name: string): boolean | undefined {
  if (typeof parameters !== 'object' || parameters === null || !(name in parameters)) return undefined
  return (parameters as Record<string, unknown>)[name] === true // an object with that key
}

function presentOutput(output: NamedTensor, wishes: OutputWishes, binary: Buffer[]): string {
  const head = `{"name":${JSON.stringify(output.name)},"datatype":"${output.datatype}","shape":[${output.shape.join(',')}]`
  if (!wishes.isBinary(output.name) && output.datatype !== 'FP16') return `${head},"data":${dataToJson(output)}}`
  const bytes = dataToBytes(output.data)
  binary.push(bytes)
  return `${head},"parameters":{"binary_data_size":${bytes.length}}}`
}
