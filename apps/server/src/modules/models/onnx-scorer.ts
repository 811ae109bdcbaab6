import type { InferenceSession, Tensor } from 'onnxruntime-node'

/** Columns of rows by name: numbers with NaN for a missing one, or texts ('' for a missing one). */
export type Columns = Readonly<Record<string, Float64Array | readonly string[]>>
export type InputColumn = { readonly name: string; readonly isText: boolean }

export type Scorer = {
  /** The columns that the model takes. */
  readonly columns: readonly InputColumn[]
  /** Its whole answer to each row (probabilities of the classes, or one value); a row that it cannot answer is NaN throughout. */
  answer(columns: Columns, rows: number): Promise<Float64Array[]>
}

const BATCH = 1000
type Data = Float32Array | Float64Array | BigInt64Array | Int32Array | Uint8Array | string[]

/**
 * Opens an ONNX model as something that scores columns: one input [N, 1] a column, as skl2onnx writes it, or one input [N, F] that takes
 * `features` in their order. One thread: for small models it is the fastest, and results do not depend on the machine.
 */
export async function openScorer(path: string, features: readonly string[]): Promise<Scorer> {
  const ort = await import('onnxruntime-node')
  const session = await ort.InferenceSession.create(path, {
    intraOpNumThreads: 1,
    interOpNumThreads: 1,
    executionMode: 'sequential',
    logSeverityLevel: 3,
  })
  const inputs = session.inputMetadata.map(tensorMetadata)
  const [only] = inputs
  const wide =
    inputs.length === 1 &&
    only !== undefined &&
    only.type !== 'string' &&
    (only.shape[1] === features.length || only.shape.length !== 2) &&
    features.length > 1
  const columns = wide
    ? features.map((name) => ({ name, isText: false }))
    : inputs.map((input) => ({ name: input.name, isText: input.type === 'string' }))
  const output = chooseOutput(session)
  const run = async (all: Columns, from: number, to: number): Promise<Float64Array[]> => {
    const feeds: Record<string, Tensor> = {}
    if (wide && only) {
      const data = new Float32Array((to - from) * features.length)
      features.forEach((name, f) => {
        for (let i = from; i < to; i++) data[(i - from) * features.length + f] = Number(all[name]?.[i] ?? Number.NaN)
      })
      feeds[only.name] = new ort.Tensor('float32', data, [to - from, features.length])
    } else
      for (const input of inputs)
        feeds[input.name] = new ort.Tensor(input.type, columnData(input.type, all[input.name], from, to) as never, [
          to - from,
          1,
        ]) // the data was made for that type
    const result = (await session.run(feeds))[output]
    if (!result || !('dims' in result)) throw new Error(`the model gave no tensor ${output}`)
    return splitRows(result.data as ArrayLike<number | bigint>, to - from) // chooseOutput took a number output
  }
  return {
    columns,
    answer: async (all, rows) => {
      const answers: Float64Array[] = []
      for (let from = 0; from < rows; from += BATCH)
        answers.push(...(await answerBatch(run, all, from, Math.min(rows, from + BATCH))))
      const width = Math.max(1, ...answers.map((one) => one.length))
      return answers.map((one) => (one.length === 0 ? new Float64Array(width).fill(Number.NaN) : one))
    },
  }
}

type RunRange = (columns: Columns, from: number, to: number) => Promise<Float64Array[]>

/** When a batch fails, its rows are asked one by one, so that one bad row costs only itself. */
async function answerBatch(run: RunRange, columns: Columns, from: number, to: number): Promise<Float64Array[]> {
  try {
    return await run(columns, from, to)
  } catch {
    const answers: Float64Array[] = []
    for (let i = from; i < to; i++) answers.push(...(await run(columns, i, i + 1).catch(() => [new Float64Array(0)])))
    return answers
  }
}

/** One number a row: the last class's probability of a classifier with two classes, else the first value. */
export function scoreOf(answer: Float64Array): number {
  return (answer.length === 2 ? answer[1] : answer[0]) ?? Number.NaN
}

function tensorMetadata(metadata: InferenceSession.ValueMetadata): {
  name: string
  type: Tensor.Type
  shape: readonly (number | string)[]
} {
  if (!metadata.isTensor)
    throw new Error(`the input ${metadata.name} is a map or a sequence; convert the model with tensors only`)
  return { name: metadata.name, type: metadata.type, shape: metadata.shape }
}

function chooseOutput(session: InferenceSession): string {
  const numbers = session.outputMetadata.filter((output) => output.isTensor && output.type !== 'string')
  const chosen =
    numbers.find((output) => /prob/i.test(output.name)) ??
    numbers.find((output) => output.isTensor && output.type.startsWith('float')) ??
    numbers[0]
  if (!chosen)
    throw new Error('the model has no output with numbers; convert a classifier with options={"zipmap": False}')
  return chosen.name
}

function columnData(type: string, column: Columns[string] | undefined, from: number, to: number): Data {
  const at = (i: number) => column?.[i]
  const length = to - from
  if (type === 'string') return Array.from({ length }, (_, i) => String(at(from + i) ?? ''))
  if (type === 'int64') return BigInt64Array.from({ length }, (_, i) => BigInt(Math.trunc(finite(at(from + i)))))
  if (type === 'int32') return Int32Array.from({ length }, (_, i) => finite(at(from + i)))
  if (type === 'bool') return Uint8Array.from({ length }, (_, i) => (finite(at(from + i)) ? 1 : 0))
  const value = (_: unknown, i: number) => Number(at(from + i) ?? Number.NaN)
  return type === 'float64' ? Float64Array.from({ length }, value) : Float32Array.from({ length }, value)
}

/** Integer inputs have no missing value: a row without one cannot be answered. */
function finite(value: number | string | undefined): number {
  const number = Number(value)
  if (!Number.isFinite(number)) throw new Error('an integer input has a missing value')
  return number
}

function splitRows(data: ArrayLike<number | bigint>, rows: number): Float64Array[] {
  const width = rows === 0 ? 0 : data.length / rows
  return Array.from({ length: rows }, (_, i) =>
    Float64Array.from({ length: width }, (__, j) => Number(data[i * width + j])),
  )
}
