import type { Ctx } from '@kiban/kit/context'
import { AppError } from '@kiban/kit/errors'
import { findRunById } from './runs.store.ts'
import { presentCells } from './tracking.present.ts'

export type RunSummary = Awaited<ReturnType<typeof presentCells>>[number]

/** For other modules: a run with the latest value of every metric, its params and tags. */
export async function getRunSummary(ctx: Ctx, runId: string): Promise<RunSummary> {
  const run = await findRunById(ctx.db, runId)
  const [summary] = run ? await presentCells(ctx, [run]) : []
  if (!summary) throw new AppError('run_not_found', { message: `Run with id=${runId} not found` })
  return summary
}
