import type { ModelVersionState, Signature } from '@kiban/contract/models'
import type { Ctx } from '@kiban/kit/context'
import { AppError } from '@kiban/kit/errors'
import { findByUri } from './find-model.ts'
import { StoredSpec, specOf } from './model-spec.ts'
import { flavoursOf, signatureOf } from './models.present.ts'
import { readContents } from './register-version.ts'
import { modelOf } from './set-alias.ts'
import { findVersionById } from './versions.store.ts'
import type { NamedVersionRow } from './versions.store.ts'

/** A version as other modules see it. */
export type ModelVersion = {
  readonly id: string
  readonly project: string
  readonly modelId: string
  readonly name: string
  readonly number: number
  readonly manifest: string
  readonly signature: Signature | null
  readonly state: ModelVersionState
  readonly flavours: readonly string[]
  readonly runId: string | null
  readonly stepRunId: string | null
  readonly pipelineRunId: string | null
  readonly environmentId: string | null
  readonly trainingVersionId: string | null
  /** Tree of the training rows, when the release step was given them, and of the rows that the gate judged it on. */
  readonly trainingTree: string | null
  readonly evaluationTree: string | null
  /** Drop of a metric when an input is shuffled, by input; null until evaluated. */
  readonly importances: Readonly<Record<string, number>> | null
  readonly createdAt: number
  readonly createdBy: string
}

/** The version behind `models:/delay/3`, `models:/delay@production` or `models:/delay`. Throws `model_not_found`, `model_version_not_found`, `alias_not_found`. */
export async function resolveModel(ctx: Ctx, project: string, uri: string): Promise<ModelVersion> {
  return view(await findByUri(ctx, project, uri))
}

/** Throws `model_version_not_found`. */
export async function getVersion(ctx: Ctx, id: string): Promise<ModelVersion> {
  const row = await findVersionById(ctx.db, id)
  if (!row) throw new AppError('model_version_not_found', { message: `There is no model version ${id}.` })
  return view(row)
}

/** The model's part of the project file: target, key, timestamp, threshold, slices, gate. */
export async function modelSpecOf(ctx: Ctx, versionId: string): Promise<StoredSpec> {
  const row = await findVersionById(ctx.db, versionId)
  return row ? specOf(await modelOf(ctx, row)) : StoredSpec.parse({})
}

/** Hash of the ONNX file of a version; undefined when it has none that the platform can serve. */
export async function onnxFileOf(ctx: Ctx, version: ModelVersion): Promise<{ path: string; hash: string } | undefined> {
  const { folder, files } = await readContents(ctx, version.manifest)
  return files.find((file) => file.path === folder.onnxPath)
}

function view(row: NamedVersionRow): ModelVersion {
  // The column holds what the evaluation gave, parsed then.
  const importances =
    row.importances === null ? null : (JSON.parse(row.importances) as { feature: string; drop: number }[])
  return {
    id: row.id,
    project: row.project,
    modelId: row.model_id,
    name: row.name,
    number: row.number,
    manifest: row.manifest,
    signature: signatureOf(row),
    state: row.state,
    flavours: flavoursOf(row),
    runId: row.run_id,
    stepRunId: row.step_run_id,
    pipelineRunId: row.pipeline_run_id,
    environmentId: row.environment_id,
    trainingVersionId: row.training_version_id,
    trainingTree: row.training_tree,
    evaluationTree: row.evaluation_tree,
    importances: importances && Object.fromEntries(importances.map(({ feature, drop }) => [feature, drop])),
    createdAt: row.created_at,
    createdBy: row.created_by,
  }
}
