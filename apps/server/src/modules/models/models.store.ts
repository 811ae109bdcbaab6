import { sql } from 'kysely'
import type { RawBuilder } from 'kysely'
import type { Db } from '@kiban/kit/database'
import { compareColumn, filterCondition, keyedCondition } from '../tracking/index.ts'
import type { Comparison, Filter, Order } from '../tracking/index.ts'

export type RegisteredModelRow = {
  readonly id: string
  readonly project: string
  readonly name: string
  readonly description: string
  /** The model's part of the project file, as JSON; null when only a client registered it. */
  readonly spec: string | null
  readonly next_number: number
  readonly archived: number
  readonly created_by: string
  readonly created_at: number
  readonly updated_at: number
}
export type AliasRow = {
  readonly model_id: string
  readonly alias: string
  readonly version_id: string
  readonly number: number
  readonly updated_at: number
}
export type AliasMoveRow = {
  readonly id: string
  readonly model_id: string
  readonly alias: string
  readonly from_number: number | null
  readonly to_number: number | null
  readonly reason: string
  readonly override: number
  readonly actor: string
  readonly at: number
}

type Writable<T> = { -readonly [K in keyof T]: T[K] }
declare module '@kiban/kit/database' {
  interface Tables {
    registered_models: Writable<RegisteredModelRow>
    registered_model_tags: { model_id: string; key: string; value: string }
    model_aliases: Writable<AliasRow>
    alias_moves: Writable<AliasMoveRow>
  }
}

export async function findModel(db: Db, project: string, name: string): Promise<RegisteredModelRow | undefined> {
  return db
    .selectFrom('registered_models')
    .selectAll()
    .where('project', '=', project)
    .where('name', '=', name)
    .where('archived', '=', 0)
    .executeTakeFirst()
}

export async function findModelById(db: Db, id: string): Promise<RegisteredModelRow | undefined> {
  return db.selectFrom('registered_models').selectAll().where('id', '=', id).executeTakeFirst()
}

/** Also an archived one, whose name stays taken. */
export async function findModelOfAnyState(
  db: Db,
  project: string,
  name: string,
): Promise<RegisteredModelRow | undefined> {
  return db
    .selectFrom('registered_models')
    .selectAll()
    .where('project', '=', project)
    .where('name', '=', name)
    .executeTakeFirst()
}

export async function insertModel(db: Db, row: RegisteredModelRow): Promise<boolean> {
  const result = await db
    .insertInto('registered_models')
    .values(row)
    .onConflict((c) => c.doNothing())
    .executeTakeFirst()
  return Number(result.numInsertedOrUpdatedRows) > 0
}

export async function updateModelRow(
  db: Db,
  id: string,
  change: { name?: string; description?: string; spec?: string | null; archived?: number; updated_at: number },
): Promise<void> {
  await db.updateTable('registered_models').set(change).where('id', '=', id).execute()
}

/** Takes the next version number of a model. */
export async function takeVersionNumber(db: Db, modelId: string, updatedAt: number): Promise<number> {
  const { next_number } = await db
    .updateTable('registered_models')
    .set((e) => ({ next_number: e('next_number', '+', 1), updated_at: updatedAt }))
    .where('id', '=', modelId)
    .returning('next_number')
    .executeTakeFirstOrThrow()
  return next_number - 1
}

export async function listModelRows(
  db: Db,
  project: string,
  page: { limit: number; offset: number },
): Promise<RegisteredModelRow[]> {
  return db
    .selectFrom('registered_models')
    .selectAll()
    .where('project', '=', project)
    .where('archived', '=', 0)
    .orderBy('name')
    .limit(page.limit)
    .offset(page.offset)
    .execute()
}

export async function setModelTags(
  db: Db,
  modelId: string,
  tags: Readonly<Record<string, string | null>>,
): Promise<void> {
  for (const [key, value] of Object.entries(tags))
    if (value === null) await deleteModelTag(db, modelId, key)
    else
      await db
        .insertInto('registered_model_tags')
        .values({ model_id: modelId, key, value })
        .onConflict((c) => c.columns(['model_id', 'key']).doUpdateSet({ value }))
        .execute()
}

export async function deleteModelTag(db: Db, modelId: string, key: string): Promise<boolean> {
  return (
    Number(
      (
        await db
          .deleteFrom('registered_model_tags')
          .where('model_id', '=', modelId)
          .where('key', '=', key)
          .executeTakeFirst()
      ).numDeletedRows,
    ) > 0
  )
}

export async function listModelTags(db: Db, modelIds: readonly string[]): Promise<Map<string, Record<string, string>>> {
  const tags = new Map<string, Record<string, string>>()
  if (modelIds.length === 0) return tags
  for (const row of await db
    .selectFrom('registered_model_tags')
    .selectAll()
    .where('model_id', 'in', modelIds)
    .orderBy('key')
    .execute())
    tags.set(row.model_id, { ...tags.get(row.model_id), [row.key]: row.value })
  return tags
}

export async function findAlias(db: Db, modelId: string, alias: string): Promise<AliasRow | undefined> {
  return db
    .selectFrom('model_aliases')
    .selectAll()
    .where('model_id', '=', modelId)
    .where('alias', '=', alias)
    .executeTakeFirst()
}

export async function listAliases(db: Db, modelIds: readonly string[]): Promise<AliasRow[]> {
  if (modelIds.length === 0) return []
  return db.selectFrom('model_aliases').selectAll().where('model_id', 'in', modelIds).orderBy('alias').execute()
}

/** Points an alias at a version only if it is where `expected` says (null: nowhere); false when it was moved meanwhile. */
export async function moveAliasRow(db: Db, row: AliasRow, expected: string | null): Promise<boolean> {
  if (expected === null)
    return (
      Number(
        (
          await db
            .insertInto('model_aliases')
            .values(row)
            .onConflict((c) => c.doNothing())
            .executeTakeFirst()
        ).numInsertedOrUpdatedRows,
      ) > 0
    )
  const result = await db
    .updateTable('model_aliases')
    .set({ version_id: row.version_id, number: row.number, updated_at: row.updated_at })
    .where('model_id', '=', row.model_id)
    .where('alias', '=', row.alias)
    .where('version_id', '=', expected)
    .executeTakeFirst()
  return Number(result.numUpdatedRows) > 0
}

export async function deleteAliasRow(db: Db, modelId: string, alias: string): Promise<boolean> {
  return (
    Number(
      (
        await db
          .deleteFrom('model_aliases')
          .where('model_id', '=', modelId)
          .where('alias', '=', alias)
          .executeTakeFirst()
      ).numDeletedRows,
    ) > 0
  )
}

export async function insertAliasMove(db: Db, row: AliasMoveRow): Promise<void> {
  await db.insertInto('alias_moves').values(row).execute()
}

export async function listAliasMoveRows(
  db: Db,
  modelId: string,
  page: { alias?: string | undefined; limit: number; offset: number },
): Promise<AliasMoveRow[]> {
  let query = db.selectFrom('alias_moves').selectAll().where('model_id', '=', modelId)
  if (page.alias !== undefined) query = query.where('alias', '=', page.alias)
  return query.orderBy('id', 'desc').limit(page.limit).offset(page.offset).execute()
}

/** Registered models that match, by the given orders, then by name. */
export async function searchModelRows(
  db: Db,
  search: { project: string; filter: Filter | undefined; orders: readonly Order[]; limit: number; offset: number },
): Promise<RegisteredModelRow[]> {
  const conditions = [sql<boolean>`m.project = ${search.project} and m.archived = 0`]
  if (search.filter) conditions.push(filterCondition(search.filter, compareModel))
  const orders = search.orders.map(
    ({ field, descending }) => sql`${modelColumn(field.key)} ${descending ? sql`desc` : sql`asc`}`,
  )
  const result = await sql<RegisteredModelRow>`
    select m.* from registered_models m where ${sql.join(conditions, sql` and `)}
    order by ${sql.join([...orders, sql`m.name asc`])} limit ${search.limit} offset ${search.offset}`.execute(db)
  return result.rows
}

/** MLflow keeps prompts in the registry, marked by a tag; what has not the tag is no prompt. */
export const PROMPT_TAG = 'mlflow.prompt.is_prompt'

/** Whether a comparison asks for what is no prompt: `!= 'true'` or `= 'false'`. */
export function excludesPrompts({ entity, key, operator, value }: Comparison): boolean {
  return (
    entity === 'tag' &&
    key === PROMPT_TAG &&
    ((operator === '!=' && value === 'true') || (operator === '=' && value === 'false'))
  )
}

function compareModel(comparison: Comparison): RawBuilder<boolean> {
  if (excludesPrompts(comparison))
    return sql<boolean>`not exists (select 1 from registered_model_tags k where k.model_id = m.id and k.key = ${PROMPT_TAG} and k.value = 'true')`
  if (comparison.entity === 'tag')
    return keyedCondition({
      table: 'registered_model_tags',
      owner: sql.ref('m.id'),
      ownerColumn: 'model_id',
      column: sql.ref('k.value'),
      comparison,
    })
  return compareColumn(modelColumn(comparison.key), comparison)
}

function modelColumn(name: string): RawBuilder<unknown> {
  if (name === 'name') return sql.ref('m.name')
  return sql.ref(name === 'creation_timestamp' ? 'm.created_at' : 'm.updated_at')
}

/** Models whose name holds `text` (lower case), in one project or in all. */
export async function searchModelNames(
  db: Db,
  text: string,
  project: string | undefined,
): Promise<RegisteredModelRow[]> {
  let query = db
    .selectFrom('registered_models')
    .selectAll()
    .where('archived', '=', 0)
    .where(sql<boolean>`lower(name) like ${`%${text}%`}`)
  if (project !== undefined) query = query.where('project', '=', project)
  return query.orderBy('name').limit(20).execute()
}
