import { sql } from 'kysely'
import type { RawBuilder } from 'kysely'
import type { Db } from '@kiban/kit/database'
import type { Lifecycle } from './experiments.store.ts'
import { compareColumn, filterCondition, keyedCondition } from './search/filter-sql.ts'
import type { Order } from './search/order-by.ts'
import type { Comparison, Filter } from './search/search-grammar.ts'

export type RunSearch = {
  readonly project: string
  /** All experiments when undefined. */
  readonly experimentIds?: readonly number[] | undefined
  readonly filter: Filter | undefined
  readonly orders: readonly Order[]
  readonly state: Lifecycle | 'all'
  readonly limit: number
  readonly offset: number
}

const RUN_SEQ = sql.ref('r.seq')

/** Ids and numbers of the runs that match, in order. Latest metric values are maintained, so no history is read. */
export async function searchRunRows(db: Db, search: RunSearch): Promise<{ id: string; seq: number }[]> {
  if (search.experimentIds?.length === 0) return []
  const conditions = [sql<boolean>`r.project = ${search.project}`]
  if (search.experimentIds) conditions.push(sql<boolean>`r.experiment_id in (${sql.join(search.experimentIds)})`)
  if (search.state !== 'all') conditions.push(sql<boolean>`r.state = ${search.state}`)
  if (search.filter) conditions.push(filterCondition(search.filter, compareRun))
  const joins: RawBuilder<unknown>[] = []
  const orders: RawBuilder<unknown>[] = []
  search.orders.forEach((order, i) => {
    const { join, by } = orderRuns(order, `o${i}`)
    if (join) joins.push(join)
    orders.push(by)
  })
  const result = await sql<{ id: string; seq: number }>`
    select r.id, r.seq from runs r ${sql.join(joins, sql` `)}
    where ${sql.join(conditions, sql` and `)}
    order by ${sql.join([...orders, sql`r.start_time desc, r.id asc`])}
    limit ${search.limit} offset ${search.offset}`.execute(db)
  return result.rows
}

function compareRun(comparison: Comparison): RawBuilder<boolean> {
  const { entity, key } = comparison
  if (entity === 'metric') return metricCondition(comparison)
  if (entity === 'param')
    return keyedCondition({
      table: 'params',
      owner: RUN_SEQ,
      ownerColumn: 'run_seq',
      column: sql.ref('k.value'),
      comparison,
    })
  if (entity === 'tag')
    return keyedCondition({
      table: 'tags',
      owner: RUN_SEQ,
      ownerColumn: 'run_seq',
      column: sql.ref('k.value'),
      comparison,
    })
  if (entity === 'dataset') {
    const column = key === 'context' ? sql.ref('rd.context') : sql.ref(`d.${key}`)
    return sql<boolean>`exists (select 1 from run_datasets rd join logged_datasets d on d.id = rd.dataset_id where rd.run_seq = r.seq and ${compareColumn(column, comparison)})`
  }
  return compareColumn(attributeColumn(key), comparison)
}

function metricCondition(comparison: Comparison): RawBuilder<boolean> {
  const column = sql.ref(comparison.of === 'latest' ? 'k.value' : `k.${comparison.of}_value`)
  const number = comparison.of === 'latest' ? sql`k.is_nan = 0 and` : sql``
  return sql<boolean>`exists (select 1 from latest_metrics k where k.run_seq = r.seq and k.key = ${comparison.key} and ${number} ${compareColumn(column, comparison)})`
}

function attributeColumn(name: string): RawBuilder<unknown> {
  switch (name) {
    case 'run_id':
      return sql`r.id`
    case 'run_name':
      return sql`r.name`
    case 'status':
      return sql`upper(r.status)` // MLflow's spelling
    case 'artifact_uri':
      return sql`('mlflow-artifacts:/' || r.experiment_id || '/' || r.id || '/artifacts')`
    case 'user_id':
    case 'start_time':
    case 'end_time':
      return sql.ref(`r.${name}`)
    default:
      throw new TypeError(`runs have no attribute ${name}`) // the vocabulary names no other
  }
}

/** Order by one field: numbers, then NaN, then runs without it, in both directions. */
function orderRuns(
  { field, descending, of }: Order,
  alias: string,
): { join?: RawBuilder<unknown>; by: RawBuilder<unknown> } {
  const direction = descending ? sql`desc` : sql`asc`
  if (field.entity === 'attribute') {
    const column = attributeColumn(field.key)
    return { by: sql`case when ${column} is null then 1 else 0 end, ${column} ${direction}` }
  }
  const table = field.entity === 'metric' ? 'latest_metrics' : field.entity === 'param' ? 'params' : 'tags'
  const join = sql`left join ${sql.table(table)} as ${sql.ref(alias)} on ${sql.ref(`${alias}.run_seq`)} = r.seq and ${sql.ref(`${alias}.key`)} = ${field.key}`
  const value = sql.ref(`${alias}.${of === 'latest' ? 'value' : `${of}_value`}`)
  const isNan =
    field.entity === 'metric' && of === 'latest' ? sql`when ${sql.ref(`${alias}.is_nan`)} = 1 then 1` : sql``
  return { join, by: sql`case when ${value} is null then 2 ${isNan} else 0 end, ${value} ${direction}` }
}
