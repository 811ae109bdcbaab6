import { emit, inTransaction } from '@kiban/kit/context'
import type { Ctx } from '@kiban/kit/context'
import { AppError } from '@kiban/kit/errors'
import { newHexId } from '@kiban/kit/ids'
import { recordAudit } from '../audit/index.ts'
import type { ExperimentRow } from './experiments.store.ts'
import { checkKey, checkLength, hasControlCharacter, LIMITS, truncate, withoutNul } from './limits.ts'
import {
  deleteLoggedModelTagRow,
  findLoggedModel,
  insertLoggedModel,
  setLoggedModelPairs,
  updateLoggedModelRow,
} from './logged-models.store.ts'
import type { LoggedModelRow, LoggedModelStatus } from './logged-models.store.ts'
import type { KeyValue } from './runs.store.ts'
import { badValue } from './tracking-error.ts'

/** Throws `artifact_not_found`: a logged model is a run's product, not a registered model. */
export async function getLoggedModel(ctx: Ctx, project: string, id: string): Promise<LoggedModelRow> {
  const row = /^[\w-]{1,255}$/.test(id) ? await findLoggedModel(ctx.db, project, id) : undefined
  if (!row)
    throw new AppError('artifact_not_found', { message: `Logged model with ID '${id.slice(0, 255)}' not found.` })
  return row
}

/** Creates a logged model, pending until it is finalized. */
export async function createLoggedModel(
  ctx: Ctx,
  input: {
    experiment: ExperimentRow
    name: string
    modelType: string
    sourceRunId: string | null
    params: readonly KeyValue[]
    tags: readonly KeyValue[]
  },
): Promise<LoggedModelRow> {
  if (input.experiment.state === 'deleted')
    throw badValue(`The experiment ${input.experiment.id} must be in the 'active' state. Current state is deleted.`)
  const name = checkModelName(input.name || 'model')
  const now = ctx.clock.now()
  const row: LoggedModelRow = {
    id: `m-${newHexId()}`,
    project: input.experiment.project,
    experiment_id: input.experiment.id,
    name,
    model_type: input.modelType,
    source_run_id: input.sourceRunId,
    status: 'pending',
    status_message: null,
    state: 'active',
    created_by: ctx.actor.onBehalfOf ?? ctx.actor.id,
    created_at: now,
    updated_at: now,
  }
  const params = checkPairs('param', input.params)
  const tags = checkPairs('tag', input.tags)
  await inTransaction(ctx, async (ctx) => {
    await insertLoggedModel(ctx.db, row)
    await setLoggedModelPairs(ctx.db, 'logged_model_params', row.id, params)
    await setLoggedModelPairs(ctx.db, 'logged_model_tags', row.id, tags)
    await recordAudit(ctx, {
      action: 'logged_model.create',
      resource: { kind: 'logged_model', id: row.id },
      project: row.project,
      after: { name, run: row.source_run_id },
    })
    emit(ctx, { topic: `projects/${row.project}/runs`, kind: 'run.updated', id: row.source_run_id ?? row.id })
  })
  return row
}

export async function finalizeLoggedModel(
  ctx: Ctx,
  row: LoggedModelRow,
  status: LoggedModelStatus,
): Promise<LoggedModelRow> {
  const updated_at = ctx.clock.now()
  await inTransaction(ctx, (ctx) => updateLoggedModelRow(ctx.db, row.id, { status, updated_at }))
  return { ...row, status, updated_at }
}

export async function deleteLoggedModel(ctx: Ctx, row: LoggedModelRow): Promise<void> {
  await inTransaction(ctx, async (ctx) => {
    await updateLoggedModelRow(ctx.db, row.id, { state: 'deleted', updated_at: ctx.clock.now() })
    await recordAudit(ctx, {
      action: 'logged_model.delete',
      resource: { kind: 'logged_model', id: row.id },
      project: row.project,
    })
  })
}

export async function addLoggedModelParams(ctx: Ctx, row: LoggedModelRow, params: readonly KeyValue[]): Promise<void> {
  const checked = checkPairs('param', params)
  await inTransaction(ctx, (ctx) => setLoggedModelPairs(ctx.db, 'logged_model_params', row.id, checked))
}

export async function setLoggedModelTags(ctx: Ctx, row: LoggedModelRow, tags: readonly KeyValue[]): Promise<void> {
  const checked = checkPairs('tag', tags)
  await inTransaction(ctx, (ctx) => setLoggedModelPairs(ctx.db, 'logged_model_tags', row.id, checked))
}

export async function deleteLoggedModelTag(ctx: Ctx, row: LoggedModelRow, key: string): Promise<void> {
  await inTransaction(ctx, async (ctx) => {
    if (!(await deleteLoggedModelTagRow(ctx.db, row.id, key)))
      throw new AppError('not_found', {
        message: `No tag with key '${key.slice(0, 250)}' found for model with ID '${row.id}'.`,
      })
  })
}

function checkModelName(name: string): string {
  if (/[/:.%"']/.test(name) || hasControlCharacter(name))
    throw badValue(
      `Invalid model name (${JSON.stringify(name.slice(0, 200))}) provided. Model name must be a non-empty string and cannot contain the following characters: ('/', ':', '.', '%', '"', "'").`,
      { field: 'name' },
    )
  return checkLength("'Model name'", name, LIMITS.experimentName, 'name')
}

function checkPairs(what: 'param' | 'tag', pairs: readonly KeyValue[]): KeyValue[] {
  const limit = what === 'param' ? LIMITS.paramValue : LIMITS.runTagValue
  const byKey = new Map(
    pairs.map((pair, i) => [checkKey(what, pair.key, `${what}s[${i}].key`), truncate(withoutNul(pair.value), limit)]),
  )
  return [...byKey].map(([key, value]) => ({ key, value }))
}
