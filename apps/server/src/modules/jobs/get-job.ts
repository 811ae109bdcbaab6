import type { Ctx } from '@kiban/kit/context'
import type { JobView } from './job-spec.ts'
import { presentView } from './jobs.present.ts'
import { getJobRow, listByOwner } from './jobs.store.ts'
import type { JobRow } from './jobs.store.ts'
import { queueSnapshot } from './queue-snapshot.ts'

/** One job as its owner needs it. Throws `job_not_found`. */
export async function getJob(ctx: Ctx, id: string): Promise<JobView> {
  return view(ctx, await getJobRow(ctx.db, id))
}

/** All jobs of one owner, oldest first. */
export async function listJobsOfOwner(ctx: Ctx, owner: { kind: string; id: string }): Promise<JobView[]> {
  return Promise.all((await listByOwner(ctx.db, owner)).map((row) => view(ctx, row)))
}

async function view(ctx: Ctx, row: JobRow): Promise<JobView> {
  const place = row.state === 'queued' ? await (await queueSnapshot(ctx)).placeOf(row) : undefined
  return presentView(row, place?.reason ?? null)
}
