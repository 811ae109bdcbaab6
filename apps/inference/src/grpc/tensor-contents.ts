import { Datatype } from '@kiban/contract/inference-control'
import { badInput } from '../infer-error.ts'
import { dataFromBytes, dataToBytes, elementCount, emptyData } from '../tensor.ts'
import type { NamedTensor, Tensor } from '../tensor.ts'

/** The messages as proto-loader gives them: 64-bit integers as text, bytes as Buffer, absent fields left out. */
export type InputMessage = {
  readonly name?: string
  readonly datatype?: string
  readonly shape?: readonly string[]
  readonly contents?: ContentsMessage | null
}
export type ContentsMessage = Readonly<Record<string, readonly unknown[] | undefined>>

const FIELD: Readonly<Record<Datatype, string | undefined>> = {
  BOOL: 'bool_contents',
  INT8: 'int_contents',
  INT16: 'int_contents',
  INT32: 'int_contents',
  INT64: 'int64_contents',
  UINT8: 'uint_contents',
  UINT16: 'uint_contents',
  UINT32: 'uint_contents',
  UINT64: 'uint64_contents',
  FP16: undefined,
  FP32: 'fp32_contents',
  FP64: 'fp64_contents',
  BYTES: 'bytes_contents',
}

/** Reads the inputs of a gRPC request, from typed contents or from raw ones (then all of them). Throws a 400 InferError. */
export function readInputs(messages: readonly InputMessage[], raw: readonly Buffer[]): Map<string, Tensor> {
  if (raw.length > 0 && raw.length !== messages.length)
    throw badInput(`raw_input_contents has ${raw.length} entries, but there are ${messages.length} inputs.`)
  const inputs = new Map<string, Tensor>()
  for (const [i, message] of messages.entries()) {
    const name = message.name ?? ''
    if (name === '') throw badInput(`inputs[${i}]: the name is missing.`)
    if (inputs.has(name)) throw badInput(`input "${name}" is given twice.`)
    const datatype = Datatype.safeParse(message.datatype)
    if (!datatype.success)
      throw badInput(
        `input "${name}": datatype ${JSON.stringify(message.datatype ?? '')} must be one of ${Datatype.options.join(', ')}.`,
      )
    const shape = (message.shape ?? []).map(Number)
    if (shape.some((size) => !Number.isSafeInteger(size) || size < 0))
      throw badInput(`input "${name}": shape [${shape.join(',')}] must have sizes from 0.`)
    const bytes = raw[i]
    if (bytes && message.contents)
      throw badInput(`input "${name}" has contents as well as raw_input_contents; send one of them.`)
    inputs.set(name, {
      datatype: datatype.data,
      shape,
      data: bytes
        ? dataFromBytes(name, datatype.data, shape, bytes)
        : typedData(name, datatype.data, shape, message.contents ?? {}),
    })
  }
  return inputs
}

/** An output as typed contents. */
export function typedContents(tensor: NamedTensor): ContentsMessage {
  const field = FIELD[tensor.datatype]
  if (!field) throw badInput(`output "${tensor.name}" is ${tensor.datatype}, which only raw contents can carry.`)
  if (tensor.datatype === 'BYTES')
    return { [field]: Array.from(tensor.data as string[], (text) => Buffer.from(text, 'utf8')) }
  if (tensor.datatype === 'BOOL') return { [field]: Array.from(tensor.data as Uint8Array, (value) => value !== 0) }
  return {
    [field]: Array.from(tensor.data as Float64Array, (value) => (typeof value === 'bigint' ? String(value) : value)),
  }
}

/** An output as raw contents. */
export function rawContents(tensor: NamedTensor): Buffer {
  return dataToBytes(tensor.data)
}

function typedData(
  name: string,
  datatype: Datatype,
  shape: readonly number[],
  contents: ContentsMessage,
): Tensor['data'] {
  const field = FIELD[datatype]
  if (!field) throw badInput(`input "${name}": ${datatype} can only be sent in raw_input_contents.`)
  const values = contents[field] ?? []
  const count = elementCount(shape)
  if (values.length !== count)
    throw badInput(
      `input "${name}": shape [${shape.join(',')}] has ${count} elements, but ${field} has ${values.length}.`,
    )
  // The message's own types hold: the protocol buffer was decoded by them.
  if (datatype === 'BYTES') return values.map((value) => (value as Buffer).toString('utf8'))
  const data = emptyData(datatype, count)
  for (let i = 0; i < count; i++) {
    if (datatype === 'INT64' || datatype === 'UINT64') (data as BigInt64Array)[i] = BigInt(values[i] as string)
    else (data as Float64Array)[i] = Number(values[i])
  }
  return data
}
