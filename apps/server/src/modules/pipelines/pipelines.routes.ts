import { pipelines as contract } from '@kiban/contract'
import { route } from '@kiban/kit/module'
import type { Route } from '@kiban/kit/module'
import { getProject } from '../projects/index.ts'
import { cancelPipelineRun } from './cancel-pipeline-run.ts'
import { presentOneRun, presentPipeline, presentPipelines, presentRunDetail, presentRuns } from './pipelines.present.ts'
import { getPipeline, getRun, listRunRows } from './pipelines.store.ts'
import { rerunPipelineRun } from './rerun-pipeline-run.ts'
import { resumePipelineRun } from './resume-pipeline-run.ts'
import { callTrigger, startPipelineRun } from './start-pipeline-run.ts'

export const routes: readonly Route[] = [
  route(contract.listPipelines, async (ctx, { params }) => {
    await getProject(ctx, params.project)
    return { pipelines: await presentPipelines(ctx, params.project) }
  }),
  route(contract.getPipeline, async (ctx, { params }) => {
    await getProject(ctx, params.project)
    const row = await getPipeline(ctx.db, params.project, params.pipeline)
    const [newest] = await listRunRows(ctx.db, { project: params.project, pipeline: row.name, limit: 1 })
    return presentPipeline(row, newest && (await presentOneRun(ctx, newest)))
  }),
  route(contract.listPipelineRuns, async (ctx, { params, query }) => {
    await getProject(ctx, params.project)
    const rows = await listRunRows(ctx.db, { project: params.project, ...query, limit: query.limit + 1 })
    const page = rows.slice(0, query.limit)
    return {
      runs: await presentRuns(ctx, page),
      nextCursor: rows.length > query.limit ? (page.at(-1)?.id ?? null) : null,
    }
  }),
  route(contract.getPipelineRun, async (ctx, { params }) => {
    await getProject(ctx, params.project)
    return presentRunDetail(ctx, await getRun(ctx.db, params.project, params.run))
  }),
  route(contract.startPipelineRun, async (ctx, { params, body }) =>
    presentOneRun(
      ctx,
      await startPipelineRun(ctx, {
        project: params.project,
        pipeline: params.pipeline,
        params: body.params,
        trigger: callTrigger(ctx, body.idempotencyKey),
        noCache: body.noCache,
        recompute: body.recompute,
      }),
    ),
  ),
  route(contract.cancelPipelineRun, async (ctx, { params }) =>
    presentOneRun(ctx, await cancelPipelineRun(ctx, params.project, params.run)),
  ),
  route(contract.resumePipelineRun, async (ctx, { params }) =>
    presentOneRun(ctx, await resumePipelineRun(ctx, params.project, params.run)),
  ),
  route(contract.rerunPipelineRun, async (ctx, { params, body }) =>
    presentOneRun(ctx, await rerunPipelineRun(ctx, params.project, params.run, body)),
  ),
]
