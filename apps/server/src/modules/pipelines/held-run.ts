import { emit, inTransaction } from '@kiban/kit/context'
import type { Ctx } from '@kiban/kit/context'
import { updateHeldRun } from './pipelines.store.ts'
import type { PipelineRunRow } from './pipelines.store.ts'
import { updateStepRun } from './steps.store.ts'
import type { StepRunChange, StepRunRow } from './steps.store.ts'

export const LEASE_MS = 60_000

/** Another process has taken the run over: whatever was being done is dropped. */
export class LeaseLost extends Error {}

/** Writes in one transaction that fails with `LeaseLost` when the run is no longer held; tells the browsers. */
export async function whileHeld<T>(ctx: Ctx, run: PipelineRunRow, write: (ctx: Ctx) => Promise<T>): Promise<T> {
  return inTransaction(ctx, async (ctx) => {
    if (!(await updateHeldRun(ctx.db, run, { lease_until: ctx.clock.now() + LEASE_MS }))) throw new LeaseLost(run.id)
    const result = await write(ctx)
    emit(ctx, { topic: `projects/${run.project}/pipeline-runs`, kind: 'pipeline_run.changed', id: run.id })
    return result
  })
}

export async function changeStep(ctx: Ctx, run: PipelineRunRow, row: StepRunRow, change: StepRunChange): Promise<void> {
  await whileHeld(ctx, run, (ctx) => updateStepRun(ctx.db, row.id, change))
}
