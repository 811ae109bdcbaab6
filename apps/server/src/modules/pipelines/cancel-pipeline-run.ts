import { emit, inTransaction, wake } from '@kiban/kit/context'
import type { Ctx } from '@kiban/kit/context'
import { AppError } from '@kiban/kit/errors'
import { recordAudit } from '../audit/index.ts'
import { getRun, updateRun } from './pipelines.store.ts'
import type { PipelineRunRow } from './pipelines.store.ts'

/** Cancels a run: the loop stops its jobs and what has not started never starts. Throws `pipeline_run_ended` when there is nothing to stop. */
export async function cancelPipelineRun(ctx: Ctx, project: string, id: string): Promise<PipelineRunRow> {
  return inTransaction(ctx, async (ctx) => {
    const run = await getRun(ctx.db, project, id)
    if (['succeeded', 'failed', 'cancelled'].includes(run.state))
      throw new AppError('pipeline_run_ended', {
        message: `${run.pipeline} #${run.number} has ended already (${run.state}); there is nothing to cancel.`,
      })
    await updateRun(ctx.db, run.id, { state: 'cancelling' })
    await recordAudit(ctx, {
      action: 'pipeline_run.cancel',
      resource: { kind: 'pipeline_run', id: run.id },
      project,
      before: { state: run.state },
      after: { state: 'cancelling' },
    })
    emit(ctx, { topic: `projects/${project}/pipeline-runs`, kind: 'pipeline_run.changed', id: run.id })
    wake(ctx, 'pipelines')
    return { ...run, state: 'cancelling' }
  })
}
