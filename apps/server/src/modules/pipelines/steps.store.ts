import type { Insertable, Selectable, Updateable } from 'kysely'
import type { StepState } from '@kiban/contract/pipelines'
import type { Db } from '@kiban/kit/database'

type StepRunTable = {
  id: string
  run_id: string
  project: string
  name: string
  /** Which item of a fan-out; empty for the only one. */
  item: string
  position: number
  state: StepState
  attempt: number
  /** 1: the cache is not asked. */
  recompute: number
  reason: string | null
  cause: string | null
  message: string | null
  cache_key: string | null
  /** JSON of `KeyPart[]`. */
  cache_parts: string | null
  /** JSON of the contract's `CacheReport`. */
  cache_report: string | null
  environment_id: string | null
  code_manifest: string | null
  job_id: string | null
  mlflow_run_id: string | null
  sweep_id: string | null
  component_state: string | null
  /** JSON: what it was given. */
  inputs: string
  /** JSON of the contract's `StepOutput` by name. */
  outputs: string
  metrics: string
  started_at: number | null
  ended_at: number | null
}

type StepAttemptTable = {
  step_run_id: string
  number: number
  job_id: string | null
  state: 'running' | 'succeeded' | 'failed' | 'cancelled'
  cause: string | null
  message: string | null
  started_at: number
  ended_at: number | null
}

type CacheEntryTable = {
  id: string
  project: string
  cache_key: string
  pipeline: string
  step: string
  step_run_id: string
  parts: string
  outputs: string
  metrics: string
  mlflow_run_id: string | null
  sweep_id: string | null
  created_at: number
}

declare module '@kiban/kit/database' {
  interface Tables {
    step_runs: StepRunTable
    step_attempts: StepAttemptTable
    cache_entries: CacheEntryTable
  }
}

export type StepRunRow = Selectable<StepRunTable>
export type StepRunChange = Updateable<StepRunTable>
export type StepAttemptRow = Selectable<StepAttemptTable>
export type CacheEntryRow = Selectable<CacheEntryTable>

export async function insertStepRuns(db: Db, rows: readonly Insertable<StepRunTable>[]): Promise<void> {
  await db
    .insertInto('step_runs')
    .values([...rows])
    .execute()
}

export async function listStepRuns(db: Db, runId: string): Promise<StepRunRow[]> {
  return db
    .selectFrom('step_runs')
    .selectAll()
    .where('run_id', '=', runId)
    .orderBy('position')
    .orderBy('item')
    .execute()
}

export async function listStepRunsByIds(db: Db, project: string, ids: readonly string[]): Promise<StepRunRow[]> {
  if (ids.length === 0) return []
  return db.selectFrom('step_runs').selectAll().where('project', '=', project).where('id', 'in', ids).execute()
}

export async function updateStepRun(db: Db, id: string, change: StepRunChange): Promise<void> {
  await db.updateTable('step_runs').set(change).where('id', '=', id).execute()
}

/** Step states of several runs: run → state → count. */
export async function countSteps(db: Db, runIds: readonly string[]): Promise<Map<string, Record<string, number>>> {
  const counts = new Map<string, Record<string, number>>()
  if (runIds.length === 0) return counts
  const rows = await db
    .selectFrom('step_runs')
    .select((step) => ['run_id', 'state', step.fn.countAll<number>().as('count')])
    .where('run_id', 'in', runIds)
    .groupBy(['run_id', 'state'])
    .execute()
  for (const row of rows) counts.set(row.run_id, { ...counts.get(row.run_id), [row.state]: Number(row.count) })
  return counts
}

/** An older step run of the project that computes the same key now. */
export async function findSameKeyInFlight(db: Db, step: StepRunRow, key: string): Promise<StepRunRow | undefined> {
  return db
    .selectFrom('step_runs')
    .selectAll()
    .where('project', '=', step.project)
    .where('cache_key', '=', key)
    .where('state', '=', 'running')
    .where('id', '!=', step.id)
    .executeTakeFirst()
}

export async function insertAttempt(db: Db, row: Insertable<StepAttemptTable>): Promise<void> {
  await db.insertInto('step_attempts').values(row).execute()
}

export async function updateAttempt(
  db: Db,
  stepRunId: string,
  number: number,
  change: Updateable<StepAttemptTable>,
): Promise<void> {
  await db
    .updateTable('step_attempts')
    .set(change)
    .where('step_run_id', '=', stepRunId)
    .where('number', '=', number)
    .execute()
}

export async function listAttempts(db: Db, stepRunIds: readonly string[]): Promise<StepAttemptRow[]> {
  if (stepRunIds.length === 0) return []
  return db.selectFrom('step_attempts').selectAll().where('step_run_id', 'in', stepRunIds).orderBy('number').execute()
}

export async function insertCacheEntry(db: Db, row: Insertable<CacheEntryTable>): Promise<void> {
  await db.insertInto('cache_entries').values(row).execute()
}

/** The newest success of this key in the project. */
export async function findCacheEntry(db: Db, project: string, key: string): Promise<CacheEntryRow | undefined> {
  return db
    .selectFrom('cache_entries')
    .selectAll()
    .where('project', '=', project)
    .where('cache_key', '=', key)
    .orderBy('id', 'desc')
    .limit(1)
    .executeTakeFirst()
}

/** The newest success of this step, whatever its key. */
export async function findNewestSuccess(
  db: Db,
  of: { project: string; pipeline: string; step: string },
): Promise<CacheEntryRow | undefined> {
  return db
    .selectFrom('cache_entries')
    .selectAll()
    .where('project', '=', of.project)
    .where('pipeline', '=', of.pipeline)
    .where('step', '=', of.step)
    .orderBy('id', 'desc')
    .limit(1)
    .executeTakeFirst()
}
