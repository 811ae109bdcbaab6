import { readFile, readdir } from 'node:fs/promises'
import { join } from 'node:path'
import type { JobLog } from '@kiban/contract/jobs'
import type { Ctx } from '@kiban/kit/context'
import { AppError } from '@kiban/kit/errors'
import { attemptFolder } from './attempt-folder.ts'
import type { AttemptFolder } from './attempt-folder.ts'
import { getJobRow, listAttempts } from './jobs.store.ts'
import { readLog } from '@kiban/kit/log-file'
import { maskOf } from './mask-secrets.ts'
import type { Mask } from '@kiban/kit/log-file'

/**
 * Lines of an attempt's log (the newest attempt when none is named) from a byte offset. A job that has not started has an empty log.
 * Throws `job_not_found`, `job_attempt_not_found`.
 */
export async function readJobLog(
  ctx: Ctx,
  id: string,
  query: {
    readonly attempt?: number | undefined
    readonly offset?: number | undefined
    readonly limit?: number | undefined
    readonly project?: string
  },
): Promise<JobLog> {
  const log = await openJobLog(ctx, id, query)
  const piece = await readLog(log.folder.log, {
    offset: query.offset ?? 0,
    limit: query.limit ?? 1000,
    ended: log.ended,
    mask: log.mask,
  })
  return { attempt: log.attempt, ...piece, ended: log.ended && piece.nextOffset >= piece.sizeBytes }
}

/** Which log it is and how it is masked. `ended`: its attempt is over, so it grows no more. */
export async function openJobLog(
  ctx: Ctx,
  id: string,
  query: { readonly attempt?: number | undefined; readonly project?: string },
): Promise<{ attempt: number; folder: AttemptFolder; ended: boolean; mask: Mask }> {
  const job = await getJobRow(ctx.db, id, query.project)
  const number = query.attempt ?? job.attempt
  const attempts = await listAttempts(ctx.db, id)
  const attempt = attempts.find((row) => row.number === number)
  if (!attempt && query.attempt !== undefined)
    throw new AppError('job_attempt_not_found', {
      message: `Job ${id} has no attempt ${number}; it has had ${attempts.length}.`,
    })
  const folder = attemptFolder(ctx.platform.home, id, number)
  const ended = attempt ? attempt.ended_at !== null : job.ended_at !== null
  return { attempt: number, folder, ended, mask: maskOf(ended ? [] : await attemptSecrets(folder)) }
}

/** The secrets that were given to a running attempt; after its end the log itself is masked and they are gone. */
export async function attemptSecrets(folder: AttemptFolder): Promise<string[]> {
  try {
    const names = await readdir(folder.secrets)
    return await Promise.all(names.map((name) => readFile(join(folder.secrets, name), 'utf8')))
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return []
    throw error
  }
}
