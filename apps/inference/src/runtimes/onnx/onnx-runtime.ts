import type { InferenceSession, Tensor as OrtTensor } from 'onnxruntime-node'
import type { Datatype, TensorSpec } from '@kiban/contract/inference-control'
import { InferError } from '../../infer-error.ts'
import type { NamedTensor, Tensor, TensorData } from '../../tensor.ts'
import { elementCount, emptyData } from '../../tensor.ts'

/** A model that is loaded and warm. `batchable`: all inputs and outputs have a free first dimension. */
export type LoadedModel = {
  readonly inputs: readonly TensorSpec[]
  readonly outputs: readonly TensorSpec[]
  readonly batchable: boolean
  /** Runs once; the outputs come in the model's order. Throws a 500 InferError if the model fails. */
  run(feeds: ReadonlyMap<string, Tensor>): Promise<NamedTensor[]>
  release(): Promise<void>
}

const FROM_ORT: Readonly<Record<string, Datatype>> = {
  float32: 'FP32',
  float64: 'FP64',
  float16: 'FP16',
  int8: 'INT8',
  int16: 'INT16',
  int32: 'INT32',
  int64: 'INT64',
  uint8: 'UINT8',
  uint16: 'UINT16',
  uint32: 'UINT32',
  uint64: 'UINT64',
  bool: 'BOOL',
  string: 'BYTES',
}
const TO_ORT = Object.fromEntries(Object.entries(FROM_ORT).map(([ort, datatype]) => [datatype, ort])) as Readonly<
  Record<Datatype, OrtTensor.Type>
>

/**
 * Loads an ONNX file and runs it once on zeros. One thread a session: for small models and several processes it is the fastest
 * setting (reference/serving.md §4.2: two threads are 2 times slower at batch 32). The runtime is loaded with the first model.
 */
export async function loadOnnxModel(path: string): Promise<LoadedModel> {
  const ort = await import('onnxruntime-node')
  const session = await ort.InferenceSession.create(path, {
    intraOpNumThreads: 1,
    interOpNumThreads: 1,
    executionMode: 'sequential',
    logSeverityLevel: 3,
  })
  const inputs = session.inputMetadata.map(toSpec)
  const outputs = session.outputMetadata.map(toSpec)
  const model: LoadedModel = {
    inputs,
    outputs,
    batchable: [...inputs, ...outputs].every((spec) => spec.shape[0] === -1),
    run: async (feeds) => {
      const values: Record<string, OrtTensor> = {}
      for (const [name, tensor] of feeds)
        values[name] = new ort.Tensor(TO_ORT[tensor.datatype], tensor.data as never, [...tensor.shape])
      const results = await runSession(session, values)
      return outputs.map((spec) => fromOrt(spec, results[spec.name]))
    },
    release: () => session.release(),
  }
  await warmUp(model)
  return model
}

function toSpec(metadata: InferenceSession.ValueMetadata): TensorSpec {
  if (!metadata.isTensor)
    throw new Error(
      `"${metadata.name}" is a map or a sequence, not a tensor. Convert the model with tensors only (skl2onnx: options={"zipmap": False}).`,
    )
  const datatype = FROM_ORT[metadata.type]
  if (!datatype)
    throw new Error(
      `"${metadata.name}" has the type ${metadata.type}, which the Open Inference Protocol does not know.`,
    )
  return {
    name: metadata.name,
    datatype,
    shape: metadata.shape.map((size) => (typeof size === 'number' && size >= 0 ? size : -1)),
  }
}

async function runSession(
  session: InferenceSession,
  values: Record<string, OrtTensor>,
): Promise<InferenceSession.OnnxValueMapType> {
  try {
    return await session.run(values)
  } catch (error) {
    throw new InferError(
      500,
      `The model failed: ${error instanceof Error ? (error.message.split('\n')[0] ?? '').slice(0, 500) : 'unknown error'}`,
      { cause: error },
    )
  }
}

function fromOrt(spec: TensorSpec, value: InferenceSession.OnnxValueMapType[string] | undefined): NamedTensor {
  if (!value || !('dims' in value)) throw new InferError(500, `The model gave no tensor for its output "${spec.name}".`)
  return { name: spec.name, datatype: spec.datatype, shape: value.dims, data: value.data as TensorData }
}

async function warmUp(model: LoadedModel): Promise<void> {
  const feeds = new Map<string, Tensor>()
  for (const spec of model.inputs) {
    const shape = spec.shape.map((size) => (size === -1 ? 1 : size))
    const data = emptyData(spec.datatype, elementCount(shape))
    feeds.set(spec.name, { datatype: spec.datatype, shape, data: Array.isArray(data) ? data.map(() => '') : data })
  }
  try {
    await model.run(feeds)
  } catch (error) {
    // Zeros may be outside what the model takes (an index, a free inner dimension); a real request decides.
    if (!(error instanceof InferError)) throw error
  }
}
