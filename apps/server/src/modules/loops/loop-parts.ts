import type { PipelineRunState, StepOutput, StepState } from '@kiban/contract/pipelines'
import type { RolloutState } from '@kiban/contract/endpoints'
import type { Json } from '@kiban/contract/primitives'
import type { Ctx } from '@kiban/kit/context'

/** What a loop sets in motion and follows. */
export type LoopParts = {
  /** Starts a pipeline, or gives the run that this trigger has started already. */
  startPipelineRun(
    ctx: Ctx,
    input: {
      project: string
      pipeline: string
      params: Record<string, Json>
      trigger: { kind: string; id: string; facts: Record<string, Json> }
    },
  ): Promise<{ id: string; number: number }>
  findPipelineRun(
    ctx: Ctx,
    id: string,
  ): Promise<{
    id: string
    pipeline: string
    number: number
    state: PipelineRunState
    message: string | null
    /** Name of its step that uses kiban/release. */
    releaseStep: string | null
  } | null>
  findStepRun(
    ctx: Ctx,
    pipelineRunId: string,
    step: string,
  ): Promise<{ state: StepState; reason: string | null; outputs: Readonly<Record<string, StepOutput>> } | undefined>
  /** Newest first. */
  listRollouts(
    ctx: Ctx,
    project: string,
    endpoint: string,
  ): Promise<readonly { id: string; state: RolloutState; toVersionId: string; message: string }[]>
  /** Id of the version that answers; null while none does or the endpoint is gone. */
  runningVersion(ctx: Ctx, project: string, endpoint: string): Promise<string | null>
  rollbackEndpoint(ctx: Ctx, of: { project: string; endpoint: string; reason: string }): Promise<void>
}
