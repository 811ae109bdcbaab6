import type { Ctx } from '@kiban/kit/context'
import { inTransaction, wake } from '@kiban/kit/context'
import { AppError } from '@kiban/kit/errors'
import { authorize } from '../../access/index.ts'
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
import { getModel, getVersionRow } from '../find-model.ts'
import { isProtected } from '../models.policy.ts'
import { listAliases } from '../models.store.ts'
import { requireReleasable } from '../promote-version.ts'
import { readSource, registerVersion } from '../register-version.ts'
import { moveAlias, removeAlias } from '../set-alias.ts'
import {
  deleteVersionTag,
  listLatestByStage,
  searchVersionRows,
  setVersionTags,
  updateVersionRow,
} from '../versions.store.ts'
import type { NamedVersionRow, VersionChange } from '../versions.store.ts'
import { readRegistryTag, withoutPrompts } from './registered-models.faces.ts'
import { versionMessages } from './registry-present.ts'
import { VERSION_VOCABULARY } from './registry-vocabulary.ts'

const STAGES = ['None', 'Staging', 'Production', 'Archived'] as const
const SHAPE = /^[\w-]+$/

export const modelVersionFaces = mlflowFaces([
  {
    method: 'POST',
    path: '/mlflow/model-versions/create',
    action: 'model.write',
    audit: 'each',
    handle: async (ctx, { project, fields }) => {
      const name = fields.requiredText('name')
      const tags = Object.fromEntries(
        fields
          .items('tags')
          .map(readRegistryTag)
          .map(({ key, value }) => [key, value]),
      )
      await getModel(ctx, project, name)
      const source = fields.requiredText('source')
      const loggedModel = fields.text('model_id')
      const { contents, origin } = await readSource(ctx, project, source)
      const runId = fields.text('run_id') || origin.runId || null
      const row = await registerVersion(ctx, {
        project,
        name,
        contents,
        origin: { ...origin, runId, ...(loggedModel ? { loggedModelId: loggedModel } : {}) },
        state: 'ready',
        description: fields.text('description') ?? '',
        tags,
        createsModel: false,
      })
      return present(ctx, row)
    },
  },
  {
    method: 'GET',
    path: '/mlflow/model-versions/get',
    action: 'model.read',
    handle: async (ctx, { project, fields }) => present(ctx, await readVersion(ctx, project, fields)),
  },
  {
    method: 'GET',
    path: '/mlflow/model-versions/get-download-uri',
    action: 'model.read',
    handle: async (ctx, { project, fields }) => ({
      artifact_uri: `mlflow-artifacts:/versions/${(await readVersion(ctx, project, fields)).id}`,
    }),
  },
  {
    method: 'PATCH',
    path: '/mlflow/model-versions/update',
    action: 'model.write',
    audit: 'each',
    handle: async (ctx, { project, fields }) => {
      const version = await readVersion(ctx, project, fields)
      await change(ctx, version, { description: fields.text('description') ?? '' }, 'model_version.update')
      return present(ctx, await readVersion(ctx, project, fields))
    },
  },
  {
    method: 'DELETE',
    path: '/mlflow/model-versions/delete',
    action: 'model.delete',
    audit: 'each',
    handle: async (ctx, { project, fields }) => {
      const version = await readVersion(ctx, project, fields)
      const aliases = (await listAliases(ctx.db, [version.model_id])).filter((row) => row.version_id === version.id)
      if (aliases.length > 0)
        throw new AppError('alias_protected', {
          message: `${version.name} v${version.number} can't be deleted: ${aliases.map((row) => row.alias).join(', ')} points at it. Move the alias first.`,
        })
      await change(ctx, version, { state: 'archived', state_reason: 'deleted' }, 'model_version.delete')
      return {}
    },
  },
  {
    method: 'POST',
    path: '/mlflow/model-versions/set-tag',
    action: 'model.write',
    audit: 'each',
    handle: async (ctx, { project, fields }) => {
      const { key, value } = readRegistryTag(fields)
      await changeTag(ctx, await readVersion(ctx, project, fields), key, value)
      return {}
    },
  },
  {
    method: 'DELETE',
    path: '/mlflow/model-versions/delete-tag',
    action: 'model.write',
    audit: 'each',
    handle: async (ctx, { project, fields }) => {
      await changeTag(ctx, await readVersion(ctx, project, fields), fields.requiredText('key'), null)
      return {}
    },
  },
  {
    method: 'POST',
    path: '/mlflow/model-versions/transition-stage',
    action: 'model.write',
    audit: 'each',
    handle: async (ctx, { project, fields }) => {
      const version = await readVersion(ctx, project, fields)
      const wanted = fields.requiredText('stage')
      const stage = STAGES.find((known) => known.toLowerCase() === wanted.toLowerCase())
      if (!stage)
        throw new MlflowError(
          'INVALID_PARAMETER_VALUE',
          `Invalid Model Version stage: ${wanted.slice(0, 100)}. Value must be one of ${STAGES.join(', ')}.`,
        )
      if (stage === 'Production') await requirePromotion(ctx, version)
      const others = fields.boolean('archive_existing_versions')
        ? (await listLatestByStage(ctx.db, [version.model_id])).filter(
            (row) => row.stage === stage && row.id !== version.id,
          )
        : []
      await inTransaction(ctx, async (ctx) => {
        for (const other of others)
          await updateVersionRow(ctx.db, other.id, { stage: 'Archived', updated_at: ctx.clock.now() })
        await change(ctx, version, { stage }, 'model_version.stage')
      })
      return present(ctx, await readVersion(ctx, project, fields))
    },
  },
  { method: 'GET', path: '/mlflow/model-versions/search', action: 'model.read', handle: searchVersions },
  {
    method: 'GET',
    path: '/mlflow/registered-models/alias',
    action: 'model.read',
    handle: async (ctx, { project, fields }) =>
      present(ctx, await getVersionRow(ctx, project, fields.requiredText('name'), `@${fields.requiredText('alias')}`)),
  },
  {
    method: 'POST',
    path: '/mlflow/registered-models/alias',
    action: 'model.write',
    audit: 'each',
    handle: async (ctx, { project, fields }) => {
      const version = await readVersion(ctx, project, fields)
      const alias = fields.requiredText('alias')
      if (isProtected(alias)) await requirePromotion(ctx, version)
      await moveAlias(ctx, { version, alias, reason: 'set by an MLflow client' })
      return {}
    },
  },
  {
    method: 'DELETE',
    path: '/mlflow/registered-models/alias',
    action: 'model.write',
    audit: 'each',
    handle: async (ctx, { project, fields }) => {
      const alias = fields.requiredText('alias')
      if (isProtected(alias))
        throw new AppError('alias_protected', { message: `The alias ${alias} is protected and can't be taken away.` })
      await removeAlias(ctx, await getModel(ctx, project, fields.requiredText('name')), alias)
      return {}
    },
  },
])

async function readVersion(ctx: Ctx, project: string, fields: Fields): Promise<NamedVersionRow> {
  const name = fields.requiredText('name')
  const number = fields.has('version') ? String(fields.integer('version') ?? '') : fields.requiredText('version')
  if (!SHAPE.test(number))
    throw new MlflowError(
      'INVALID_PARAMETER_VALUE',
      `Parameter 'version' must be an integer, got '${number.slice(0, 50)}'.`,
    )
  const row = await getVersionRow(ctx, project, name, number)
  if (row.state === 'archived')
    throw new AppError('model_version_not_found', {
      message: `Model Version (name=${name.slice(0, 250)}, version=${number}) not found`,
    })
  return row
}

/** What is protected moves only for who may promote, and only to what its gate has passed. */
async function requirePromotion(ctx: Ctx, version: NamedVersionRow): Promise<void> {
  if (!authorize(ctx.actor, 'model.promote', { project: version.project }).allow)
    throw new AppError('forbidden', {
      message: 'Releasing a model needs the action model.promote. An owner of the project can grant it.',
    })
  await requireReleasable(ctx, version)
}

async function searchVersions(ctx: Ctx, { project, fields }: { project: string; fields: Fields }) {
  await getProject(ctx, project)
  const limit = readMaxResults(fields.integer('max_results'), { fallback: 10_000, max: 200_000 })
  const offset = readPageToken(fields.text('page_token'))
  const rows = await searchVersionRows(ctx.db, {
    project,
    filter: parseFilter(withoutPrompts(fields.text('filter') ?? ''), VERSION_VOCABULARY),
    orders: parseOrderBy(fields.texts('order_by'), VERSION_VOCABULARY),
    limit: limit + 1,
    offset,
  })
  const versions = await versionMessages(ctx, rows.slice(0, limit))
  return {
    ...(versions.length > 0 ? { model_versions: versions } : {}),
    ...(rows.length > limit ? { next_page_token: pageToken(offset + limit) } : {}),
  }
}

async function present(ctx: Ctx, row: NamedVersionRow) {
  const [message] = await versionMessages(ctx, [row])
  return { model_version: message }
}

async function change(
  ctx: Ctx,
  version: NamedVersionRow,
  set: Omit<VersionChange, 'updated_at'>,
  action: string,
): Promise<void> {
  await inTransaction(ctx, async (ctx) => {
    await updateVersionRow(ctx.db, version.id, { ...set, updated_at: ctx.clock.now() })
    await recordAudit(ctx, {
      action,
      resource: { kind: 'model_version', id: version.id },
      project: version.project,
      before: { stage: version.stage, state: version.state },
      after: { stage: set.stage ?? version.stage, state: set.state ?? version.state },
    })
    wake(ctx, 'endpoints')
  })
}

async function changeTag(ctx: Ctx, version: NamedVersionRow, key: string, value: string | null): Promise<void> {
  await inTransaction(ctx, async (ctx) => {
    if (value !== null) await setVersionTags(ctx.db, version.id, { [key]: value })
    else if (!(await deleteVersionTag(ctx.db, version.id, key)))
      throw new AppError('not_found', {
        message: `No tag with name: ${key.slice(0, 250)} in ${version.name} v${version.number}`,
      })
    await recordAudit(ctx, {
      action: 'model_version.update',
      resource: { kind: 'model_version', id: version.id },
      project: version.project,
      details: { tag: key, removed: value === null },
    })
  })
}
