import type { Ctx } from '@kiban/kit/context'
import { AppError } from '@kiban/kit/errors'
import { checkRunId } from './limits.ts'
import { findRun } from './runs.store.ts'
import type { RunRow } from './runs.store.ts'

/** A run of the project; throws `run_not_found`, `tracking_invalid` for what cannot be an id. */
export async function getRunRow(ctx: Ctx, project: string, id: string): Promise<RunRow> {
  const row = await findRun(ctx.db, project, checkRunId(id))
  if (!row) throw new AppError('run_not_found', { message: `Run with id=${id} not found` })
  return row
}

/** The same, for writing: throws `run_deleted`. */
export async function getActiveRun(ctx: Ctx, project: string, id: string): Promise<RunRow> {
  const row = await getRunRow(ctx, project, id)
  if (row.state !== 'active')
    throw new AppError('run_deleted', {
      message: `The run ${id} must be in the 'active' state. Current state is deleted.`,
    })
  return row
}
