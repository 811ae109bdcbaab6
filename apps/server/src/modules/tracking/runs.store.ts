import { sql } from 'kysely'
import type { Generated } from 'kysely'
import type { Db } from '@kiban/kit/database'
import type { Lifecycle } from './experiments.store.ts'

export type RunStatus = 'running' | 'scheduled' | 'finished' | 'failed' | 'killed'
export type RunRow = {
  readonly seq: number
  readonly id: string
  readonly project: string
  readonly experiment_id: number
  readonly name: string
  readonly status: RunStatus
  readonly state: Lifecycle
  readonly deleted_at: number | null
  readonly user_id: string
  /** 0 when the client gave none. */
  readonly start_time: number
  readonly end_time: number | null
  readonly parent_run_id: string | null
  readonly created_by: string
  readonly created_at: number
}
export type KeyValue = { readonly key: string; readonly value: string }
export type KeyedRow = KeyValue & { readonly run_seq: number }

type Writable<T> = { -readonly [K in keyof T]: T[K] }
declare module '@kiban/kit/database' {
  interface Tables {
    runs: Writable<Omit<RunRow, 'seq'>> & { seq: Generated<number> }
    params: { run_seq: number; key: string; value: string }
    tags: { run_seq: number; key: string; value: string }
  }
}

export async function findRun(db: Db, project: string, id: string): Promise<RunRow | undefined> {
  return db.selectFrom('runs').selectAll().where('id', '=', id).where('project', '=', project).executeTakeFirst()
}

/** A run of any project: for the platform itself, never for a caller. */
export async function findRunById(db: Db, id: string): Promise<RunRow | undefined> {
  return db.selectFrom('runs').selectAll().where('id', '=', id).executeTakeFirst()
}

/** Inserts a run and returns its number. */
export async function insertRun(db: Db, row: Omit<RunRow, 'seq'>): Promise<number> {
  return (await db.insertInto('runs').values(row).returning('seq').executeTakeFirstOrThrow()).seq
}

export async function updateRunRow(
  db: Db,
  seq: number,
  change: {
    name?: string
    status?: RunStatus
    end_time?: number | null
    state?: Lifecycle
    deleted_at?: number | null
    parent_run_id?: string | null
  },
): Promise<void> {
  await db.updateTable('runs').set(change).where('seq', '=', seq).execute()
}

/** Deletes or brings back all runs of an experiment; restoring takes only those that were deleted at `deletedAt`. */
export async function setStateOfRuns(
  db: Db,
  input: { project: string; experimentId: number; state: Lifecycle; at: number | null; deletedAt?: number },
): Promise<void> {
  let query = db
    .updateTable('runs')
    .set({ state: input.state, deleted_at: input.at })
    .where('project', '=', input.project)
    .where('experiment_id', '=', input.experimentId)
  query =
    input.state === 'deleted'
      ? query.where('state', '=', 'active')
      : query.where('deleted_at', '=', input.deletedAt ?? -1)
  await query.execute()
}

export async function setTags(db: Db, seq: number, tags: readonly KeyValue[]): Promise<void> {
  if (tags.length === 0) return
  await db
    .insertInto('tags')
    .values(tags.map((tag) => ({ run_seq: seq, key: tag.key, value: tag.value })))
    .onConflict((c) => c.columns(['run_seq', 'key']).doUpdateSet((e) => ({ value: e.ref('excluded.value') })))
    .execute()
}

/** Deletes one tag; false when there is none. */
export async function deleteTagRow(db: Db, seq: number, key: string): Promise<boolean> {
  return (
    Number(
      (await db.deleteFrom('tags').where('run_seq', '=', seq).where('key', '=', key).executeTakeFirst()).numDeletedRows,
    ) > 0
  )
}

/** Inserts params that are not there yet and returns those that are there with another value. */
export async function insertParams(
  db: Db,
  seq: number,
  params: readonly KeyValue[],
): Promise<{ key: string; old: string; new: string }[]> {
  if (params.length === 0) return []
  const result = await db
    .insertInto('params')
    .values(params.map((param) => ({ run_seq: seq, key: param.key, value: param.value })))
    .onConflict((c) => c.doNothing())
    .executeTakeFirst()
  if (Number(result.numInsertedOrUpdatedRows) === params.length) return []
  const keys = params.map((param) => param.key)
  const stored = await db
    .selectFrom('params')
    .select(['key', 'value'])
    .where('run_seq', '=', seq)
    .where('key', 'in', keys)
    .execute()
  const byKey = new Map(stored.map((row) => [row.key, row.value]))
  return params.flatMap((param) => {
    const old = byKey.get(param.key)
    return old === undefined || old === param.value ? [] : [{ key: param.key, old, new: param.value }]
  })
}

const CHUNK = 500

/** Splits a long list of run numbers, so that no statement has too many variables. */
export function inChunks<T>(values: readonly T[]): T[][] {
  const chunks: T[][] = []
  for (let i = 0; i < values.length; i += CHUNK) chunks.push(values.slice(i, i + CHUNK))
  return chunks
}

/** Params or tags of many runs, only of `keys` when given. */
export async function listKeyed(
  db: Db,
  table: 'params' | 'tags',
  seqs: readonly number[],
  keys?: readonly string[],
): Promise<KeyedRow[]> {
  if (keys?.length === 0) return []
  const rows: KeyedRow[] = []
  for (const chunk of inChunks(seqs)) {
    let query = db.selectFrom(table).select(['run_seq', 'key', 'value']).where('run_seq', 'in', chunk)
    if (keys) query = query.where('key', 'in', keys)
    rows.push(...(await query.orderBy('run_seq').orderBy('key').execute()))
  }
  return rows
}

/** Runs by id, in no order. */
export async function listRunsById(db: Db, project: string, ids: readonly string[]): Promise<RunRow[]> {
  const rows: RunRow[] = []
  for (const chunk of inChunks(ids))
    rows.push(
      ...(await db.selectFrom('runs').selectAll().where('project', '=', project).where('id', 'in', chunk).execute()),
    )
  return rows
}

export async function listChildren(db: Db, project: string, parentId: string): Promise<RunRow[]> {
  return db
    .selectFrom('runs')
    .selectAll()
    .where('parent_run_id', '=', parentId)
    .where('project', '=', project)
    .where('state', '=', 'active')
    .orderBy('seq')
    .limit(1000)
    .execute()
}

export type ColumnCount = { readonly key: string; readonly runs: number; readonly distinct: number }

/** Keys of the newest 2,000 runs with how many runs have them and how many values they take, most values first. */
export async function countColumns(
  db: Db,
  table: 'params' | 'tags' | 'latest_metrics',
  project: string,
  experimentId: number | undefined,
): Promise<ColumnCount[]> {
  const ofExperiment = experimentId === undefined ? sql`` : sql`and experiment_id = ${experimentId}`
  const result = await sql<{ key: string; runs: number; differing: number }>`
    select key, count(*) as runs, count(distinct value) as differing from ${sql.table(table)}
    where run_seq in (select seq from runs where project = ${project} and state = 'active' ${ofExperiment} order by seq desc limit 2000)
    group by key order by differing desc, runs desc, key limit 1000`.execute(db)
  return result.rows.map((row) => ({ key: row.key, runs: Number(row.runs), distinct: Number(row.differing) }))
}

/** Newest runs whose name holds `text` (lower case) or whose id begins with it, in one project or in all. */
export async function searchRunNames(db: Db, text: string, project: string | undefined): Promise<RunRow[]> {
  let query = db
    .selectFrom('runs')
    .selectAll()
    .where('state', '=', 'active')
    .where(sql<boolean>`(lower(name) like ${`%${text}%`} or id like ${`${text}%`})`)
  if (project !== undefined) query = query.where('project', '=', project)
  return query.orderBy('seq', 'desc').limit(20).execute()
}
