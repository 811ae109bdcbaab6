import { sql } from 'kysely'
import type { RawBuilder } from 'kysely'
import type { ModelVersionState } from '@kiban/contract/models'
import type { Db } from '@kiban/kit/database'
import { compareColumn, filterCondition, keyedCondition } from '../tracking/index.ts'
import type { Comparison, Filter, Order } from '../tracking/index.ts'
import { excludesPrompts, PROMPT_TAG } from './models.store.ts'

export type VersionRow = {
  readonly id: string
  readonly project: string
  readonly model_id: string
  readonly number: number
  readonly state: ModelVersionState
  readonly state_reason: string
  readonly manifest: string
  readonly size_bytes: number
  readonly signature: string | null
  readonly flavours: string
  readonly source: string
  /** MLflow's old stages: None, Staging, Production, Archived. */
  readonly stage: string
  readonly logged_model_id: string | null
  readonly run_id: string | null
  readonly experiment_id: string | null
  readonly pipeline_run_id: string | null
  readonly step_run_id: string | null
  readonly training_version_id: string | null
  readonly training_tree: string | null
  readonly evaluation_tree: string | null
  readonly environment_id: string | null
  readonly environment_lock: string | null
  readonly code_manifest: string | null
  readonly description: string
  readonly card: string
  readonly importances: string | null
  readonly importance_metric: string | null
  readonly created_by: string
  readonly created_at: number
  readonly updated_at: number
}
/** A version with its model's name. */
export type NamedVersionRow = VersionRow & { readonly name: string }

type Writable<T> = { -readonly [K in keyof T]: T[K] }
declare module '@kiban/kit/database' {
  interface Tables {
    model_versions: Writable<VersionRow>
    model_version_tags: { version_id: string; key: string; value: string }
  }
}

const named = (db: Db) =>
  db
    .selectFrom('model_versions')
    .innerJoin('registered_models', 'registered_models.id', 'model_versions.model_id')
    .selectAll('model_versions')
    .select('registered_models.name as name')

export async function findVersion(db: Db, modelId: string, number: number): Promise<NamedVersionRow | undefined> {
  return named(db)
    .where('model_versions.model_id', '=', modelId)
    .where('model_versions.number', '=', number)
    .executeTakeFirst()
}

export async function findVersionById(db: Db, id: string): Promise<NamedVersionRow | undefined> {
  return named(db).where('model_versions.id', '=', id).executeTakeFirst()
}

export async function findVersionByStep(db: Db, stepRunId: string): Promise<NamedVersionRow | undefined> {
  return named(db).where('model_versions.step_run_id', '=', stepRunId).executeTakeFirst()
}

export async function findLatestVersion(db: Db, modelId: string): Promise<NamedVersionRow | undefined> {
  return named(db)
    .where('model_versions.model_id', '=', modelId)
    .where('model_versions.state', '!=', 'archived')
    .orderBy('model_versions.number', 'desc')
    .limit(1)
    .executeTakeFirst()
}

export async function insertVersion(db: Db, row: VersionRow): Promise<void> {
  await db.insertInto('model_versions').values(row).execute()
}

export type VersionChange = {
  state?: ModelVersionState
  state_reason?: string
  stage?: string
  description?: string
  card?: string
  importances?: string
  importance_metric?: string
  updated_at: number
}

export async function updateVersionRow(db: Db, id: string, change: VersionChange): Promise<void> {
  await db.updateTable('model_versions').set(change).where('id', '=', id).execute()
}

export async function listVersionRows(
  db: Db,
  modelId: string,
  page: { limit: number; offset: number },
): Promise<NamedVersionRow[]> {
  return named(db)
    .where('model_versions.model_id', '=', modelId)
    .orderBy('model_versions.number', 'desc')
    .limit(page.limit)
    .offset(page.offset)
    .execute()
}

/** How many versions each model has, its newest number and those that wait for an approval. */
export async function summarizeVersions(
  db: Db,
  modelIds: readonly string[],
): Promise<Map<string, { count: number; latest: number | null; waiting: number[] }>> {
  if (modelIds.length === 0) return new Map()
  const rows = await db
    .selectFrom('model_versions')
    .select((e) => ['model_id', e.fn.countAll<number>().as('count'), e.fn.max<number | null>('number').as('latest')])
    .where('model_id', 'in', modelIds)
    .groupBy('model_id')
    .execute()
  const waiting = await db
    .selectFrom('model_versions')
    .select(['model_id', 'number'])
    .where('model_id', 'in', modelIds)
    .where('state', '=', 'awaiting_approval')
    .orderBy('number')
    .execute()
  return new Map(
    rows.map((row) => [
      row.model_id,
      {
        count: Number(row.count),
        latest: row.latest,
        waiting: waiting.filter((other) => other.model_id === row.model_id).map((other) => other.number),
      },
    ]),
  )
}

export async function setVersionTags(
  db: Db,
  versionId: string,
  tags: Readonly<Record<string, string | null>>,
): Promise<void> {
  for (const [key, value] of Object.entries(tags))
    if (value === null) await deleteVersionTag(db, versionId, key)
    else
      await db
        .insertInto('model_version_tags')
        .values({ version_id: versionId, key, value })
        .onConflict((c) => c.columns(['version_id', 'key']).doUpdateSet({ value }))
        .execute()
}

export async function deleteVersionTag(db: Db, versionId: string, key: string): Promise<boolean> {
  return (
    Number(
      (
        await db
          .deleteFrom('model_version_tags')
          .where('version_id', '=', versionId)
          .where('key', '=', key)
          .executeTakeFirst()
      ).numDeletedRows,
    ) > 0
  )
}

export async function listVersionTags(
  db: Db,
  versionIds: readonly string[],
): Promise<Map<string, Record<string, string>>> {
  const tags = new Map<string, Record<string, string>>()
  if (versionIds.length === 0) return tags
  for (const row of await db
    .selectFrom('model_version_tags')
    .selectAll()
    .where('version_id', 'in', versionIds)
    .orderBy('key')
    .execute())
    tags.set(row.version_id, { ...tags.get(row.version_id), [row.key]: row.value })
  return tags
}

/** Versions of a project that match, by the given orders, then newest change first. */
export async function searchVersionRows(
  db: Db,
  search: { project: string; filter: Filter | undefined; orders: readonly Order[]; limit: number; offset: number },
): Promise<NamedVersionRow[]> {
  const conditions = [sql<boolean>`m.project = ${search.project} and m.archived = 0 and v.state <> 'archived'`]
  if (search.filter) conditions.push(filterCondition(search.filter, compareVersion))
  const orders = search.orders.map(
    ({ field, descending }) => sql`${versionColumn(field.key)} ${descending ? sql`desc` : sql`asc`}`,
  )
  const result = await sql<NamedVersionRow>`
    select v.*, m.name from model_versions v join registered_models m on m.id = v.model_id where ${sql.join(conditions, sql` and `)}
    order by ${sql.join([...orders, sql`v.updated_at desc, m.name asc, v.number desc`])} limit ${search.limit} offset ${search.offset}`.execute(
    db,
  )
  return result.rows
}

function compareVersion(comparison: Comparison): RawBuilder<boolean> {
  if (excludesPrompts(comparison))
    return sql<boolean>`not exists (select 1 from model_version_tags k where k.version_id = v.id and k.key = ${PROMPT_TAG} and k.value = 'true')`
  if (comparison.entity === 'tag')
    return keyedCondition({
      table: 'model_version_tags',
      owner: sql.ref('v.id'),
      ownerColumn: 'version_id',
      column: sql.ref('k.value'),
      comparison,
    })
  return compareColumn(versionColumn(comparison.key), comparison)
}

function versionColumn(name: string): RawBuilder<unknown> {
  switch (name) {
    case 'name':
      return sql.ref('m.name')
    case 'version_number':
      return sql.ref('v.number')
    case 'run_id':
      return sql.ref('v.run_id')
    case 'source_path':
      return sql.ref('v.source')
    case 'creation_timestamp':
      return sql.ref('v.created_at')
    case 'last_updated_timestamp':
      return sql.ref('v.updated_at')
    default:
      throw new TypeError(`model versions have no attribute ${name}`) // the vocabulary names no other
  }
}

/** Archives every version of a model. */
export async function archiveVersions(db: Db, modelId: string, reason: string, updatedAt: number): Promise<void> {
  await db
    .updateTable('model_versions')
    .set({ state: 'archived', state_reason: reason, updated_at: updatedAt })
    .where('model_id', '=', modelId)
    .execute()
}

/** The newest version of each of MLflow's stages. */
export async function listLatestByStage(db: Db, modelIds: readonly string[]): Promise<NamedVersionRow[]> {
  if (modelIds.length === 0) return []
  const newest = db
    .selectFrom('model_versions')
    .select((e) => ['model_id', 'stage', e.fn.max('number').as('number')])
    .where('model_id', 'in', modelIds)
    .where('state', '!=', 'archived')
    .groupBy(['model_id', 'stage'])
    .as('newest')
  return named(db)
    .innerJoin(newest, (join) =>
      join
        .onRef('newest.model_id', '=', 'model_versions.model_id')
        .onRef('newest.number', '=', 'model_versions.number'),
    )
    .orderBy('model_versions.number')
    .execute()
}

export async function listVersionsById(db: Db, ids: readonly string[]): Promise<NamedVersionRow[]> {
  return ids.length === 0 ? [] : named(db).where('model_versions.id', 'in', ids).execute()
}
