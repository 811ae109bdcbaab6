import { afterCommit, emit, inTransaction, wake } from '@kiban/kit/context'
import type { Ctx } from '@kiban/kit/context'
import { WAKES } from './job-events.ts'
import { next } from './jobs.state.ts'
import { getJobRow, updateJob } from './jobs.store.ts'
import type { JobRow } from './jobs.store.ts'

/**
 * Asks a job to end. A queued one ends here; of a running one all processes get TERM, and KILL after its grace (10 s). An ended one
 * stays as it is. Returns the row before. Throws `job_not_found`.
 */
export async function cancelJob(ctx: Ctx, id: string, project?: string): Promise<JobRow> {
  return inTransaction(ctx, async (ctx) => {
    const row = await getJobRow(ctx.db, id, project)
    const now = ctx.clock.now()
    if (next(row.state, 'cancel') === undefined || row.cancel_requested_at !== null) return row
    const asked = { cancel_requested_at: now, cancelled_by: ctx.actor.id }
    if (row.state === 'queued') {
      await updateJob(ctx.db, id, 'queued', { ...asked, state: 'cancelled', cause: null, message: null, ended_at: now })
      afterCommit(ctx, () => WAKES.forEach((loop) => ctx.platform.wake(loop)))
    } else {
      await updateJob(ctx.db, id, row.state, asked)
      wake(ctx, 'jobs')
    }
    emit(ctx, { topic: `projects/${row.project}/jobs`, kind: 'job.cancelled', id })
    return row
  })
}
