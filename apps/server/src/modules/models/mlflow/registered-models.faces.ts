import type { Ctx } from '@kiban/kit/context'
import { inTransaction } from '@kiban/kit/context'
import { AppError } from '@kiban/kit/errors'
import { recordAudit } from '../../audit/index.ts'
import { getProject } from '../../projects/index.ts'
import {
  mlflowFaces,
  MlflowError,
  pageToken,
  parseFilter,
  parseOrderBy,
  readMaxResults,
  readPageToken,
} from '../../tracking/index.ts'
import type { Fields } from '../../tracking/index.ts'
import { createModel } from '../create-model.ts'
import { getModel } from '../find-model.ts'
import { isProtected } from '../models.policy.ts'
import {
  deleteAliasRow,
  deleteModelTag,
  findModelOfAnyState,
  listAliases,
  PROMPT_TAG,
  searchModelRows,
  setModelTags,
  updateModelRow,
} from '../models.store.ts'
import type { RegisteredModelRow } from '../models.store.ts'
import { archiveVersions, listLatestByStage } from '../versions.store.ts'
import { modelMessages, versionMessages } from './registry-present.ts'
import { MODEL_VOCABULARY } from './registry-vocabulary.ts'
import { ModelName } from '@kiban/contract/models'

const LIMITS = { key: 250, value: 100_000 }

/** A tag of the registry within MLflow's limits. */
export function readRegistryTag(fields: Fields): { key: string; value: string } {
  const key = fields.requiredText('key')
  const value = fields.text('value') ?? ''
  if (key.length > LIMITS.key)
    throw new MlflowError(
      'INVALID_PARAMETER_VALUE',
      `'Registered model key' exceeds the maximum length of ${LIMITS.key} characters`,
    )
  if (value.length > LIMITS.value)
    throw new MlflowError(
      'INVALID_PARAMETER_VALUE',
      `'Registered model value' exceeds the maximum length of ${LIMITS.value} characters`,
    )
  return { key, value }
}

export const registeredModelFaces = mlflowFaces([
  {
    method: 'POST',
    path: '/mlflow/registered-models/create',
    action: 'model.write',
    audit: 'each',
    handle: async (ctx, { project, fields }) => {
      const tags = Object.fromEntries(
        fields
          .items('tags')
          .map(readRegistryTag)
          .map(({ key, value }) => [key, value]),
      )
      return present(
        ctx,
        await createModel(ctx, {
          project,
          name: fields.requiredText('name'),
          description: fields.text('description') ?? '',
          tags,
        }),
      )
    },
  },
  {
    method: 'GET',
    path: '/mlflow/registered-models/get',
    action: 'model.read',
    handle: async (ctx, { project, fields }) => present(ctx, await getModel(ctx, project, fields.requiredText('name'))),
  },
  {
    method: 'PATCH',
    path: '/mlflow/registered-models/update',
    action: 'model.write',
    audit: 'each',
    handle: async (ctx, { project, fields }) => {
      const model = await getModel(ctx, project, fields.requiredText('name'))
      await change(ctx, model, { description: fields.text('description') ?? '' })
      return present(ctx, await getModel(ctx, project, model.name))
    },
  },
  {
    method: 'POST',
    path: '/mlflow/registered-models/rename',
    action: 'model.write',
    audit: 'each',
    handle: async (ctx, { project, fields }) => {
      const model = await getModel(ctx, project, fields.requiredText('name'))
      const name = fields.requiredText('new_name')
      if (!ModelName.safeParse(name).success)
        throw new MlflowError('INVALID_PARAMETER_VALUE', `Invalid model name ${JSON.stringify(name.slice(0, 200))}.`)
      if (await findModelOfAnyState(ctx.db, project, name))
        throw new AppError('model_exists', { message: `Registered Model (name=${name}) already exists.` })
      await change(ctx, model, { name })
      return present(ctx, await getModel(ctx, project, name))
    },
  },
  {
    method: 'DELETE',
    path: '/mlflow/registered-models/delete',
    action: 'model.delete',
    audit: 'each',
    handle: async (ctx, { project, fields }) => {
      const model = await getModel(ctx, project, fields.requiredText('name'))
      await inTransaction(ctx, async (ctx) => {
        const aliases = await listAliases(ctx.db, [model.id])
        const held = aliases.find((row) => isProtected(row.alias))
        if (held)
          throw new AppError('alias_protected', {
            message: `${model.name} can't be deleted: ${held.alias} points at version ${held.number}. Take its endpoints down first.`,
          })
        for (const { alias } of aliases) await deleteAliasRow(ctx.db, model.id, alias)
        const now = ctx.clock.now()
        await archiveVersions(ctx.db, model.id, 'its model was deleted', now)
        await updateModelRow(ctx.db, model.id, { archived: 1, updated_at: now })
        await recordAudit(ctx, {
          action: 'model.delete',
          resource: { kind: 'model', id: model.id },
          project,
          before: { name: model.name },
        })
      })
      return {}
    },
  },
  {
    method: 'POST',
    path: '/mlflow/registered-models/set-tag',
    action: 'model.write',
    audit: 'each',
    handle: async (ctx, { project, fields }) => {
      const { key, value } = readRegistryTag(fields)
      await changeTags(ctx, await getModel(ctx, project, fields.requiredText('name')), { [key]: value })
      return {}
    },
  },
  {
    method: 'DELETE',
    path: '/mlflow/registered-models/delete-tag',
    action: 'model.write',
    audit: 'each',
    handle: async (ctx, { project, fields }) => {
      await changeTags(ctx, await getModel(ctx, project, fields.requiredText('name')), {
        [fields.requiredText('key')]: null,
      })
      return {}
    },
  },
  { method: 'GET', path: '/mlflow/registered-models/search', action: 'model.read', handle: searchModels },
  {
    method: 'GET',
    path: '/mlflow/registered-models/get-latest-versions',
    action: 'model.read',
    handle: latestVersions,
  },
  {
    method: 'POST',
    path: '/mlflow/registered-models/get-latest-versions',
    action: 'model.read',
    audit: { none: 'reads only' },
    handle: latestVersions,
  },
])

/** Prompts stay hidden unless the filter names their tag. */
export function withoutPrompts(filter: string): string {
  if (filter.includes(PROMPT_TAG)) return filter
  return `${filter.trim() === '' ? '' : `${filter} AND `}tags.\`${PROMPT_TAG}\` != 'true'`
}

async function searchModels(ctx: Ctx, { project, fields }: { project: string; fields: Fields }) {
  await getProject(ctx, project)
  const limit = readMaxResults(fields.integer('max_results'), { fallback: 100, max: 1000 })
  const offset = readPageToken(fields.text('page_token'))
  const rows = await searchModelRows(ctx.db, {
    project,
    filter: parseFilter(withoutPrompts(fields.text('filter') ?? ''), MODEL_VOCABULARY),
    orders: parseOrderBy(fields.texts('order_by'), MODEL_VOCABULARY),
    limit: limit + 1,
    offset,
  })
  const models = await modelMessages(ctx, rows.slice(0, limit))
  return {
    ...(models.length > 0 ? { registered_models: models } : {}),
    ...(rows.length > limit ? { next_page_token: pageToken(offset + limit) } : {}),
  }
}

async function latestVersions(ctx: Ctx, { project, fields }: { project: string; fields: Fields }) {
  const model = await getModel(ctx, project, fields.requiredText('name'))
  const stages = fields.texts('stages').map((stage) => stage.toLowerCase())
  const rows = (await listLatestByStage(ctx.db, [model.id])).filter(
    (row) => stages.length === 0 || stages.includes(row.stage.toLowerCase()),
  )
  return rows.length > 0 ? { model_versions: await versionMessages(ctx, rows) } : {}
}

async function present(ctx: Ctx, row: RegisteredModelRow) {
  const [message] = await modelMessages(ctx, [row])
  return { registered_model: message }
}

async function change(
  ctx: Ctx,
  model: RegisteredModelRow,
  set: { name?: string; description?: string },
): Promise<void> {
  await inTransaction(ctx, async (ctx) => {
    await updateModelRow(ctx.db, model.id, { ...set, updated_at: ctx.clock.now() })
    await recordAudit(ctx, {
      action: 'model.update',
      resource: { kind: 'model', id: model.id },
      project: model.project,
      before: { name: model.name },
      after: { name: set.name ?? model.name },
      details: { changed: Object.keys(set) },
    })
  })
}

async function changeTags(
  ctx: Ctx,
  model: RegisteredModelRow,
  tags: Readonly<Record<string, string | null>>,
): Promise<void> {
  await inTransaction(ctx, async (ctx) => {
    for (const [key, value] of Object.entries(tags))
      if (value !== null) await setModelTags(ctx.db, model.id, { [key]: value })
      else if (!(await deleteModelTag(ctx.db, model.id, key)))
        throw new AppError('not_found', {
          message: `No tag with name: ${key.slice(0, 250)} in registered model ${model.name}`,
        })
    await recordAudit(ctx, {
      action: 'model.update',
      resource: { kind: 'model', id: model.id },
      project: model.project,
      details: { tags: Object.keys(tags) },
    })
  })
}
