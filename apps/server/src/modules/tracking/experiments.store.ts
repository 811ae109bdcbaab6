import { sql } from 'kysely'
import type { RawBuilder } from 'kysely'
import type { Db } from '@kiban/kit/database'
import { compareColumn, filterCondition } from './search/filter-sql.ts'
import type { Order } from './search/order-by.ts'
import type { Comparison, Filter } from './search/search-grammar.ts'

export type Lifecycle = 'active' | 'deleted'
export type ExperimentRow = {
  readonly project: string
  readonly id: number
  readonly name: string
  readonly state: Lifecycle
  readonly artifact_location: string | null
  readonly created_by: string
  readonly created_at: number
  readonly updated_at: number
}

type ExperimentTagTable = { project: string; experiment_id: number; key: string; value: string }
declare module '@kiban/kit/database' {
  interface Tables {
    experiment_counters: { project: string; next_id: number }
    experiments: { -readonly [K in keyof ExperimentRow]: ExperimentRow[K] }
    experiment_tags: ExperimentTagTable
  }
}

export async function findExperiment(db: Db, project: string, id: number): Promise<ExperimentRow | undefined> {
  return db.selectFrom('experiments').selectAll().where('project', '=', project).where('id', '=', id).executeTakeFirst()
}

export async function findExperimentByName(db: Db, project: string, name: string): Promise<ExperimentRow | undefined> {
  return db
    .selectFrom('experiments')
    .selectAll()
    .where('project', '=', project)
    .where('name', '=', name)
    .executeTakeFirst()
}

/** Takes the project's next experiment number; 0 is `Default`, so the first is 1. */
export async function takeExperimentId(db: Db, project: string): Promise<number> {
  await db
    .insertInto('experiment_counters')
    .values({ project, next_id: 1 })
    .onConflict((c) => c.doNothing())
    .execute()
  const { next_id } = await db
    .updateTable('experiment_counters')
    .set((e) => ({ next_id: e('next_id', '+', 1) }))
    .where('project', '=', project)
    .returning('next_id')
    .executeTakeFirstOrThrow()
  return next_id - 1
}

/** Inserts; false when the id or name is taken already. */
export async function insertExperiment(db: Db, row: ExperimentRow): Promise<boolean> {
  const result = await db
    .insertInto('experiments')
    .values(row)
    .onConflict((c) => c.doNothing())
    .executeTakeFirst()
  return Number(result.numInsertedOrUpdatedRows) > 0
}

export async function updateExperimentRow(
  db: Db,
  project: string,
  id: number,
  change: { name?: string; state?: Lifecycle; updated_at: number },
): Promise<void> {
  await db.updateTable('experiments').set(change).where('project', '=', project).where('id', '=', id).execute()
}

export async function setExperimentTags(
  db: Db,
  project: string,
  id: number,
  tags: Readonly<Record<string, string>>,
): Promise<void> {
  for (const [key, value] of Object.entries(tags))
    await db
      .insertInto('experiment_tags')
      .values({ project, experiment_id: id, key, value })
      .onConflict((c) => c.columns(['project', 'experiment_id', 'key']).doUpdateSet({ value }))
      .execute()
}

/** Deletes one tag; false when there is none. */
export async function deleteExperimentTagRow(db: Db, project: string, id: number, key: string): Promise<boolean> {
  const result = await db
    .deleteFrom('experiment_tags')
    .where('project', '=', project)
    .where('experiment_id', '=', id)
    .where('key', '=', key)
    .executeTakeFirst()
  return Number(result.numDeletedRows) > 0
}

export async function listExperimentTags(
  db: Db,
  project: string,
  ids: readonly number[],
): Promise<Map<number, Record<string, string>>> {
  const tags = new Map<number, Record<string, string>>(ids.map((id) => [id, {}]))
  if (ids.length === 0) return tags
  for (const row of await db
    .selectFrom('experiment_tags')
    .selectAll()
    .where('project', '=', project)
    .where('experiment_id', 'in', ids)
    .orderBy('key')
    .execute()) {
    const ofExperiment = tags.get(row.experiment_id)
    if (ofExperiment) ofExperiment[row.key] = row.value
  }
  return tags
}

/** Count and newest start of the runs that are not deleted, by experiment. */
export async function countRuns(
  db: Db,
  project: string,
  ids: readonly number[],
): Promise<Map<number, { count: number; lastRunAt: number | null }>> {
  if (ids.length === 0) return new Map()
  const rows = await db
    .selectFrom('runs')
    .select((e) => [
      'experiment_id',
      e.fn.countAll<number>().as('count'),
      e.fn.max<number | null>('start_time').as('last'),
    ])
    .where('project', '=', project)
    .where('state', '=', 'active')
    .where('experiment_id', 'in', ids)
    .groupBy('experiment_id')
    .execute()
  return new Map(rows.map((row) => [row.experiment_id, { count: Number(row.count), lastRunAt: row.last }]))
}

/** Experiments whose name holds `search`, newest activity first. */
export async function listExperimentRows(
  db: Db,
  input: { project: string; state: Lifecycle | 'all'; search: string; limit: number; offset: number },
): Promise<ExperimentRow[]> {
  let query = db.selectFrom('experiments').selectAll().where('project', '=', input.project)
  if (input.state !== 'all') query = query.where('state', '=', input.state)
  if (input.search !== '') query = query.where(sql<boolean>`lower(name) like ${`%${input.search.toLowerCase()}%`}`)
  return query.orderBy('updated_at', 'desc').orderBy('id', 'desc').limit(input.limit).offset(input.offset).execute()
}

export type ExperimentSearch = {
  readonly project: string
  readonly state: Lifecycle | 'all'
  readonly filter: Filter | undefined
  readonly orders: readonly Order[]
  readonly limit: number
  readonly offset: number
}

/** Experiments that match, by the given orders; newest first when there is none. */
export async function searchExperimentRows(db: Db, search: ExperimentSearch): Promise<ExperimentRow[]> {
  const conditions = [sql<boolean>`x.project = ${search.project}`]
  if (search.state !== 'all') conditions.push(sql<boolean>`x.state = ${search.state}`)
  if (search.filter) conditions.push(filterCondition(search.filter, compareExperiment))
  const orders = search.orders.map(
    ({ field, descending }) => sql`${experimentColumn(field.key)} ${descending ? sql`desc` : sql`asc`}`,
  )
  const fallback = orders.length > 0 ? sql`x.id desc` : sql`x.created_at desc, x.id asc`
  const result = await sql<ExperimentRow>`
    select x.* from experiments x where ${sql.join(conditions, sql` and `)}
    order by ${sql.join([...orders, fallback])} limit ${search.limit} offset ${search.offset}`.execute(db)
  return result.rows
}

function compareExperiment(comparison: Comparison): RawBuilder<boolean> {
  if (comparison.entity !== 'tag') return compareColumn(experimentColumn(comparison.key), comparison)
  // The number alone is not unique across projects.
  const rows = sql`select 1 from experiment_tags k where k.project = x.project and k.experiment_id = x.id and k.key = ${comparison.key}`
  if (comparison.operator === 'IS NULL') return sql<boolean>`not exists (${rows})`
  if (comparison.operator === 'IS NOT NULL') return sql<boolean>`exists (${rows})`
  return sql<boolean>`exists (${rows} and ${compareColumn(sql.ref('k.value'), comparison)})`
}

function experimentColumn(name: string): RawBuilder<unknown> {
  if (name === 'name') return sql.ref('x.name')
  if (name === 'experiment_id') return sql.ref('x.id')
  return sql.ref(name === 'creation_time' ? 'x.created_at' : 'x.updated_at')
}

/** Experiments whose name holds `text` (lower case), in one project or in all. */
export async function searchExperimentNames(
  db: Db,
  text: string,
  project: string | undefined,
): Promise<ExperimentRow[]> {
  let query = db
    .selectFrom('experiments')
    .selectAll()
    .where('state', '=', 'active')
    .where(sql<boolean>`lower(name) like ${`%${text}%`}`)
  if (project !== undefined) query = query.where('project', '=', project)
  return query.orderBy('updated_at', 'desc').limit(10).execute()
}
