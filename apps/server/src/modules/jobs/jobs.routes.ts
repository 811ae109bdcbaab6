import * as contract from '@kiban/contract/jobs'
import { AppError } from '@kiban/kit/errors'
import { inTransaction } from '@kiban/kit/context'
import type { Ctx } from '@kiban/kit/context'
import { route } from '@kiban/kit/module'
import type { Route } from '@kiban/kit/module'
import { recordAudit } from '../audit/index.ts'
import { getProject } from '../projects/index.ts'
import { cancelJob } from './cancel-job.ts'
import { followLog } from './follow-log.ts'
import { presentJob, presentSummary } from './jobs.present.ts'
import { getJobRow, listAttempts, listJobPage } from './jobs.store.ts'
import type { JobRow } from './jobs.store.ts'
import { downloadLog } from './download-log.ts'
import { queueSnapshot } from './queue-snapshot.ts'
import { readJobLog } from './read-job-log.ts'

export const routes: readonly Route[] = [
  route(contract.listJobs, async (ctx, { params, query }) => {
    await getProject(ctx, params.project)
    const { limit, cursor, ...filter } = query
    const offset = offsetOf(cursor)
    const rows = await listJobPage(ctx.db, { project: params.project, ...defined(filter), limit: limit + 1, offset })
    const snapshot = await queueSnapshot(ctx)
    const now = ctx.clock.now()
    const page = rows.slice(0, limit)
    const jobs = await Promise.all(
      page.map(async (row) =>
        presentSummary(row, row.state === 'queued' ? await snapshot.placeOf(row) : undefined, now),
      ),
    )
    return { jobs, nextCursor: rows.length > limit ? String(offset + limit) : null, capacity: snapshot.capacity }
  }),
  route(contract.getJob, async (ctx, { params }) => {
    await getProject(ctx, params.project)
    const row = await getJobRow(ctx.db, params.id, params.project)
    return presentJob(row, await listAttempts(ctx.db, row.id), await placeOf(ctx, row), ctx.clock.now())
  }),
  route(contract.getJobLog, async (ctx, { params, query }) =>
    readJobLog(ctx, params.id, { ...query, project: params.project }),
  ),
  route(contract.downloadJobLog, async (ctx, { params, query, reply }) => {
    reply.header('content-type', 'text/plain; charset=utf-8')
    reply.header('content-disposition', `attachment; filename="${params.id}.log"`)
    return downloadLog(ctx, params.id, { ...query, project: params.project })
  }),
  route(contract.followJobLog, async (ctx, { params, query, request, reply }) =>
    followLog(ctx, params.id, { ...query, project: params.project }, { request, reply }),
  ),
  route(contract.cancelJob, async (ctx, { params }) =>
    inTransaction(ctx, async (ctx) => {
      await getProject(ctx, params.project)
      const before = await cancelJob(ctx, params.id, params.project)
      const after = await getJobRow(ctx.db, params.id)
      await recordAudit(ctx, {
        action: 'job.cancel',
        resource: { kind: 'job', id: params.id },
        project: params.project,
        before: { state: before.state },
        after: { state: after.state, cancelRequested: after.cancel_requested_at !== null },
      })
      return presentSummary(after, undefined, ctx.clock.now())
    }),
  ),
]

async function placeOf(ctx: Ctx, row: JobRow): Promise<{ position: number; reason: string } | undefined> {
  return row.state === 'queued' ? (await queueSnapshot(ctx)).placeOf(row) : undefined
}

function offsetOf(cursor: string | undefined): number {
  if (cursor === undefined) return 0
  const offset = Number(cursor)
  if (!Number.isSafeInteger(offset) || offset < 0)
    throw new AppError('bad_request', {
      message: `query.cursor: ${JSON.stringify(cursor)} is not one that a list gave. Leave it out to begin again.`,
    })
  return offset
}

/** The same without the keys that are undefined. */
function defined<T extends object>(value: T): { [K in keyof T]: Exclude<T[K], undefined> } {
  // Only the undefined ones are left out, which is what the type says.
  return Object.fromEntries(Object.entries(value).filter(([, item]) => item !== undefined)) as {
    [K in keyof T]: Exclude<T[K], undefined>
  }
}
