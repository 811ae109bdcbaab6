import { sql } from 'kysely'
import type { RawBuilder } from 'kysely'
import type { Db } from '@kiban/kit/database'
import type { Lifecycle } from './experiments.store.ts'
import { inChunks } from './runs.store.ts'
import type { KeyValue } from './runs.store.ts'
import { compareColumn, filterCondition, keyedCondition } from './search/filter-sql.ts'
import type { Comparison, Filter } from './search/search-grammar.ts'

export type LoggedModelStatus = 'unspecified' | 'pending' | 'ready' | 'failed'
export type LoggedModelRow = {
  readonly id: string
  readonly project: string
  readonly experiment_id: number
  readonly name: string
  readonly model_type: string
  readonly source_run_id: string | null
  readonly status: LoggedModelStatus
  readonly status_message: string | null
  readonly state: Lifecycle
  readonly created_by: string
  readonly created_at: number
  readonly updated_at: number
}
export type LoggedModelMetricRow = {
  readonly model_id: string
  readonly run_id: string
  readonly key: string
  readonly step: number
  readonly timestamp: number
  readonly value: number
  readonly is_nan: number
  /** '' when the metric names no data set. */
  readonly dataset_name: string
  readonly dataset_digest: string
}

type Writable<T> = { -readonly [K in keyof T]: T[K] }
declare module '@kiban/kit/database' {
  interface Tables {
    logged_models: Writable<LoggedModelRow>
    logged_model_params: { model_id: string; key: string; value: string }
    logged_model_tags: { model_id: string; key: string; value: string }
    logged_model_metrics: Writable<LoggedModelMetricRow>
  }
}

export async function findLoggedModel(db: Db, project: string, id: string): Promise<LoggedModelRow | undefined> {
  return db
    .selectFrom('logged_models')
    .selectAll()
    .where('id', '=', id)
    .where('project', '=', project)
    .where('state', '=', 'active')
    .executeTakeFirst()
}

export async function listLoggedModelsById(db: Db, project: string, ids: readonly string[]): Promise<LoggedModelRow[]> {
  const rows: LoggedModelRow[] = []
  for (const chunk of inChunks(ids))
    rows.push(
      ...(await db
        .selectFrom('logged_models')
        .selectAll()
        .where('project', '=', project)
        .where('id', 'in', chunk)
        .where('state', '=', 'active')
        .execute()),
    )
  return rows
}

export async function insertLoggedModel(db: Db, row: LoggedModelRow): Promise<void> {
  await db.insertInto('logged_models').values(row).execute()
}

export async function updateLoggedModelRow(
  db: Db,
  id: string,
  change: { status?: LoggedModelStatus; state?: Lifecycle; updated_at: number },
): Promise<void> {
  await db.updateTable('logged_models').set(change).where('id', '=', id).execute()
}

export async function setLoggedModelPairs(
  db: Db,
  table: 'logged_model_params' | 'logged_model_tags',
  id: string,
  pairs: readonly KeyValue[],
): Promise<void> {
  if (pairs.length === 0) return
  await db
    .insertInto(table)
    .values(pairs.map((pair) => ({ model_id: id, key: pair.key, value: pair.value })))
    .onConflict((c) => c.columns(['model_id', 'key']).doUpdateSet((e) => ({ value: e.ref('excluded.value') })))
    .execute()
}

export async function deleteLoggedModelTagRow(db: Db, id: string, key: string): Promise<boolean> {
  return (
    Number(
      (await db.deleteFrom('logged_model_tags').where('model_id', '=', id).where('key', '=', key).executeTakeFirst())
        .numDeletedRows,
    ) > 0
  )
}

/** Keeps the newest value of a model's metric by run and data set. */
export async function upsertLoggedModelMetrics(db: Db, rows: readonly LoggedModelMetricRow[]): Promise<void> {
  for (const row of rows)
    await db
      .insertInto('logged_model_metrics')
      .values(row)
      .onConflict((c) =>
        c
          .columns(['model_id', 'key', 'run_id', 'dataset_name', 'dataset_digest'])
          .doUpdateSet({ step: row.step, timestamp: row.timestamp, value: row.value, is_nan: row.is_nan })
          .where(
            sql<boolean>`(${row.step}, ${row.timestamp}) >= (logged_model_metrics.step, logged_model_metrics.timestamp)`,
          ),
      )
      .execute()
}

export async function listLoggedModelPairs(
  db: Db,
  table: 'logged_model_params' | 'logged_model_tags',
  ids: readonly string[],
): Promise<{ model_id: string; key: string; value: string }[]> {
  const rows: { model_id: string; key: string; value: string }[] = []
  for (const chunk of inChunks(ids))
    rows.push(...(await db.selectFrom(table).selectAll().where('model_id', 'in', chunk).orderBy('key').execute()))
  return rows
}

export async function listLoggedModelMetrics(db: Db, ids: readonly string[]): Promise<LoggedModelMetricRow[]> {
  const rows: LoggedModelMetricRow[] = []
  for (const chunk of inChunks(ids))
    rows.push(
      ...(await db
        .selectFrom('logged_model_metrics')
        .selectAll()
        .where('model_id', 'in', chunk)
        .orderBy('key')
        .execute()),
    )
  return rows
}

export type LoggedModelOrder = {
  readonly entity: 'attribute' | 'metric'
  readonly key: string
  readonly ascending: boolean
  readonly dataset?: { name: string; digest: string | undefined } | undefined
}
export type LoggedModelSearch = {
  readonly project: string
  readonly experimentIds: readonly number[]
  readonly filter: Filter | undefined
  readonly datasets: readonly { readonly name: string; readonly digest: string | undefined }[]
  readonly orders: readonly LoggedModelOrder[]
  readonly limit: number
  readonly offset: number
}

const MODEL_ID = sql.ref('m.id')

/** Logged models that match, by the given orders, then newest first. */
export async function searchLoggedModelRows(db: Db, search: LoggedModelSearch): Promise<LoggedModelRow[]> {
  if (search.experimentIds.length === 0) return []
  const conditions = [
    sql<boolean>`m.project = ${search.project} and m.state = 'active' and m.experiment_id in (${sql.join(search.experimentIds)})`,
  ]
  const ofDatasets = datasetCondition('k', search.datasets)
  if (search.datasets.length > 0)
    conditions.push(
      sql<boolean>`exists (select 1 from logged_model_metrics k where k.model_id = m.id and ${ofDatasets})`,
    )
  if (search.filter)
    conditions.push(filterCondition(search.filter, (comparison) => compareModel(comparison, ofDatasets)))
  const orders = search.orders.map((order) => {
    const value =
      order.entity === 'attribute'
        ? attributeColumn(order.key)
        : sql`(select max(k.value) from logged_model_metrics k where k.model_id = m.id and k.key = ${order.key} and ${datasetCondition('k', order.dataset ? [order.dataset] : [])})`
    return sql`case when ${value} is null then 1 else 0 end, ${value} ${order.ascending ? sql`asc` : sql`desc`}`
  })
  const result = await sql<LoggedModelRow>`
    select m.* from logged_models m where ${sql.join(conditions, sql` and `)}
    order by ${sql.join([...orders, sql`m.created_at desc, m.id asc`])} limit ${search.limit} offset ${search.offset}`.execute(
    db,
  )
  return result.rows
}

function datasetCondition(alias: string, datasets: LoggedModelSearch['datasets']): RawBuilder<boolean> {
  if (datasets.length === 0) return sql<boolean>`1 = 1`
  return sql<boolean>`(${sql.join(
    datasets.map(
      (d) =>
        sql`(${sql.ref(`${alias}.dataset_name`)} = ${d.name} ${d.digest === undefined ? sql`` : sql`and ${sql.ref(`${alias}.dataset_digest`)} = ${d.digest}`})`,
    ),
    sql` or `,
  )})`
}

function compareModel(comparison: Comparison, ofDatasets: RawBuilder<boolean>): RawBuilder<boolean> {
  if (comparison.entity === 'metric')
    return sql<boolean>`exists (select 1 from logged_model_metrics k where k.model_id = m.id and k.key = ${comparison.key} and k.is_nan = 0 and ${ofDatasets} and ${compareColumn(sql.ref('k.value'), comparison)})`
  if (comparison.entity === 'attribute') return compareColumn(attributeColumn(comparison.key), comparison)
  const table = comparison.entity === 'param' ? 'logged_model_params' : 'logged_model_tags'
  return keyedCondition({ table, owner: MODEL_ID, ownerColumn: 'model_id', column: sql.ref('k.value'), comparison })
}

function attributeColumn(name: string): RawBuilder<unknown> {
  switch (name) {
    case 'model_id':
      return sql`m.id`
    case 'status':
      return sql`upper(m.status)` // MLflow's spelling: READY
    case 'artifact_uri':
    case 'artifact_location':
      return sql`('mlflow-artifacts:/' || m.experiment_id || '/models/' || m.id || '/artifacts')`
    case 'creation_timestamp':
      return sql`m.created_at`
    case 'last_updated_timestamp':
      return sql`m.updated_at`
    case 'name':
    case 'model_type':
    case 'source_run_id':
      return sql.ref(`m.${name}`)
    default:
      throw new TypeError(`logged models have no attribute ${name}`) // the vocabulary names no other
  }
}

/** Models that a run logged, newest first. */
export async function listLoggedModelsOfRun(db: Db, project: string, runId: string): Promise<LoggedModelRow[]> {
  return db
    .selectFrom('logged_models')
    .selectAll()
    .where('source_run_id', '=', runId)
    .where('project', '=', project)
    .where('state', '=', 'active')
    .orderBy('created_at', 'desc')
    .execute()
}
