import type { EndpointRoute, TensorSpec } from '@kiban/contract/inference-control'
import { badInput } from './infer-error.ts'
import type { LoadedModel } from './runtimes/onnx/onnx-runtime.ts'
import { elementCount } from './tensor.ts'
import type { NamedTensor, Tensor } from './tensor.ts'

/**
 * What the model is fed of a request, and how many rows that is. Every input of the model must be there with its datatype and shape;
 * other inputs may only be the endpoint's key and timestamp columns, which are logged and not fed. Throws a 400 InferError.
 */
export function modelFeeds(
  model: LoadedModel,
  route: EndpointRoute,
  inputs: ReadonlyMap<string, Tensor>,
): { feeds: Map<string, Tensor>; rows: number } {
  const feeds = new Map<string, Tensor>()
  let rows: number | undefined
  let rowsFrom = ''
  for (const spec of model.inputs) {
    const tensor = inputs.get(spec.name)
    if (!tensor) throw badInput(`input "${spec.name}" is missing; the model needs ${listSpecs(model.inputs)}.`)
    if (tensor.datatype !== spec.datatype)
      throw badInput(`input "${spec.name}": the model needs ${spec.datatype}, got ${tensor.datatype}.`)
    if (!fits(spec.shape, tensor.shape))
      throw badInput(
        `input "${spec.name}": the model needs shape [${spec.shape.join(',')}] (-1: any), got [${tensor.shape.join(',')}].`,
      )
    if (model.batchable) {
      const count = tensor.shape[0] ?? 0
      if (count < 1)
        throw badInput(`input "${spec.name}": shape [${tensor.shape.join(',')}] has no row; send at least one.`)
      if (rows !== undefined && rows !== count)
        throw badInput(
          `input "${spec.name}" has ${count} rows, but input "${rowsFrom}" has ${rows}; all inputs need the same number.`,
        )
      rows = count
      rowsFrom = spec.name
    }
    feeds.set(spec.name, tensor)
  }
  const count = rows ?? 1
  for (const [name, tensor] of inputs) {
    if (feeds.has(name)) continue
    if (name !== route.timestamp && !route.key.includes(name))
      throw badInput(`input "${name}" is unknown; the model needs ${listSpecs(model.inputs)}.`)
    if (elementCount(tensor.shape) !== count)
      throw badInput(
        `input "${name}" is a column of the log and needs one value a row: ${count}, got shape [${tensor.shape.join(',')}].`,
      )
  }
  return { feeds, rows: count }
}

/** The outputs a request asked for, in its order; all if it named none. Throws a 400 InferError for an unknown name. */
export function selectOutputs(
  outputs: readonly NamedTensor[],
  names: readonly string[] | undefined,
): readonly NamedTensor[] {
  if (names === undefined || names.length === 0) return outputs
  return names.map((name) => {
    const output = outputs.find((candidate) => candidate.name === name)
    if (!output)
      throw badInput(
        `output "${name}" is unknown; the model gives ${outputs.map((candidate) => candidate.name).join(', ')}.`,
      )
    return output
  })
}

function fits(spec: readonly number[], shape: readonly number[]): boolean {
  return spec.length === shape.length && spec.every((size, i) => size === -1 || size === shape[i])
}

function listSpecs(specs: readonly TensorSpec[]): string {
  const shown = specs.slice(0, 40).map((spec) => `${spec.name} (${spec.datatype} [${spec.shape.join(',')}])`)
  return `${shown.join(', ')}${specs.length > 40 ? ', …' : ''}`
}
