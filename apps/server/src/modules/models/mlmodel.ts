import { parse } from 'yaml'
import { z } from 'zod'
import type { ManifestFile } from '@kiban/contract/primitives'
import type { Signature } from '@kiban/contract/models'
import { AppError } from '@kiban/kit/errors'

/** What the file `MLmodel` of a model folder says that the platform uses. */
export type ModelFolder = {
  readonly flavours: readonly string[]
  readonly signature: Signature | null
  /** Path of the ONNX file in the folder, from the flavour or because there is exactly one. */
  readonly onnxPath: string | null
  readonly runId: string | null
  /** A flavour that runs code when it is loaded. */
  readonly runsCode: boolean
}

const MAX_BYTES = 4 << 20
const Text = z.object({
  flavors: z.record(z.string(), z.record(z.string(), z.unknown())).default({}),
  run_id: z.string().nullish(),
  signature: z
    .object({ inputs: z.string().nullish(), outputs: z.string().nullish(), params: z.string().nullish() })
    .nullish(),
})
const Column = z.object({
  type: z.unknown(),
  name: z.string().optional(),
  required: z.boolean().optional(),
  'tensor-spec': z.object({ dtype: z.string(), shape: z.array(z.number().int()) }).optional(),
})
const Param = z.object({ name: z.string(), type: z.string(), default: z.json().optional() })

/** Reads a model folder from its files and the text of its `MLmodel` (undefined: there is none). Throws `model_source_invalid`. */
export function readModelFolder(files: readonly ManifestFile[], mlmodel: string | undefined): ModelFolder {
  const onnxFiles = files.filter((file) => file.path.endsWith('.onnx'))
  const single = onnxFiles.length === 1 ? (onnxFiles[0]?.path ?? null) : null
  if (mlmodel === undefined) {
    if (single === null)
      throw invalid(
        `it has no file MLmodel and ${onnxFiles.length === 0 ? 'no' : 'more than one'} .onnx file. Save it with mlflow's save_model or log_model, or give a folder with one .onnx file.`,
      )
    return { flavours: ['onnx'], signature: null, onnxPath: single, runId: null, runsCode: false }
  }
  const parsed = Text.safeParse(parseYaml(mlmodel))
  if (!parsed.success)
    throw invalid(
      `its MLmodel is not as MLflow writes it: ${parsed.error.issues[0]?.path.join('.') ?? ''}: ${parsed.error.issues[0]?.message ?? ''}.`,
    )
  const { flavors, signature, run_id } = parsed.data
  const flavours = Object.keys(flavors)
  const named = flavors['onnx']?.['data']
  const onnxPath = typeof named === 'string' && files.some((file) => file.path === named) ? named : single
  return {
    flavours,
    signature: signature
      ? {
          inputs: readFields(signature.inputs),
          outputs: readFields(signature.outputs),
          params: readParams(signature.params),
        }
      : null,
    onnxPath,
    runId: run_id ?? null,
    runsCode: flavours.some((flavour) => flavour !== 'onnx'),
  }
}

function parseYaml(text: string): unknown {
  if (text.length > MAX_BYTES)
    throw invalid(`its MLmodel has ${text.length} characters; at most ${MAX_BYTES} are allowed.`)
  try {
    return parse(text, { maxAliasCount: 100 })
  } catch (error) {
    throw invalid(
      `its MLmodel is not YAML: ${error instanceof Error ? (error.message.split('\n')[0] ?? '') : 'unreadable'}.`,
    )
  }
}

function readFields(json: string | null | undefined): Signature['inputs'] {
  if (!json) return []
  const columns = z.array(Column).safeParse(parseJson(json))
  if (!columns.success) throw invalid('the signature in its MLmodel is not a list of columns or tensors.')
  return columns.data.map((column, i) => {
    const tensor = column['tensor-spec']
    const name = column.name ?? `${i}`
    if (tensor) return { name, type: tensor.dtype, required: column.required ?? true, shape: tensor.shape }
    return {
      name,
      type: typeof column.type === 'string' ? column.type : 'object',
      required: column.required ?? true,
      shape: null,
    }
  })
}

function readParams(json: string | null | undefined): Signature['params'] {
  if (!json) return []
  const params = z.array(Param).safeParse(parseJson(json))
  if (!params.success) throw invalid('the params of the signature in its MLmodel are not as MLflow writes them.')
  return params.data.map((param) => ({ name: param.name, type: param.type, default: param.default ?? null }))
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

function invalid(reason: string): AppError {
  return new AppError('model_source_invalid', { message: `The model can't be registered: ${reason}` })
}
