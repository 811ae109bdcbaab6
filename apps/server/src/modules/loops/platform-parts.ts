import { z } from 'zod'
import { AppError } from '@kiban/kit/errors'
import { findEndpoint, getEndpoint, listRollouts, rollbackEndpoint } from '../endpoints/index.ts'
import { findPipelineRun, findStepRun, startPipelineRun } from '../pipelines/index.ts'
import type { LoopParts } from './loop-parts.ts'

const Definition = z.object({
  spec: z.object({ steps: z.record(z.string(), z.object({ uses: z.string().optional() })) }),
})

/** Loops on this server's pipelines and endpoints. */
export const platformParts: LoopParts = {
  startPipelineRun,
  findPipelineRun: async (ctx, id) => {
    const run = await findPipelineRun(ctx.db, id)
    if (!run) return null
    const { spec } = Definition.parse(JSON.parse(run.definition))
    const releaseStep =
      Object.entries(spec.steps).find(([, step]) => step.uses?.startsWith('kiban/release'))?.[0] ?? null
    return {
      id: run.id,
      pipeline: run.pipeline,
      number: run.number,
      state: run.state,
      message: run.message,
      releaseStep,
    }
  },
  findStepRun,
  listRollouts: async (ctx, project, endpoint) => {
    if (!(await findEndpoint(ctx, project, endpoint))) return []
    return (await listRollouts(ctx, project, endpoint, 50)).map((rollout) => ({
      id: rollout.id,
      state: rollout.state,
      toVersionId: rollout.to.id,
      message: rollout.message,
    }))
  },
  runningVersion: async (ctx, project, endpoint) => {
    if (!(await findEndpoint(ctx, project, endpoint))) return null
    const { traffic } = await getEndpoint(ctx, project, endpoint)
    return traffic.find((deployment) => deployment.role === 'running')?.version.id ?? null
  },
  rollbackEndpoint: async (ctx, of) => {
    try {
      await rollbackEndpoint(ctx, of)
    } catch (error) {
      // Somebody was faster: there is nothing to go back to any more.
      if (!(error instanceof AppError) || error.status >= 500) throw error
    }
  },
}
