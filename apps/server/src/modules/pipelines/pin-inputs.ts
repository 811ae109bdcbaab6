import { ExpressionError, looksLikeUri, parseUri, renderValue } from '@kiban/contract/project-file'
import type { Scope } from '@kiban/contract/project-file'
import type { Json } from '@kiban/contract/primitives'
import type { Ctx } from '@kiban/kit/context'
import { AppError } from '@kiban/kit/errors'
import { resolveDataset } from '../datasets/index.ts'
import type { Definition, Pin, Pins } from './definition.ts'
import { partsOf } from './parts.ts'

/**
 * Resolves every URI that the steps read to one version, now: a run sees one snapshot however long it takes (project-file §1). What a
 * step gives is known later and is no URI. Throws `pipeline_input_unresolved`, naming step, input and URI.
 */
export async function pinInputs(ctx: Ctx, project: string, definition: Definition, scope: Scope): Promise<Pins> {
  const pins: Record<string, Pin> = {}
  for (const [step, spec] of Object.entries(definition.spec.steps))
    for (const [input, value] of Object.entries(spec.inputs)) {
      const uri = knownNow(value, scope)
      if (typeof uri !== 'string' || !looksLikeUri(uri) || Object.hasOwn(pins, uri)) continue
      pins[uri] = await resolve(ctx, project, uri, `${step}.inputs.${input}`)
    }
  return pins
}

function knownNow(value: Json, scope: Scope): Json {
  try {
    return renderValue(value, scope)
  } catch (error) {
    if (error instanceof ExpressionError) return null // it needs a step, or fails again when the step is ready, with its own message
    throw error
  }
}

async function resolve(ctx: Ctx, project: string, text: string, where: string): Promise<Pin> {
  const uri = parseUri(text)
  const problem = (message: string, cause?: unknown) =>
    new AppError('pipeline_input_unresolved', { message: `${where}: ${message}`, details: { uri: text }, cause })
  if (!uri) throw problem(`${JSON.stringify(text)} is not a URI such as datasets:/flights or models:/delay@production.`)
  if (uri.project !== undefined && uri.project !== project)
    throw problem(`${text} is of another project; this version reads only its own.`)
  if (uri.kind === 'features') throw problem(`${text}: feature services can't be inputs of a step yet.`)
  try {
    if (uri.kind === 'models') {
      const resolveModel = partsOf(ctx).resolveModel
      if (!resolveModel) throw problem(`${text}: this server has no model registry.`)
      const model = await resolveModel(ctx, project, text)
      return {
        kind: 'model',
        versionId: model.id,
        number: model.number,
        tree: model.manifest,
        ...(model.runId ? { runId: model.runId } : {}),
      }
    }
    const version = await resolveDataset(ctx, project, text)
    return { kind: 'dataset', versionId: version.id, number: version.number, tree: version.manifest }
  } catch (error) {
    if (error instanceof AppError && error.code !== 'pipeline_input_unresolved')
      throw problem(`${text} can't be read now. ${error.message}`, error)
    throw error
  }
}
