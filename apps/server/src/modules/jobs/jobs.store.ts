import { sql } from 'kysely'
import type { Insertable, Selectable, Updateable } from 'kysely'
import type { JobCause, JobState } from '@kiban/contract/jobs'
import type { Db } from '@kiban/kit/database'
import { AppError } from '@kiban/kit/errors'
import type { Ending } from './classify-end.ts'

type JobTable = {
  id: string
  project: string
  name: string
  owner_kind: string
  owner_id: string
  state: JobState
  priority: number
  /** JSON of ParsedJobSpec. */
  spec: string
  environment_id: string | null
  run_id: string | null
  cpu: number
  memory_bytes: number
  /** Number of the newest attempt; 0 before the first. */
  attempt: number
  /** JSON: retries used, by rule. */
  retry_counts: string
  retry_at: number | null
  cause: JobCause | null
  message: string | null
  exit_code: number | null
  outputs: string
  metrics: string
  cancel_requested_at: number | null
  cancelled_by: string | null
  created_at: number
  created_by: string
  /** When it last joined the queue. */
  queued_at: number
  started_at: number | null
  ended_at: number | null
}

type JobAttemptTable = {
  job_id: string
  number: number
  state: JobState
  /** The server process that watches over it (kit/process-identity). */
  runner: string
  runner_seen_at: number
  pid: number | null
  pid_start: string | null
  ending: Ending | null
  ending_at: number | null
  /** The kernel's count of out-of-memory kills when it started. */
  oom_kills_before: number | null
  cause: JobCause | null
  message: string | null
  exit_code: number | null
  signal: string | null
  cpu: number
  memory_bytes: number
  usage: string | null
  log_bytes: number
  log_dropped_bytes: number
  created_at: number
  started_at: number | null
  ended_at: number | null
}

declare module '@kiban/kit/database' {
  interface Tables {
    jobs: JobTable
    job_attempts: JobAttemptTable
  }
}

export type JobRow = Selectable<JobTable>
export type AttemptRow = Selectable<JobAttemptTable>

/** The states in which an attempt holds cpu and memory. */
const HELD = ['preparing', 'running'] as const

export async function insertJob(db: Db, row: Insertable<JobTable>): Promise<void> {
  await db.insertInto('jobs').values(row).execute()
}

export async function findJobByOwner(
  db: Db,
  owner: { kind: string; id: string },
  name: string,
): Promise<JobRow | undefined> {
  return db
    .selectFrom('jobs')
    .selectAll()
    .where('owner_kind', '=', owner.kind)
    .where('owner_id', '=', owner.id)
    .where('name', '=', name)
    .executeTakeFirst()
}

export async function listByOwner(db: Db, owner: { kind: string; id: string }): Promise<JobRow[]> {
  return db
    .selectFrom('jobs')
    .selectAll()
    .where('owner_kind', '=', owner.kind)
    .where('owner_id', '=', owner.id)
    .orderBy('id')
    .execute()
}

export async function findJobRow(db: Db, id: string): Promise<JobRow | undefined> {
  return db.selectFrom('jobs').selectAll().where('id', '=', id).executeTakeFirst()
}

export async function getJobRow(db: Db, id: string, project?: string): Promise<JobRow> {
  const row = await findJobRow(db, id)
  if (!row || (project !== undefined && row.project !== project))
    throw new AppError('job_not_found', {
      message: `There is no job ${id} in ${project ?? 'any project'}. List them with \`kiban jobs list\`.`,
    })
  return row
}

/** Changes a job that is still in `from`; false when it is not, and then nothing happened. */
export async function updateJob(db: Db, id: string, from: JobState, change: Updateable<JobTable>): Promise<boolean> {
  const result = await db
    .updateTable('jobs')
    .set(change)
    .where('id', '=', id)
    .where('state', '=', from)
    .executeTakeFirst()
  return result.numUpdatedRows === 1n
}

export async function insertAttempt(db: Db, row: Insertable<JobAttemptTable>): Promise<void> {
  await db.insertInto('job_attempts').values(row).execute()
}

export async function updateAttempt(
  db: Db,
  jobId: string,
  number: number,
  change: Updateable<JobAttemptTable>,
): Promise<void> {
  await db.updateTable('job_attempts').set(change).where('job_id', '=', jobId).where('number', '=', number).execute()
}

export async function deleteAttempt(db: Db, jobId: string, number: number): Promise<void> {
  await db.deleteFrom('job_attempts').where('job_id', '=', jobId).where('number', '=', number).execute()
}

export async function listAttempts(db: Db, jobId: string): Promise<AttemptRow[]> {
  return db.selectFrom('job_attempts').selectAll().where('job_id', '=', jobId).orderBy('number').execute()
}

/** Every attempt that holds cpu and memory, with its job; of all runners. */
export async function listHeld(db: Db): Promise<(AttemptRow & { job: JobRow })[]> {
  const attempts = await db.selectFrom('job_attempts').selectAll().where('state', 'in', HELD).execute()
  if (attempts.length === 0) return []
  const rows = await db
    .selectFrom('jobs')
    .selectAll()
    .where(
      'id',
      'in',
      attempts.map((attempt) => attempt.job_id),
    )
    .execute()
  const byId = new Map(rows.map((row) => [row.id, row]))
  return attempts.flatMap((attempt) => {
    const job = byId.get(attempt.job_id)
    return job ? [{ ...attempt, job }] : []
  })
}

/** Gives an attempt to another runner; false when somebody else was faster. */
export async function takeOver(db: Db, attempt: AttemptRow, runner: string, now: number): Promise<boolean> {
  const result = await db
    .updateTable('job_attempts')
    .set({ runner, runner_seen_at: now })
    .where('job_id', '=', attempt.job_id)
    .where('number', '=', attempt.number)
    .where('runner', '=', attempt.runner)
    .where('runner_seen_at', '=', attempt.runner_seen_at)
    .executeTakeFirst()
  return result.numUpdatedRows === 1n
}

export async function touchRunner(db: Db, runner: string, now: number): Promise<void> {
  await db
    .updateTable('job_attempts')
    .set({ runner_seen_at: now })
    .where('runner', '=', runner)
    .where('state', 'in', HELD)
    .execute()
}

/**
 * The head of the queue, in the order in which it may start: jobs whose retry time has come and whose environment is among `ready` (or
 * that have none): an environment being built never blocks the rest.
 */
export async function listStartable(db: Db, now: number, ready: readonly string[], limit: number): Promise<JobRow[]> {
  return db
    .selectFrom('jobs')
    .selectAll()
    .where('state', '=', 'queued')
    .where((eb) => eb.or([eb('retry_at', 'is', null), eb('retry_at', '<=', now)]))
    .where((eb) =>
      eb.or([eb('environment_id', 'is', null), ...(ready.length > 0 ? [eb('environment_id', 'in', ready)] : [])]),
    )
    .orderBy('priority', 'desc')
    .orderBy('id')
    .limit(limit)
    .execute()
}

export async function listQueuedEnvironments(db: Db): Promise<string[]> {
  const rows = await db
    .selectFrom('jobs')
    .select('environment_id')
    .distinct()
    .where('state', '=', 'queued')
    .where('environment_id', 'is not', null)
    .execute()
  return rows.flatMap((row) => (row.environment_id === null ? [] : [row.environment_id]))
}

export async function listQueuedByEnvironment(db: Db, environmentId: string): Promise<JobRow[]> {
  return db
    .selectFrom('jobs')
    .selectAll()
    .where('state', '=', 'queued')
    .where('environment_id', '=', environmentId)
    .execute()
}

/** How many queued jobs of the whole machine stand before this one. */
export async function countBefore(db: Db, job: Pick<JobRow, 'id' | 'priority'>): Promise<number> {
  const { count } = await db
    .selectFrom('jobs')
    .select((eb) => eb.fn.countAll<number>().as('count'))
    .where('state', '=', 'queued')
    .where((eb) =>
      eb.or([eb('priority', '>', job.priority), eb.and([eb('priority', '=', job.priority), eb('id', '<', job.id)])]),
    )
    .executeTakeFirstOrThrow()
  return Number(count)
}

/** A page of a project's jobs: the queue in its order, then preparing and running ones, then ended ones, newest first. */
export async function listJobPage(
  db: Db,
  query: { project: string; state?: JobState; active?: boolean; ownerId?: string; limit: number; offset: number },
): Promise<JobRow[]> {
  const rank = sql<number>`case when state = 'queued' then 0 when state in ('preparing', 'running') then 1 else 2 end`
  return db
    .selectFrom('jobs')
    .selectAll()
    .where('project', '=', query.project)
    .$if(query.state !== undefined, (q) => q.where('state', '=', query.state ?? 'queued'))
    .$if(query.active === true, (q) => q.where('state', 'in', ['queued', ...HELD]))
    .$if(query.active === false, (q) => q.where('state', 'not in', ['queued', ...HELD]))
    .$if(query.ownerId !== undefined, (q) => q.where('owner_id', '=', query.ownerId ?? ''))
    .orderBy(rank)
    .orderBy(sql`case when state = 'queued' then -priority else 0 end`)
    .orderBy(sql`case when state = 'queued' then id else '' end`)
    .orderBy('id', 'desc')
    .limit(query.limit)
    .offset(query.offset)
    .execute()
}
