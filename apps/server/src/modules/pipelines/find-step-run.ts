import type { StepOutput, StepState } from '@kiban/contract/pipelines'
import type { Ctx } from '@kiban/kit/context'
import { Outputs } from './run-scope.ts'
import { listStepRuns } from './steps.store.ts'

export type StepRunView = {
  readonly id: string
  readonly name: string
  readonly state: StepState
  readonly message: string | null
  /** What it waits for, in plain words. */
  readonly reason: string | null
  readonly outputs: Readonly<Record<string, StepOutput>>
  readonly runId: string | null
}

/** One step of a pipeline run as other modules see it; undefined when the run has no such step. */
export async function findStepRun(ctx: Ctx, pipelineRunId: string, step: string): Promise<StepRunView | undefined> {
  const row = (await listStepRuns(ctx.db, pipelineRunId)).find((candidate) => candidate.name === step)
  return (
    row && {
      id: row.id,
      name: row.name,
      state: row.state,
      message: row.message,
      reason: row.reason,
      outputs: Outputs.parse(JSON.parse(row.outputs)),
      runId: row.mlflow_run_id,
    }
  )
}
