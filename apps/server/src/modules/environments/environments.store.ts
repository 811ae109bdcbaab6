import type { Insertable, Selectable, Updateable } from 'kysely'
import type { EnvironmentState } from '@kiban/contract/environments'
import type { JobCause } from '@kiban/contract/jobs'
import type { Db } from '@kiban/kit/database'
import { AppError } from '@kiban/kit/errors'

/** An environment as `kiban.yaml` has it now. */
type EnvironmentSpecTable = { project: string; name: string; spec: string; archived_at: number | null }

/** What was asked for with one state of the code. `spec_hash` is null until the code was read. */
type EnvironmentTable = {
  id: string
  project: string
  name: string
  spec: string
  code: string
  spec_hash: string | null
  cause: JobCause | null
  message: string | null
  created_at: number
  created_by: string
}

/** One build, shared by all that ask for the same. */
type EnvironmentBuildTable = {
  spec_hash: string
  state: EnvironmentState
  /** The server process that builds it (kit/process-identity). */
  runner: string | null
  /** JSON of EnvironmentPlan. */
  plan: string
  lock_hash: string | null
  packages: string
  builder: 'uv' | 'pip' | null
  size_bytes: number | null
  cause: JobCause | null
  message: string | null
  created_at: number
  started_at: number | null
  ended_at: number | null
}

declare module '@kiban/kit/database' {
  interface Tables {
    environment_specs: EnvironmentSpecTable
    environments: EnvironmentTable
    environment_builds: EnvironmentBuildTable
  }
}

export type EnvironmentRow = Selectable<EnvironmentTable>
export type BuildRow = Selectable<EnvironmentBuildTable>

export async function listSpecs(db: Db, project: string): Promise<Selectable<EnvironmentSpecTable>[]> {
  return db
    .selectFrom('environment_specs')
    .selectAll()
    .where('project', '=', project)
    .where('archived_at', 'is', null)
    .execute()
}

export async function findSpec(db: Db, project: string, name: string): Promise<string | undefined> {
  const row = await db
    .selectFrom('environment_specs')
    .select('spec')
    .where('project', '=', project)
    .where('name', '=', name)
    .where('archived_at', 'is', null)
    .executeTakeFirst()
  return row?.spec
}

export async function upsertSpec(db: Db, project: string, name: string, spec: string): Promise<void> {
  await db
    .insertInto('environment_specs')
    .values({ project, name, spec, archived_at: null })
    .onConflict((c) => c.columns(['project', 'name']).doUpdateSet({ spec, archived_at: null }))
    .execute()
}

export async function archiveSpec(db: Db, project: string, name: string, now: number): Promise<void> {
  await db
    .updateTable('environment_specs')
    .set({ archived_at: now })
    .where('project', '=', project)
    .where('name', '=', name)
    .execute()
}

export async function findRequest(
  db: Db,
  key: Pick<EnvironmentRow, 'project' | 'name' | 'spec' | 'code'>,
): Promise<EnvironmentRow | undefined> {
  return db
    .selectFrom('environments')
    .selectAll()
    .where('project', '=', key.project)
    .where('name', '=', key.name)
    .where('spec', '=', key.spec)
    .where('code', '=', key.code)
    .executeTakeFirst()
}

export async function insertEnvironment(db: Db, row: Insertable<EnvironmentTable>): Promise<void> {
  await db.insertInto('environments').values(row).execute()
}

export async function updateEnvironment(db: Db, id: string, change: Updateable<EnvironmentTable>): Promise<void> {
  await db.updateTable('environments').set(change).where('id', '=', id).execute()
}

export async function findEnvironmentRow(db: Db, id: string): Promise<EnvironmentRow | undefined> {
  return db.selectFrom('environments').selectAll().where('id', '=', id).executeTakeFirst()
}

export async function getEnvironmentRow(db: Db, id: string, project?: string): Promise<EnvironmentRow> {
  const row = await findEnvironmentRow(db, id)
  if (!row || (project !== undefined && row.project !== project))
    throw new AppError('environment_not_found', {
      message: `There is no environment ${id} in ${project ?? 'any project'}. List them with \`kiban environments list\`.`,
    })
  return row
}

export async function listEnvironmentRows(db: Db, project: string, limit: number): Promise<EnvironmentRow[]> {
  return db
    .selectFrom('environments')
    .selectAll()
    .where('project', '=', project)
    .orderBy('id', 'desc')
    .limit(limit)
    .execute()
}

/** Requests whose code was not read yet. */
export async function listUnread(db: Db): Promise<EnvironmentRow[]> {
  return db
    .selectFrom('environments')
    .selectAll()
    .where('spec_hash', 'is', null)
    .where('message', 'is', null)
    .orderBy('id')
    .limit(100)
    .execute()
}

export async function findBuild(db: Db, specHash: string): Promise<BuildRow | undefined> {
  return db.selectFrom('environment_builds').selectAll().where('spec_hash', '=', specHash).executeTakeFirst()
}

/** Adds a build unless there is one. */
export async function insertBuild(db: Db, row: Insertable<EnvironmentBuildTable>): Promise<void> {
  await db
    .insertInto('environment_builds')
    .values(row)
    .onConflict((c) => c.column('spec_hash').doNothing())
    .execute()
}

export async function listUnfinishedBuilds(db: Db): Promise<BuildRow[]> {
  return db
    .selectFrom('environment_builds')
    .selectAll()
    .where('state', 'in', ['queued', 'building'])
    .orderBy('created_at')
    .execute()
}

/** Changes a build that is in `from` and watched by `runner`; false when it no longer is. */
export async function updateBuild(
  db: Db,
  key: Pick<BuildRow, 'spec_hash' | 'state' | 'runner'>,
  change: Updateable<EnvironmentBuildTable>,
): Promise<boolean> {
  const result = await db
    .updateTable('environment_builds')
    .set(change)
    .where('spec_hash', '=', key.spec_hash)
    .where('state', '=', key.state)
    .where('runner', key.runner === null ? 'is' : '=', key.runner)
    .executeTakeFirst()
  return result.numUpdatedRows === 1n
}

/** The projects and requests that wait for a build. */
export async function listRequestsOf(db: Db, specHash: string): Promise<EnvironmentRow[]> {
  return db.selectFrom('environments').selectAll().where('spec_hash', '=', specHash).execute()
}
