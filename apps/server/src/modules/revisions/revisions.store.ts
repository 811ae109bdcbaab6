import type { Ctx } from '@kiban/kit/context'

export type RevisionRow = {
  id: string
  project: string
  number: number
  text: string
  code_manifest: string
  git_json: string | null
  changes_json: string
  applied_at: number
  applied_by: string
}

declare module '@kiban/kit/database' {
  interface Tables {
    revisions: RevisionRow
  }
}

export async function findNewestRevision(ctx: Ctx, project: string): Promise<RevisionRow | undefined> {
  return ctx.db
    .selectFrom('revisions')
    .selectAll()
    .where('project', '=', project)
    .orderBy('number', 'desc')
    .limit(1)
    .executeTakeFirst()
}

export async function findRevision(ctx: Ctx, project: string, number: number): Promise<RevisionRow | undefined> {
  return ctx.db
    .selectFrom('revisions')
    .selectAll()
    .where('project', '=', project)
    .where('number', '=', number)
    .executeTakeFirst()
}

export async function listRevisionRows(ctx: Ctx, project: string, limit: number): Promise<RevisionRow[]> {
  return ctx.db
    .selectFrom('revisions')
    .selectAll()
    .where('project', '=', project)
    .orderBy('number', 'desc')
    .limit(limit)
    .execute()
}

export async function insertRevision(ctx: Ctx, row: RevisionRow): Promise<void> {
  await ctx.db.insertInto('revisions').values(row).execute()
}
