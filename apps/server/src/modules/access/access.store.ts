import type { Ctx } from '@kiban/kit/context'

export type TokenRow = {
  id: string
  organisation_id: string
  /** SHA-256 of the token; the token itself is never stored. */
  hash: string
  kind: 'person' | 'service' | 'job' | 'endpoint_key'
  project: string | null
  job_id: string | null
  attempt: number | null
  run_id: string | null
  owner: string
  created_at: number
  expires_at: number
  revoked_at: number | null
}

declare module '@kiban/kit/database' {
  interface Tables {
    access_tokens: TokenRow
  }
}

export async function findToken(ctx: Pick<Ctx, 'db'>, hash: string): Promise<TokenRow | undefined> {
  return ctx.db.selectFrom('access_tokens').selectAll().where('hash', '=', hash).executeTakeFirst()
}

export async function insertToken(ctx: Ctx, row: TokenRow): Promise<void> {
  await ctx.db.insertInto('access_tokens').values(row).execute()
}

export async function revokeTokens(ctx: Ctx, jobId: string, attempt: number): Promise<void> {
  await ctx.db
    .updateTable('access_tokens')
    .set({ revoked_at: ctx.clock.now() })
    .where('job_id', '=', jobId)
    .where('attempt', '=', attempt)
    .where('revoked_at', 'is', null)
    .execute()
}
