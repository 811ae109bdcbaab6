import type { z } from 'zod'
import type {
  Model as ModelSchema,
  ModelVersion as ModelVersionSchema,
  ModelVersionSummary as SummarySchema,
} from '@kiban/contract/models'
import { Signature } from '@kiban/contract/models'
import type { Ctx } from '@kiban/kit/context'
import { getManifest } from '@kiban/kit/manifests'
import { listApprovals, listEvidence } from './evidence.store.ts'
import { presentEvidence } from './evidence.ts'
import { specOf } from './model-spec.ts'
import { listAliases, listModelTags } from './models.store.ts'
import type { AliasMoveRow, RegisteredModelRow } from './models.store.ts'
import { modelOf } from './set-alias.ts'
import { listVersionTags, summarizeVersions } from './versions.store.ts'
import type { NamedVersionRow } from './versions.store.ts'

type Model = z.infer<typeof ModelSchema>
type Summary = z.infer<typeof SummarySchema>
type ModelVersion = z.infer<typeof ModelVersionSchema>

export async function presentModels(ctx: Ctx, rows: readonly RegisteredModelRow[]): Promise<Model[]> {
  const ids = rows.map((row) => row.id)
  const tags = await listModelTags(ctx.db, ids)
  const aliases = await listAliases(ctx.db, ids)
  const versions = await summarizeVersions(ctx.db, ids)
  return rows.map((row) => {
    const spec = specOf(row)
    return {
      id: row.id,
      name: row.name,
      description: row.description,
      tags: tags.get(row.id) ?? {},
      aliases: aliases.filter((alias) => alias.model_id === row.id).map(({ alias, number }) => ({ alias, number })),
      latest: versions.get(row.id)?.latest ?? null,
      versionCount: versions.get(row.id)?.count ?? 0,
      waiting: versions.get(row.id)?.waiting ?? [],
      task: spec.task ?? null,
      target: spec.target ?? null,
      createdAt: row.created_at,
      createdBy: row.created_by,
      updatedAt: row.updated_at,
    }
  })
}

export async function presentModel(ctx: Ctx, row: RegisteredModelRow): Promise<Model> {
  const [model] = await presentModels(ctx, [row])
  if (!model) throw new Error('one row gives one model')
  return model
}

export async function presentSummaries(ctx: Ctx, rows: readonly NamedVersionRow[]): Promise<Summary[]> {
  const ids = rows.map((row) => row.id)
  const aliases = await listAliases(ctx.db, [...new Set(rows.map((row) => row.model_id))])
  const newest = new Map(
    (await listEvidence(ctx.db, ids)).toReversed().map((row) => [row.version_id, presentEvidence(row)]),
  )
  return rows.map((row) => ({
    id: row.id,
    name: row.name,
    number: row.number,
    state: row.state,
    stateReason: row.state_reason,
    aliases: aliases.filter((alias) => alias.version_id === row.id).map(({ alias }) => alias),
    description: row.description,
    flavours: flavoursOf(row),
    runId: row.run_id,
    sizeBytes: row.size_bytes,
    metrics: Object.fromEntries(
      (newest.get(row.id)?.metrics ?? []).map(({ metric, candidate }) => [metric, candidate]),
    ),
    createdAt: row.created_at,
    createdBy: row.created_by,
  }))
}

export async function presentVersion(ctx: Ctx, row: NamedVersionRow): Promise<ModelVersion> {
  const [summary] = await presentSummaries(ctx, [row])
  if (!summary) throw new Error('one row gives one version')
  const flavours = flavoursOf(row)
  return {
    ...summary,
    manifest: row.manifest,
    signature: signatureOf(row),
    runsCodeWhenLoaded: flavours.some((flavour) => flavour !== 'onnx'),
    files: await getManifest(ctx.platform.blobs, row.manifest),
    tags: (await listVersionTags(ctx.db, [row.id])).get(row.id) ?? {},
    source: row.source,
    experimentId: row.experiment_id,
    pipelineRunId: row.pipeline_run_id,
    stepRunId: row.step_run_id,
    trainingDatasetVersionId: row.training_version_id,
    environmentId: row.environment_id,
    environmentLock: row.environment_lock,
    codeManifest: row.code_manifest,
    evidence: (await listEvidence(ctx.db, [row.id])).map(presentEvidence),
    approvals: (await listApprovals(ctx.db, row.id)).map((approval) => ({
      id: approval.id,
      approver: approval.approver,
      decision: approval.decision,
      comment: approval.comment,
      digest: approval.digest,
      soleUser: approval.sole_user === 1,
      at: approval.at,
    })),
    approvers: specOf(await modelOf(ctx, row)).gate?.approvers ?? [],
    // The column holds what the evaluation gave, parsed then.
    importances:
      row.importances === null ? null : (JSON.parse(row.importances) as NonNullable<ModelVersion['importances']>),
    importanceMetric: row.importance_metric,
    card: row.card,
  }
}

export function presentMove(row: AliasMoveRow) {
  return {
    id: row.id,
    alias: row.alias,
    from: row.from_number,
    to: row.to_number,
    reason: row.reason,
    override: row.override === 1,
    actor: row.actor,
    at: row.at,
  }
}

export function signatureOf(row: NamedVersionRow): Signature | null {
  return row.signature === null ? null : Signature.parse(JSON.parse(row.signature))
}

export function flavoursOf(row: NamedVersionRow): string[] {
  return JSON.parse(row.flavours) as string[] // registerVersion wrote a list of texts
}
