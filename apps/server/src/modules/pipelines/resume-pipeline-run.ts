import { emit, inTransaction, wake } from '@kiban/kit/context'
import type { Ctx } from '@kiban/kit/context'
import { AppError } from '@kiban/kit/errors'
import { recordAudit } from '../audit/index.ts'
import { getRun, updateRun } from './pipelines.store.ts'
import type { PipelineRunRow } from './pipelines.store.ts'
import { listStepRuns, updateStepRun } from './steps.store.ts'

/**
 * Continues a failed or cancelled run: what succeeded stays, everything else gets another attempt. Throws `pipeline_run_active` or
 * `pipeline_run_succeeded` when there is nothing to resume.
 */
export async function resumePipelineRun(ctx: Ctx, project: string, id: string): Promise<PipelineRunRow> {
  return inTransaction(ctx, async (ctx) => {
    const run = await getRun(ctx.db, project, id)
    const name = `${run.pipeline} #${run.number}`
    if (run.state === 'succeeded')
      throw new AppError('pipeline_run_succeeded', {
        message: `${name} succeeded; there is nothing to resume. To compute it again, use rerun.`,
      })
    if (run.state !== 'failed' && run.state !== 'cancelled')
      throw new AppError('pipeline_run_active', {
        message: `${name} is ${run.state}. Wait until it has ended, or cancel it first.`,
      })
    const steps = (await listStepRuns(ctx.db, run.id)).filter((step) => step.state !== 'succeeded')
    for (const step of steps)
      await updateStepRun(ctx.db, step.id, {
        state: 'waiting',
        // A step that never began has no attempt to count.
        attempt: step.started_at === null ? step.attempt : step.attempt + 1,
        reason: null,
        cause: null,
        message: null,
        job_id: null,
        sweep_id: null,
        mlflow_run_id: null,
        environment_id: null,
        component_state: null,
        started_at: null,
        ended_at: null,
      })
    await updateRun(ctx.db, run.id, { state: 'queued', cause: null, message: null, ended_at: null })
    await recordAudit(ctx, {
      action: 'pipeline_run.resume',
      resource: { kind: 'pipeline_run', id: run.id },
      project,
      before: { state: run.state },
      after: { state: 'queued', steps: steps.map((step) => step.name) },
    })
    emit(ctx, { topic: `projects/${project}/pipeline-runs`, kind: 'pipeline_run.changed', id: run.id })
    wake(ctx, 'pipelines')
    return { ...run, state: 'queued', cause: null, message: null, ended_at: null }
  })
}
