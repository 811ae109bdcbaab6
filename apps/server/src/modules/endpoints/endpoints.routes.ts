import { endpoints as contract } from '@kiban/contract'
import type { Ctx } from '@kiban/kit/context'
import { route } from '@kiban/kit/module'
import type { Route } from '@kiban/kit/module'
import { commandRollout, rollbackEndpoint } from './command-rollout.ts'
import type { RolloutCommand } from './command-rollout.ts'
import { describeCalls, findInProject, getEndpoint, getRollout, listEndpoints, listRollouts } from './find-endpoint.ts'
import { getPrediction, listPredictions } from './read-predictions.ts'
import { readSeries } from './read-traffic.ts'

export const routes: readonly Route[] = [
  route(contract.listEndpoints, async (ctx, { params, query }) => ({
    items: await listEndpoints(ctx, params.project, query.archived === 'true'),
  })),
  route(contract.getEndpoint, async (ctx, { params }) => getEndpoint(ctx, params.project, params.endpoint)),
  route(contract.getEndpointSeries, async (ctx, { params, query }) =>
    readSeries(ctx, (await findInProject(ctx, params.project, params.endpoint)).id, query),
  ),
  route(
    contract.getEndpointOpenapi,
    async (ctx, { params }) => (await describeCalls(ctx, params.project, params.endpoint)).openapi,
  ),
  route(contract.listEndpointSnippets, async (ctx, { params }) => ({
    items: (await describeCalls(ctx, params.project, params.endpoint)).snippets,
  })),
  route(contract.listRollouts, async (ctx, { params, query }) => ({
    items: await listRollouts(ctx, params.project, params.endpoint, query.limit),
  })),
  route(contract.getRollout, async (ctx, { params }) => getRollout(ctx, params.project, params.rollout)),
  route(contract.pauseRollout, async (ctx, { params, body }) => command(ctx, params, 'pause', body.reason)),
  route(contract.resumeRollout, async (ctx, { params, body }) => command(ctx, params, 'resume', body.reason)),
  route(contract.promoteRollout, async (ctx, { params, body }) => command(ctx, params, 'promote', body.reason)),
  route(contract.abortRollout, async (ctx, { params, body }) => command(ctx, params, 'abort', body.reason)),
  route(contract.rollbackEndpoint, async (ctx, { params, body }) => {
    const row = await rollbackEndpoint(ctx, { ...params, reason: body.reason })
    return getRollout(ctx, params.project, row.id)
  }),
  route(contract.listPredictions, async (ctx, { params, query }) => listPredictions(ctx, { ...params, ...query })),
  route(contract.getPrediction, async (ctx, { params }) => getPrediction(ctx, params.project, params.prediction)),
]

async function command(
  ctx: Ctx,
  params: { project: string; endpoint: string },
  name: RolloutCommand,
  reason: string | undefined,
) {
  const row = await commandRollout(ctx, { ...params, command: name, reason })
  return getRollout(ctx, params.project, row.id)
}
