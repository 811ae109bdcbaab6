import type { Json } from '@kiban/contract/primitives'
import { inTransaction } from '@kiban/kit/context'
import type { Ctx } from '@kiban/kit/context'
import { AppError } from '@kiban/kit/errors'
import type { StepComponent } from '@kiban/kit/module'
import { evaluationRequest } from './evaluation-request.ts'
import { endedJob, readEvaluation, submitEvaluation } from './evaluation-jobs.ts'
import { findByUri } from './find-model.ts'
import type { ModelFolder } from './mlmodel.ts'
import { specOf } from './model-spec.ts'
import { readContents } from './register-version.ts'
import { modelOf } from './set-alias.ts'

type Step = Parameters<StepComponent['advance']>[1]
type Advanced = Awaited<ReturnType<StepComponent['advance']>>

/**
 * `kiban/evaluate`: metrics of several versions of one model on the same rows, whole and by slice (a column, or `month`, `day`… of the
 * model's timestamp). The output `report` is JSON: rows, metrics by version, and one entry a slice value.
 */
export const evaluateStep: StepComponent = {
  inputs: { models: { type: 'json' }, dataset: { type: 'dataset' }, slices: { type: 'json', optional: true } },
  outputs: { report: { type: 'json' } },
  advance: async (ctx, step) => {
    try {
      return await advanceEvaluate(ctx, step)
    } catch (error) {
      if (error instanceof AppError && error.code !== 'internal')
        return { status: 'failed', cause: 'user_error', message: error.message }
      throw error
    }
  },
}

async function advanceEvaluate(ctx: Ctx, step: Step): Promise<Advanced> {
  const { dataset } = step.inputs
  const uris = textsOf(step, 'models')
  if (!dataset || !('tree' in dataset))
    throw new AppError('model_source_invalid', { message: 'kiban/evaluate needs the input dataset.' })
  const versions = []
  for (const uri of uris) versions.push(await findByUri(ctx, step.project, uri))
  const [first] = versions
  if (!first)
    throw new AppError('model_source_invalid', {
      message: 'kiban/evaluate needs the input models: a list such as ["models:/delay/1", "models:/delay/2"].',
    })
  const spec = specOf(await modelOf(ctx, first))
  if (spec.target === undefined)
    throw new AppError('model_source_invalid', {
      message: `The model ${first.name} has no target in the project file, so its answers cannot be judged.`,
    })
  const models: { name: string; input: string; folder: ModelFolder }[] = []
  for (const [i, version] of versions.entries())
    models.push({
      name: `${version.name} v${version.number}`,
      input: `model_${i}`,
      folder: (await readContents(ctx, version.manifest)).folder,
    })
  const request = evaluationRequest({
    spec,
    models,
    production: null,
    slices: step.inputs['slices'] ? textsOf(step, 'slices') : ['month'],
    checks: false,
    sampleRows: 0,
    importances: false,
  })
  const trees = Object.fromEntries([
    ['evaluation', dataset.tree],
    ...versions.map((version, i) => [`model_${i}`, version.manifest]),
  ])
  const id = await inTransaction(ctx, (ctx) =>
    submitEvaluation(ctx, {
      project: step.project,
      owner: { kind: 'step_run', id: step.id },
      name: `evaluate ${models.map((model) => model.name).join(', ')}`.slice(0, 200),
      trees,
      request,
    }),
  )
  const job = await endedJob(ctx, id)
  if (typeof job === 'string') return { status: 'waiting', state: {}, reason: job }
  if (job.state !== 'succeeded')
    return {
      status: 'failed',
      cause: job.cause ?? 'user_error',
      message: job.message ?? 'The evaluation did not finish.',
    }
  const result = await readEvaluation(ctx, job)
  const report = {
    rows: result.rows,
    rowsWithoutTarget: result.rowsWithoutTarget,
    metrics: result.metrics,
    baseline: result.baseline,
    slices: result.slices,
    problems: result.problems,
  }
  return { status: 'succeeded', outputs: { report: { value: JSON.parse(JSON.stringify(report)) as Json } } } // numbers, texts and null only
}

function textsOf(step: Step, name: string): string[] {
  const input = step.inputs[name]
  const value = input && 'value' in input ? input.value : undefined
  if (typeof value === 'string') return [value]
  if (Array.isArray(value) && value.every((item) => typeof item === 'string')) return value
  throw new AppError('model_source_invalid', { message: `kiban/evaluate: the input ${name} must be a list of texts.` })
}
