import type { Ctx } from '@kiban/kit/context'
import { AppError } from '@kiban/kit/errors'
import { newId } from '@kiban/kit/ids'

type ProjectTable = {
  id: string
  organisation_id: string
  name: string
  /** The name without case and without the difference of `-` and `_`: names are unique by it. */
  name_key: string
  title: string
  description: string
  clock_mode: 'system' | 'replay'
  clock_now: number | null
  revision: number
  created_at: number
  created_by: string
}

declare module '@kiban/kit/database' {
  interface Tables {
    projects: ProjectTable
  }
}

export type ProjectRow = ProjectTable

/** Throws `project_not_found`. */
export async function getProject(ctx: Ctx, name: string): Promise<ProjectRow> {
  const row = await ctx.db.selectFrom('projects').selectAll().where('name', '=', name).executeTakeFirst()
  if (!row)
    throw new AppError('project_not_found', {
      message: `There is no project ${JSON.stringify(name.slice(0, 80))}. List the projects with: kiban project list`,
    })
  return row
}

/** The project's own time in milliseconds: the machine's, or the replayed one that a client set. */
export async function projectNow(ctx: Ctx, name: string): Promise<number> {
  const project = await getProject(ctx, name)
  return project.clock_mode === 'replay' && project.clock_now !== null ? project.clock_now : ctx.clock.now()
}

export async function listProjectRows(ctx: Ctx): Promise<ProjectRow[]> {
  let query = ctx.db.selectFrom('projects').selectAll().orderBy('name')
  if (ctx.actor.project !== undefined) query = query.where('name', '=', ctx.actor.project)
  return query.execute()
}

export async function findProjectByKey(ctx: Ctx, key: string): Promise<ProjectRow | undefined> {
  return ctx.db.selectFrom('projects').selectAll().where('name_key', '=', key).executeTakeFirst()
}

export async function insertProject(
  ctx: Ctx,
  input: { name: string; key: string; title: string; description: string },
): Promise<ProjectRow> {
  const row: ProjectRow = {
    id: newId('prj'),
    organisation_id: 'org_local',
    name: input.name,
    name_key: input.key,
    title: input.title,
    description: input.description,
    clock_mode: 'system',
    clock_now: null,
    revision: 0,
    created_at: ctx.clock.now(),
    created_by: ctx.actor.id,
  }
  await ctx.db.insertInto('projects').values(row).execute()
  return row
}

export async function updateClock(
  ctx: Ctx,
  name: string,
  clock: { mode: 'system' | 'replay'; now: number | null },
): Promise<void> {
  await ctx.db
    .updateTable('projects')
    .set({ clock_mode: clock.mode, clock_now: clock.now })
    .where('name', '=', name)
    .execute()
}

export async function updateRevision(
  ctx: Ctx,
  name: string,
  set: { revision: number; title: string; description: string },
): Promise<void> {
  await ctx.db.updateTable('projects').set(set).where('name', '=', name).execute()
}
