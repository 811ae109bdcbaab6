import type { Ctx } from '@kiban/kit/context'
import { listAliases, listModelTags } from '../models.store.ts'
import type { RegisteredModelRow } from '../models.store.ts'
import { listLatestByStage, listVersionTags } from '../versions.store.ts'
import type { NamedVersionRow } from '../versions.store.ts'

const pairs = (tags: Readonly<Record<string, string>> | undefined) => {
  const list = Object.entries(tags ?? {}).map(([key, value]) => ({ key, value }))
  return list.length > 0 ? { tags: list } : {}
}

/** Registered models as MLflow presents them, with the newest version of each stage. */
export async function modelMessages(ctx: Ctx, rows: readonly RegisteredModelRow[]) {
  const ids = rows.map((row) => row.id)
  const tags = await listModelTags(ctx.db, ids)
  const aliases = await listAliases(ctx.db, ids)
  const latest = await listLatestByStage(ctx.db, ids)
  const messages = new Map((await versionMessages(ctx, latest)).map((message, i) => [latest[i]?.id, message]))
  return rows.map((row) => {
    const own = latest
      .filter((version) => version.model_id === row.id)
      .flatMap((version) => messages.get(version.id) ?? [])
    const ownAliases = aliases.filter((alias) => alias.model_id === row.id)
    return {
      name: row.name,
      creation_timestamp: row.created_at,
      last_updated_timestamp: row.updated_at,
      ...(row.description === '' ? {} : { description: row.description }),
      ...(own.length > 0 ? { latest_versions: own } : {}),
      ...pairs(tags.get(row.id)),
      ...(ownAliases.length > 0
        ? { aliases: ownAliases.map(({ alias, number }) => ({ alias, version: String(number) })) }
        : {}),
    }
  })
}

export async function versionMessages(ctx: Ctx, rows: readonly NamedVersionRow[]) {
  const tags = await listVersionTags(
    ctx.db,
    rows.map((row) => row.id),
  )
  const aliases = await listAliases(ctx.db, [...new Set(rows.map((row) => row.model_id))])
  return rows.map((row) => {
    const own = aliases.filter((alias) => alias.version_id === row.id).map(({ alias }) => alias)
    return {
      name: row.name,
      version: String(row.number),
      creation_timestamp: row.created_at,
      last_updated_timestamp: row.updated_at,
      user_id: row.created_by,
      current_stage: row.stage,
      ...(row.description === '' ? {} : { description: row.description }),
      source: row.source,
      ...(row.run_id === null ? {} : { run_id: row.run_id }),
      ...(row.logged_model_id === null ? {} : { model_id: row.logged_model_id }),
      status: row.state === 'pending' ? 'PENDING_REGISTRATION' : 'READY',
      ...pairs(tags.get(row.id)),
      ...(own.length > 0 ? { aliases: own } : {}),
    }
  })
}
