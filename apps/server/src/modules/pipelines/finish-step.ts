import type { StepOutput } from '@kiban/contract/pipelines'
import type { Json, ManifestFile } from '@kiban/contract/primitives'
import { parseUri } from '@kiban/contract/project-file'
import type { StepSpec } from '@kiban/contract/project-file'
import type { Ctx } from '@kiban/kit/context'
import { AppError } from '@kiban/kit/errors'
import { newId } from '@kiban/kit/ids'
import { getManifest } from '@kiban/kit/manifests'
import { commitDataset } from '../datasets/index.ts'
import { recordEdges } from '../lineage/index.ts'
import { outputsOf } from './definition.ts'
import { whileHeld } from './held-run.ts'
import type { PipelineRunRow } from './pipelines.store.ts'
import { StepFault } from './prepare-step.ts'
import { insertCacheEntry, updateAttempt, updateStepRun } from './steps.store.ts'
import type { StepRunChange, StepRunRow } from './steps.store.ts'

export type GivenOutput = { readonly tree: string; readonly sizeBytes?: number | undefined } | { readonly value: Json }

export type StepSuccess = {
  readonly outputs: Readonly<Record<string, GivenOutput>>
  readonly metrics: Readonly<Record<string, number>>
  readonly change?: StepRunChange
  /** False for what was taken from the cache or must never be cached. */
  readonly store: boolean
}

/**
 * Ends a step well: commits what it publishes, then in one transaction its outputs, cache entry and lineage. Repeating it after a crash
 * is harmless, since a dataset takes the same files from the same producer once.
 */
export async function succeedStep(
  ctx: Ctx,
  given: { run: PipelineRunRow; row: StepRunRow; step: StepSpec },
  success: StepSuccess,
): Promise<void> {
  const { run, row, step } = given
  const outputs = await publish(ctx, run, row, step, success.outputs)
  const now = ctx.clock.now()
  await whileHeld(ctx, run, async (ctx) => {
    const results = { outputs: JSON.stringify(outputs), metrics: JSON.stringify(success.metrics) }
    await updateStepRun(ctx.db, row.id, {
      ...success.change,
      ...results,
      state: 'succeeded',
      reason: null,
      cause: null,
      message: null,
      ended_at: now,
    })
    await updateAttempt(ctx.db, row.id, row.attempt, { state: 'succeeded', ended_at: now })
    const key = success.change?.cache_key ?? row.cache_key
    if (success.store && key)
      await insertCacheEntry(ctx.db, {
        id: newId('cache'),
        project: run.project,
        cache_key: key,
        pipeline: run.pipeline,
        step: row.name,
        step_run_id: row.id,
        parts: row.cache_parts ?? '[]',
        ...results,
        mlflow_run_id: success.change?.mlflow_run_id ?? row.mlflow_run_id,
        sweep_id: row.sweep_id,
        created_at: now,
      })
    await recordEdges(
      ctx,
      Object.values(outputs).flatMap((output) =>
        output.published
          ? [
              {
                from: { kind: 'step_run', id: row.id },
                relation: 'generated',
                to: { kind: 'dataset_version', id: output.published.versionId },
              } as const,
            ]
          : [],
      ),
    )
  })
}

/** Ends a step badly: the attempt is closed, nothing is stored. */
export async function failStep(
  ctx: Ctx,
  run: PipelineRunRow,
  row: StepRunRow,
  failure: { cause: string; message: string },
): Promise<void> {
  const now = ctx.clock.now()
  await whileHeld(ctx, run, async (ctx) => {
    await updateStepRun(ctx.db, row.id, {
      state: 'failed',
      reason: null,
      ...failure,
      ended_at: now,
      started_at: row.started_at ?? now,
    })
    await updateAttempt(ctx.db, row.id, row.attempt, { state: 'failed', ended_at: now, ...failure })
  })
}

/** Closes a step that was told to end. */
export async function cancelStep(ctx: Ctx, run: PipelineRunRow, row: StepRunRow): Promise<void> {
  const now = ctx.clock.now()
  await whileHeld(ctx, run, async (ctx) => {
    await updateStepRun(ctx.db, row.id, { state: 'cancelled', reason: null, cause: null, message: null, ended_at: now })
    await updateAttempt(ctx.db, row.id, row.attempt, { state: 'cancelled', ended_at: now })
  })
}

async function publish(
  ctx: Ctx,
  run: PipelineRunRow,
  row: StepRunRow,
  step: StepSpec,
  given: StepSuccess['outputs'],
): Promise<Record<string, StepOutput>> {
  const outputs: Record<string, StepOutput> = {}
  const declared = outputsOf(step)
  for (const [name, output] of Object.entries(given)) {
    const type = declared[name]?.type ?? ('tree' in output ? 'folder' : 'json')
    const target = declared[name]?.publish
    if (!('tree' in output)) outputs[name] = { type, value: output.value }
    else {
      outputs[name] = {
        type,
        tree: output.tree,
        ...(output.sizeBytes === undefined ? {} : { sizeBytes: output.sizeBytes }),
      }
      if (target !== undefined)
        outputs[name] = {
          ...outputs[name],
          ...(await commitOutput(ctx, { run, row, name, target, tree: output.tree })),
        }
    }
  }
  return outputs
}

async function commitOutput(
  ctx: Ctx,
  given: { run: PipelineRunRow; row: StepRunRow; name: string; target: string; tree: string },
): Promise<Pick<StepOutput, 'published'>> {
  const { run, row, target } = given
  const uri = parseUri(target)
  if (!uri)
    throw new StepFault(
      `The output ${given.name} can't be published to ${target}: it is not a URI such as datasets:/flights.`,
    )
  const files: ManifestFile[] = await getManifest(ctx.platform.blobs, given.tree)
  try {
    const version = await commitDataset(ctx, {
      project: run.project,
      name: uri.name,
      files,
      message: `${run.pipeline} #${run.number}, step ${row.name}`,
      producedBy: { kind: 'step_run', id: row.id },
    })
    return {
      published: { uri: `datasets:/${uri.name}/${version.number}`, versionId: version.id, number: version.number },
    }
  } catch (error) {
    if (error instanceof AppError)
      throw new StepFault(`The output ${given.name} can't be published to ${target}. ${error.message}`)
    throw error
  }
}
