import type { EvaluationRequest } from './evaluation.ts'
import type { ModelFolder } from './mlmodel.ts'
import type { StoredSpec } from './model-spec.ts'

/** What to compute for some versions of one model; the first is the candidate whose checks are judged. */
export function evaluationRequest(input: {
  spec: StoredSpec
  models: readonly { readonly name: string; readonly input: string; readonly folder: ModelFolder }[]
  production: string | null
  slices?: readonly string[]
  checks?: boolean
  sampleRows: number
  importances: boolean
}): EvaluationRequest {
  const { spec } = input
  return {
    models: input.models.map(({ name, input: place, folder }) => ({
      name,
      input: place,
      onnx: folder.onnxPath ?? 'model.onnx',
      features: folder.signature?.inputs.map((field) => field.name) ?? [],
    })),
    task:
      spec.task === undefined || spec.task === 'classification'
        ? 'classification'
        : spec.task === 'regression' || spec.task === 'forecasting'
          ? 'regression'
          : 'other',
    target: spec.target ?? '',
    timestamp: spec.timestamp ?? null,
    threshold: spec.threshold,
    slices: [...(input.slices ?? spec.slices)],
    checks: input.checks === false ? [] : [...(spec.gate?.checks ?? [])],
    minRows: spec.gate?.minRows ?? 1,
    opponents: { production: input.production, running: input.production },
    sampleRows: input.sampleRows,
    importances: input.importances,
  }
}
