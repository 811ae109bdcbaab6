import type { Ctx } from '@kiban/kit/context'

export type SecretRow = {
  id: string
  organisation_id: string
  project: string
  name: string
  version: number
  wrapped_key: string
  ciphertext: string
  updated_at: number
  updated_by: string
}

declare module '@kiban/kit/database' {
  interface Tables {
    secrets: SecretRow
  }
}

export async function listSecretRows(ctx: Ctx, project: string): Promise<SecretRow[]> {
  return ctx.db.selectFrom('secrets').selectAll().where('project', '=', project).orderBy('name').execute()
}

export async function findSecret(ctx: Ctx, project: string, name: string): Promise<SecretRow | undefined> {
  return ctx.db
    .selectFrom('secrets')
    .selectAll()
    .where('project', '=', project)
    .where('name', '=', name)
    .executeTakeFirst()
}

export async function upsertSecret(ctx: Ctx, row: SecretRow): Promise<void> {
  const { version, wrapped_key, ciphertext, updated_at, updated_by } = row
  await ctx.db
    .insertInto('secrets')
    .values(row)
    .onConflict((c) =>
      c.columns(['project', 'name']).doUpdateSet({ version, wrapped_key, ciphertext, updated_at, updated_by }),
    )
    .execute()
}

export async function removeSecret(ctx: Ctx, id: string): Promise<void> {
  await ctx.db.deleteFrom('secrets').where('id', '=', id).execute()
}
