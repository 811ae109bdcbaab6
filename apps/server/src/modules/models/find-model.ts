import type { Ctx } from '@kiban/kit/context'
import { AppError } from '@kiban/kit/errors'
import { parseModelUri } from './model-uri.ts'
import { findAlias, findModel } from './models.store.ts'
import type { RegisteredModelRow } from './models.store.ts'
import { findLatestVersion, findVersion, findVersionById } from './versions.store.ts'
import type { NamedVersionRow } from './versions.store.ts'

/** Throws `model_not_found`. */
export async function getModel(ctx: Ctx, project: string, name: string): Promise<RegisteredModelRow> {
  const row = await findModel(ctx.db, project, name)
  if (!row)
    throw new AppError('model_not_found', { message: `Registered Model with name=${name.slice(0, 250)} not found` })
  return row
}

/** A version by number, or by `@alias`; throws `model_not_found`, `model_version_not_found`, `alias_not_found`. */
export async function getVersionRow(
  ctx: Ctx,
  project: string,
  name: string,
  version: string,
): Promise<NamedVersionRow> {
  const model = await getModel(ctx, project, name)
  const alias = version.startsWith('@') ? await findAlias(ctx.db, model.id, version.slice(1)) : undefined
  if (version.startsWith('@') && !alias)
    throw new AppError('alias_not_found', { message: `Registered model alias ${version.slice(1)} not found.` })
  const row = alias
    ? await findVersionById(ctx.db, alias.version_id)
    : await findVersion(ctx.db, model.id, Number(version))
  if (!row)
    throw new AppError('model_version_not_found', {
      message: `Model Version (name=${name.slice(0, 250)}, version=${version}) not found`,
    })
  return row
}

/** The version behind `models:/name/3`, `models:/name@alias` or `models:/name` (newest); throws as getVersionRow. */
export async function findByUri(ctx: Ctx, project: string, uri: string): Promise<NamedVersionRow> {
  const { name, version } = parseModelUri(uri)
  if (version !== null && version !== 'latest') return getVersionRow(ctx, project, name, version)
  const model = await getModel(ctx, project, name)
  const row = await findLatestVersion(ctx.db, model.id)
  if (!row) throw new AppError('model_version_not_found', { message: `The model ${name} has no version yet.` })
  return row
}
