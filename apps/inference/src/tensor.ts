import type { Datatype } from '@kiban/contract/inference-control'
import { badInput } from './infer-error.ts'

export type TensorData =
  | Float32Array
  | Float64Array
  | Int8Array
  | Int16Array
  | Int32Array
  | BigInt64Array
  | Uint8Array
  | Uint16Array
  | Uint32Array
  | BigUint64Array
  | string[]

/** A row-major tensor as the Open Inference Protocol describes it. BOOL is 0/1 bytes, FP16 its raw 16 bits, BYTES text in UTF-8. */
export type Tensor = { readonly datatype: Datatype; readonly shape: readonly number[]; readonly data: TensorData }
export type NamedTensor = Tensor & { readonly name: string }

type NumberDatatype = Exclude<Datatype, 'BYTES'>
type TypedArray = Exclude<TensorData, string[]>

const ARRAYS: { readonly [D in NumberDatatype]: (length: number) => TypedArray } = {
  BOOL: (n) => new Uint8Array(n),
  UINT8: (n) => new Uint8Array(n),
  UINT16: (n) => new Uint16Array(n),
  UINT32: (n) => new Uint32Array(n),
  UINT64: (n) => new BigUint64Array(n),
  INT8: (n) => new Int8Array(n),
  INT16: (n) => new Int16Array(n),
  INT32: (n) => new Int32Array(n),
  INT64: (n) => new BigInt64Array(n),
  FP16: (n) => new Uint16Array(n),
  FP32: (n) => new Float32Array(n),
  FP64: (n) => new Float64Array(n),
}

const INTEGER_RANGE: Readonly<Partial<Record<Datatype, readonly [number, number]>>> = {
  UINT8: [0, 255],
  UINT16: [0, 65_535],
  UINT32: [0, 4_294_967_295],
  INT8: [-128, 127],
  INT16: [-32_768, 32_767],
  INT32: [-2_147_483_648, 2_147_483_647],
}

/** Elements of a shape; 1 for a scalar. */
export function elementCount(shape: readonly number[]): number {
  let count = 1
  for (const size of shape) count *= size
  return count
}

/** A zeroed array of the datatype. */
export function emptyData(datatype: Datatype, length: number): TensorData {
  return datatype === 'BYTES' ? Array.from<string>({ length }) : ARRAYS[datatype](length)
}

/**
 * Reads JSON tensor data, nested as the shape or flat in row-major order. `null` in FP32 and FP64 is NaN: the platform's way to say
 * "missing" in JSON, which has no NaN. Throws an InferError that names the tensor and the place.
 */
export function dataFromJson(name: string, datatype: Datatype, shape: readonly number[], json: unknown): TensorData {
  if (!Array.isArray(json)) throw badInput(`input "${name}": data must be an array, got ${describe(json)}.`)
  const count = elementCount(shape)
  const data = emptyData(datatype, count)
  const write = elementWriter(name, datatype, data)
  if (!Array.isArray(json[0])) {
    if (json.length !== count)
      throw badInput(`input "${name}": shape [${shape.join(',')}] has ${count} elements, but data has ${json.length}.`)
    for (let i = 0; i < count; i++) write(i, json[i])
    return data
  }
  let next = 0
  const walk = (value: unknown, depth: number): void => {
    if (depth === shape.length) {
      write(next++, value)
      return
    }
    if (!Array.isArray(value) || value.length !== shape[depth])
      throw badInput(
        `input "${name}": nested data does not have shape [${shape.join(',')}]: at depth ${depth} it has ${Array.isArray(value) ? `${value.length} elements` : describe(value)} instead of ${shape[depth]} elements.`,
      )
    for (const item of value) walk(item, depth + 1)
  }
  walk(json, 0)
  return data
}

/** Writes one JSON value into `data` at an index, checked against the datatype. */
export function elementWriter(
  name: string,
  datatype: Datatype,
  data: TensorData,
): (index: number, value: unknown) => void {
  const wrong = (index: number, value: unknown, need: string) =>
    badInput(`input "${name}": element ${index} is ${describe(value)}, but ${datatype} needs ${need}.`)
  if (datatype === 'BYTES') {
    const texts = data as string[] // emptyData made it for BYTES
    return (index, value) => {
      if (typeof value !== 'string') throw wrong(index, value, 'a string')
      texts[index] = value
    }
  }
  if (datatype === 'FP16') throw badInput(`input "${name}": FP16 cannot be sent as JSON; send it as binary data.`)
  if (datatype === 'INT64' || datatype === 'UINT64') {
    const bigs = data as BigInt64Array | BigUint64Array
    return (index, value) => {
      const isText = typeof value === 'string' && /^-?\d{1,20}$/.test(value)
      if (!isText && !Number.isSafeInteger(value))
        throw wrong(index, value, 'an integer; above 2^53 send it as a string')
      const big = BigInt(value as string | number) // one of the two, checked above
      if (datatype === 'UINT64' ? big < 0n || big >= 1n << 64n : big < -(1n << 63n) || big >= 1n << 63n)
        throw wrong(index, value, 'a 64-bit integer')
      bigs[index] = big
    }
  }
  const numbers = data as Float32Array // any array of plain numbers is written alike
  if (datatype === 'FP32' || datatype === 'FP64')
    return (index, value) => {
      if (typeof value !== 'number' && value !== null) throw wrong(index, value, 'a number, or null for a missing one')
      numbers[index] = value === null ? Number.NaN : value
    }
  if (datatype === 'BOOL')
    return (index, value) => {
      if (typeof value !== 'boolean' && value !== 0 && value !== 1) throw wrong(index, value, 'true or false')
      numbers[index] = Number(value)
    }
  const [low, high] = INTEGER_RANGE[datatype] ?? [0, 0]
  return (index, value) => {
    if (!Number.isInteger(value) || (value as number) < low || (value as number) > high)
      throw wrong(index, value, `an integer from ${low} to ${high}`)
    numbers[index] = value as number
  }
}

/** Reads little-endian row-major bytes; BYTES elements are a uint32 length and the bytes. */
export function dataFromBytes(
  name: string,
  datatype: Datatype,
  shape: readonly number[],
  bytes: Uint8Array,
): TensorData {
  const count = elementCount(shape)
  if (datatype === 'BYTES') return textsFromBytes(name, count, bytes)
  const data = ARRAYS[datatype](count)
  if (data.byteLength !== bytes.byteLength)
    throw badInput(
      `input "${name}": ${datatype} of shape [${shape.join(',')}] is ${data.byteLength} bytes, but ${bytes.byteLength} came.`,
    )
  new Uint8Array(data.buffer).set(bytes) // every platform that we run on is little-endian
  return data
}

/** The opposite of dataFromBytes. */
export function dataToBytes(data: TensorData): Buffer {
  if (!Array.isArray(data)) return Buffer.from(data.buffer, data.byteOffset, data.byteLength)
  const parts: Buffer[] = []
  for (const text of data) {
    const bytes = Buffer.from(text, 'utf8')
    const length = Buffer.alloc(4)
    length.writeUInt32LE(bytes.length)
    parts.push(length, bytes)
  }
  return Buffer.concat(parts)
}

/** Data as JSON text, flat: FP32 with the fewest digits that read back the same, 64-bit integers with all their digits. */
export function dataToJson(tensor: Tensor): string {
  const { data, datatype } = tensor
  if (Array.isArray(data)) return JSON.stringify(data)
  if (datatype === 'BOOL') return `[${Array.from(data as Uint8Array, (value) => (value ? 'true' : 'false')).join(',')}]`
  if (datatype === 'FP32') return `[${Array.from(data as Float32Array, shortestFloat32).join(',')}]`
  return `[${(data as Float64Array).join(',')}]`
}

/** One element as a JSON value. A 64-bit integer above 2^53 becomes text. */
export function elementToJson(tensor: Tensor, index: number): number | string | boolean | null {
  const value = tensor.data[index]
  if (value === undefined) return null
  if (typeof value === 'string') return value
  if (typeof value === 'bigint')
    return value >= -9007199254740991n && value <= 9007199254740991n ? Number(value) : value.toString()
  if (tensor.datatype === 'BOOL') return value !== 0
  if (!Number.isFinite(value)) return null
  return tensor.datatype === 'FP32' ? Number(shortestFloat32(value)) : value
}

/** The first NaN or infinity of a float tensor, as its index; -1 if all are finite. */
export function firstNonFinite(tensor: Tensor): number {
  if (tensor.datatype !== 'FP32' && tensor.datatype !== 'FP64') return -1
  const data = tensor.data as Float32Array // the datatype says so; FP64 reads alike
  for (let i = 0; i < data.length; i++) if (!Number.isFinite(data[i])) return i
  return -1
}

/** Puts tensors of one datatype and trailing shape behind one another along the first dimension. */
export function concatRows(tensors: readonly Tensor[]): Tensor {
  const first = tensors[0]
  if (!first) throw new Error('nothing to concatenate')
  if (tensors.length === 1) return first
  const rows = tensors.reduce((sum, tensor) => sum + (tensor.shape[0] ?? 0), 0)
  const shape = [rows, ...first.shape.slice(1)]
  if (first.datatype === 'BYTES')
    return { datatype: 'BYTES', shape, data: tensors.flatMap((tensor) => tensor.data as string[]) }
  const data = ARRAYS[first.datatype](elementCount(shape)) as Float32Array // all are set alike
  let offset = 0
  for (const tensor of tensors) {
    data.set(tensor.data as Float32Array, offset)
    offset += tensor.data.length
  }
  return { datatype: first.datatype, shape, data }
}

/** `count` rows from row `start`, sharing memory. */
export function sliceRows(tensor: Tensor, start: number, count: number): Tensor {
  const width = elementCount(tensor.shape.slice(1))
  const from = start * width
  const to = from + count * width
  const data = Array.isArray(tensor.data) ? tensor.data.slice(from, to) : tensor.data.subarray(from, to)
  return { datatype: tensor.datatype, shape: [count, ...tensor.shape.slice(1)], data }
}

function textsFromBytes(name: string, count: number, bytes: Uint8Array): string[] {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const texts: string[] = []
  let at = 0
  while (at < buffer.length) {
    if (at + 4 > buffer.length) throw badInput(`input "${name}": the binary data ends inside a length.`)
    const length = buffer.readUInt32LE(at)
    at += 4
    if (at + length > buffer.length)
      throw badInput(
        `input "${name}": element ${texts.length} says ${length} bytes, but only ${buffer.length - at} are left.`,
      )
    texts.push(buffer.toString('utf8', at, at + length))
    at += length
  }
  if (texts.length !== count)
    throw badInput(`input "${name}": the shape has ${count} elements, but the binary data has ${texts.length}.`)
  return texts
}

function shortestFloat32(value: number): string {
  if (!Number.isFinite(value)) return 'null'
  for (let digits = 6; digits < 9; digits++) {
    const shorter = Number(value.toPrecision(digits))
    if (Math.fround(shorter) === value) return String(shorter)
  }
  return String(Number(value.toPrecision(9)))
}

function describe(value: unknown): string {
  if (value === null) return 'null'
  if (value === undefined) return 'missing'
  if (Array.isArray(value)) return 'an array'
  if (typeof value === 'object') return 'an object'
  return JSON.stringify(value).slice(0, 60)
}
