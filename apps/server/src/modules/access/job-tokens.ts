import { sha256 } from '@kiban/kit/canonical-json'
import { inTransaction } from '@kiban/kit/context'
import type { Ctx } from '@kiban/kit/context'
import { newId } from '@kiban/kit/ids'
import { insertToken, revokeTokens } from './access.store.ts'
import { newToken } from './token.ts'

const LONGEST_JOB_MS = 90 * 24 * 3_600_000

/** A token for one attempt of a job: limited to its project, dead with the attempt. The token is returned once and stored hashed. */
export async function issueJobToken(
  ctx: Ctx,
  input: { project: string; jobId: string; attempt: number; runId: string | null; owner: string },
): Promise<string> {
  const token = newToken('job')
  const now = ctx.clock.now()
  await inTransaction(ctx, (ctx) =>
    insertToken(ctx, {
      id: newId('tok'),
      organisation_id: 'org_local',
      hash: sha256(token),
      kind: 'job',
      project: input.project,
      job_id: input.jobId,
      attempt: input.attempt,
      run_id: input.runId,
      owner: input.owner,
      created_at: now,
      expires_at: now + LONGEST_JOB_MS,
      revoked_at: null,
    }),
  )
  return token
}

/** Ends the tokens of one attempt, at once. */
export async function revokeJobToken(ctx: Ctx, jobId: string, attempt: number): Promise<void> {
  await inTransaction(ctx, (ctx) => revokeTokens(ctx, jobId, attempt))
}
