import type { ManifestFile } from '@kiban/contract/primitives'
import { emit, inTransaction } from '@kiban/kit/context'
import type { Ctx } from '@kiban/kit/context'
import { AppError } from '@kiban/kit/errors'
import { newId } from '@kiban/kit/ids'
import { getManifest, putManifest } from '@kiban/kit/manifests'
import { recordAudit } from '../audit/index.ts'
import { recordEdges } from '../lineage/index.ts'
import { artifactFiles, freezeArtifacts, getLoggedModel, getRunRow } from '../tracking/index.ts'
import { createModel } from './create-model.ts'
import { findByUri } from './find-model.ts'
import { readModelFolder } from './mlmodel.ts'
import type { ModelFolder } from './mlmodel.ts'
import { parseModelSource } from './model-uri.ts'
import { findModel, takeVersionNumber } from './models.store.ts'
import { findVersionById, insertVersion, setVersionTags } from './versions.store.ts'
import type { NamedVersionRow } from './versions.store.ts'

/** A model's files, read and checked outside any transaction. */
export type Contents = {
  readonly files: readonly ManifestFile[]
  readonly manifest: string
  readonly sizeBytes: number
  readonly folder: ModelFolder
}
export type Origin = {
  readonly source: string
  readonly runId?: string | null
  readonly experimentId?: string | null
  readonly loggedModelId?: string | null
  readonly pipelineRunId?: string | null
  readonly stepRunId?: string | null
  readonly trainingVersionId?: string | null
  readonly trainingTree?: string | null
  readonly evaluationTree?: string | null
  readonly environmentId?: string | null
  readonly environmentLock?: string | null
  readonly codeManifest?: string | null
}

/** Reads the model in a tree of the blob store. Throws `model_source_invalid` when it is none. */
export async function readContents(ctx: Ctx, manifest: string): Promise<Contents> {
  return describe(ctx, await getManifest(ctx.platform.blobs, manifest), manifest)
}

async function describe(ctx: Ctx, files: readonly ManifestFile[], manifest: string): Promise<Contents> {
  const mlmodel = files.find((file) => file.path === 'MLmodel')
  const text =
    mlmodel && mlmodel.sizeBytes <= 4 << 20 ? (await ctx.platform.blobs.read(mlmodel.hash)).toString('utf8') : undefined
  return {
    files,
    manifest,
    sizeBytes: files.reduce((sum, file) => sum + file.sizeBytes, 0),
    folder: readModelFolder(files, text),
  }
}

/** Finds what a source names, in this project only, with where it came from. Throws `model_source_invalid`, `run_not_found`. */
export async function readSource(
  ctx: Ctx,
  project: string,
  text: string,
): Promise<{ contents: Contents; origin: Origin }> {
  const source = parseModelSource(text)
  if (source.kind === 'prompt') {
    const folder = { flavours: [], signature: null, onnxPath: null, runId: null, runsCode: false }
    return {
      contents: { files: [], manifest: await putManifest(ctx.platform.blobs, []), sizeBytes: 0, folder },
      origin: { source: text },
    }
  }
  if (source.kind === 'version') {
    const row = await findByUri(ctx, project, source.uri)
    const origin = {
      source: text,
      runId: row.run_id,
      experimentId: row.experiment_id,
      loggedModelId: row.logged_model_id,
      environmentId: row.environment_id,
      environmentLock: row.environment_lock,
      codeManifest: row.code_manifest,
    }
    return { contents: await readContents(ctx, row.manifest), origin }
  }
  if (source.kind === 'logged_model') {
    const model = await getLoggedModel(ctx, project, source.modelId)
    const contents = await gather(
      ctx,
      await artifactFiles(ctx, { project, kind: 'logged_model', id: model.id }, ''),
      text,
    )
    return {
      contents,
      origin: {
        source: text,
        runId: model.source_run_id,
        experimentId: String(model.experiment_id),
        loggedModelId: model.id,
      },
    }
  }
  const run = await getRunRow(ctx, project, source.runId)
  const contents = await gather(ctx, await artifactFiles(ctx, { project, kind: 'run', id: run.id }, source.path), text)
  return { contents, origin: { source: text, runId: run.id, experimentId: String(run.experiment_id) } }
}

async function gather(ctx: Ctx, files: ManifestFile[], source: string): Promise<Contents> {
  if (files.length === 0)
    throw new AppError('model_source_invalid', { message: `There are no files at ${source}. Log the model first.` })
  return describe(ctx, files, await putManifest(ctx.platform.blobs, files))
}

export type RegisterInput = {
  readonly project: string
  readonly name: string
  readonly contents: Contents
  readonly origin: Origin
  readonly state: 'pending' | 'ready'
  readonly description?: string
  readonly tags?: Readonly<Record<string, string>>
  /** false: the model must be there already, as MLflow wants it. */
  readonly createsModel: boolean
  /** The caller writes the audit event itself. */
  readonly silent?: boolean
}

/** Makes the next version of a model, in one transaction with its files, lineage and audit event. */
export async function registerVersion(ctx: Ctx, input: RegisterInput): Promise<NamedVersionRow> {
  const { project, name, contents, origin } = input
  return inTransaction(ctx, async (ctx) => {
    const known = await findModel(ctx.db, project, name)
    if (!known && !input.createsModel)
      throw new AppError('model_not_found', { message: `Registered Model with name=${name.slice(0, 250)} not found` })
    const model = known ?? (await createModel(ctx, { project, name, silent: true }))
    const now = ctx.clock.now()
    const id = newId('mv')
    const number = await takeVersionNumber(ctx.db, model.id, now)
    await insertVersion(ctx.db, {
      id,
      project,
      model_id: model.id,
      number,
      state: input.state,
      state_reason: input.state === 'pending' ? 'its checks are running' : 'registered; no gate has seen it',
      manifest: contents.manifest,
      size_bytes: contents.sizeBytes,
      signature: contents.folder.signature ? JSON.stringify(contents.folder.signature) : null,
      flavours: JSON.stringify(contents.folder.flavours),
      source: origin.source,
      stage: 'None',
      logged_model_id: origin.loggedModelId ?? null,
      run_id: origin.runId ?? null,
      experiment_id: origin.experimentId ?? (await experimentOf(ctx, project, origin.runId ?? null)),
      pipeline_run_id: origin.pipelineRunId ?? null,
      step_run_id: origin.stepRunId ?? null,
      training_version_id: origin.trainingVersionId ?? null,
      training_tree: origin.trainingTree ?? null,
      evaluation_tree: origin.evaluationTree ?? null,
      environment_id: origin.environmentId ?? null,
      environment_lock: origin.environmentLock ?? null,
      code_manifest: origin.codeManifest ?? null,
      description: input.description ?? '',
      card: '',
      importances: null,
      importance_metric: null,
      created_by: ctx.actor.onBehalfOf ?? ctx.actor.id,
      created_at: now,
      updated_at: now,
    })
    await setVersionTags(ctx.db, id, input.tags ?? {})
    await freezeArtifacts(ctx, { project, versionId: id, files: contents.files })
    await recordOrigin(ctx, id, origin)
    if (!input.silent)
      await recordAudit(ctx, {
        action: 'model_version.create',
        resource: { kind: 'model_version', id },
        project,
        after: { model: name, number, manifest: contents.manifest, source: origin.source },
      })
    emit(ctx, { topic: `projects/${project}/models`, kind: 'model_version.created', id })
    const row = await findVersionById(ctx.db, id)
    if (!row) throw new Error('the version was inserted just above')
    return row
  })
}

/** The experiment of a run; null when the run is another server's, as a copied model folder may say. */
async function experimentOf(ctx: Ctx, project: string, runId: string | null): Promise<string | null> {
  if (runId === null) return null
  try {
    return String((await getRunRow(ctx, project, runId)).experiment_id)
  } catch (error) {
    if (error instanceof AppError) return null
    throw error
  }
}

async function recordOrigin(ctx: Ctx, versionId: string, origin: Origin): Promise<void> {
  const to = { kind: 'model_version', id: versionId } as const
  const edges = [
    ...(origin.runId
      ? [{ from: { kind: 'run', id: origin.runId } as const, relation: 'registered_as' as const, to }]
      : []),
    ...(origin.stepRunId
      ? [{ from: { kind: 'step_run', id: origin.stepRunId } as const, relation: 'generated' as const, to }]
      : []),
    ...(origin.trainingVersionId
      ? [
          {
            from: to,
            relation: 'used' as const,
            to: { kind: 'dataset_version', id: origin.trainingVersionId } as const,
          },
        ]
      : []),
    ...(origin.environmentId
      ? [{ from: to, relation: 'used' as const, to: { kind: 'environment', id: origin.environmentId } as const }]
      : []),
    ...(origin.codeManifest
      ? [{ from: to, relation: 'used' as const, to: { kind: 'code', id: origin.codeManifest } as const }]
      : []),
  ]
  await recordEdges(ctx, edges)
}
