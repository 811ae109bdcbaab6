import type { EndpointDetail, EndpointSummary, Rollout } from '@kiban/contract/endpoints'
import type { Ctx } from '@kiban/kit/context'
import { AppError } from '@kiban/kit/errors'
import { getProject, projectNow } from '../projects/index.ts'
import { recentTrafficOf } from './collect-traffic.ts'
import { openapiOf, snippetsOf } from './describe-calls.ts'
import { StoredSpec } from './endpoint-spec.ts'
import { getEndpointRow, listDeployments, listEndpointRows, findEndpointRow } from './endpoints.store.ts'
import type { EndpointRow } from './endpoints.store.ts'
import { presentDetail, presentRollout, presentSummary, signatureOf, urlsOf } from './endpoints.present.ts'
import type { RolloutView } from './endpoints.present.ts'
import { readLive, readVersionTraffic } from './read-traffic.ts'
import { getRolloutRow, listActiveRollouts, listRolloutEvents, listRolloutRows } from './rollouts.store.ts'
import type { RolloutRow } from './rollouts.store.ts'

/** The data plane is read every second; after this long without an answer people must know. */
const SILENT_MS = 15_000

export async function listEndpoints(ctx: Ctx, project: string, withArchived: boolean): Promise<EndpointSummary[]> {
  await getProject(ctx, project)
  const rows = await listEndpointRows(ctx, project, withArchived)
  const parts = await partsOf(ctx, rows)
  return rows.map((endpoint) => presentSummary(ctx.platform.config, parts(endpoint)))
}

/** Throws `endpoint_not_found`. */
export async function getEndpoint(ctx: Ctx, project: string, name: string): Promise<EndpointDetail> {
  const endpoint = await findInProject(ctx, project, name)
  const parts = await partsOf(ctx, [endpoint])
  return presentDetail(ctx.platform.config, parts(endpoint))
}

/** For other modules: an endpoint that serves, by name, and the URI of its model; null if there is none. */
export async function findEndpoint(
  ctx: Ctx,
  project: string,
  name: string,
): Promise<{ id: string; model: string } | null> {
  const row = (await listEndpointRows(ctx, project)).find((each) => each.name === name)
  return row ? { id: row.id, model: StoredSpec.parse(JSON.parse(row.spec)).model } : null
}

/** The row by name; throws `project_not_found` or `endpoint_not_found`. */
export async function findInProject(ctx: Ctx, project: string, name: string): Promise<EndpointRow> {
  await getProject(ctx, project)
  return getEndpointRow(ctx, project, name)
}

/** OpenAPI and snippets; throws `endpoint_not_ready` before a model is loaded. */
export async function describeCalls(ctx: Ctx, project: string, name: string) {
  const endpoint = await findInProject(ctx, project, name)
  const detail = await getEndpoint(ctx, project, name)
  const signature = signatureOf(endpoint, await listDeployments(ctx, [endpoint.id]))
  if (!signature || !detail.example)
    throw new AppError('endpoint_not_ready', {
      message: `Endpoint ${name} has no loaded model yet, so its fields are not known: ${detail.reason ?? 'a version is being loaded'}.`,
    })
  const spec = StoredSpec.parse(JSON.parse(endpoint.spec))
  const of = { name, project, urls: urlsOf(ctx.platform.config, endpoint), signature, spec, example: detail.example }
  return { openapi: openapiOf(of), snippets: snippetsOf(of) }
}

export async function listRollouts(ctx: Ctx, project: string, name: string, limit: number): Promise<Rollout[]> {
  const endpoint = await findInProject(ctx, project, name)
  const rows = await listRolloutRows(ctx, endpoint.id, limit)
  const [deployments, views] = await Promise.all([listDeployments(ctx, [endpoint.id], 'all'), viewsOf(ctx, rows)])
  return views.map((view) => presentRollout(endpoint, deployments, view))
}

/** Throws `rollout_not_found`. */
export async function getRollout(ctx: Ctx, project: string, id: string): Promise<Rollout> {
  const row = await getRolloutRow(ctx, project, id)
  const endpoint = await findEndpointRow(ctx, row.endpoint_id)
  const [view] = await viewsOf(ctx, [row])
  if (!endpoint || !view) throw new Error(`roll-out ${id} has no endpoint`)
  return presentRollout(endpoint, await listDeployments(ctx, [endpoint.id], 'all'), view)
}

async function partsOf(ctx: Ctx, rows: readonly EndpointRow[]) {
  const ids = rows.map((row) => row.id)
  const [deployments, live, rollouts] = await Promise.all([
    listDeployments(ctx, ids, 'all'),
    readLive(ctx, ids),
    listActiveRollouts(ctx, ids),
  ])
  const views = await viewsOf(ctx, rollouts)
  const isPlaneSilent = ctx.clock.now() - (recentTrafficOf(ctx.platform).latest()?.at ?? 0) > SILENT_MS
  return (endpoint: EndpointRow) => ({
    endpoint,
    deployments: deployments.filter((each) => each.endpoint_id === endpoint.id),
    rollout: views.find((view) => view.row.endpoint_id === endpoint.id),
    live: live.get(endpoint.id),
    isPlaneSilent,
  })
}

async function viewsOf(ctx: Ctx, rows: readonly RolloutRow[]): Promise<RolloutView[]> {
  const events = await listRolloutEvents(
    ctx,
    rows.map((row) => row.id),
  )
  const views: RolloutView[] = []
  for (const row of rows) {
    const isBaking = row.ended_at === null && row.step_at !== null && row.step_project_at !== null
    const elapsedMs = isBaking ? Math.max(0, (await projectNow(ctx, row.project)) - (row.step_project_at ?? 0)) : 0
    const stepRequests = isBaking
      ? ((await readVersionTraffic(ctx, row.endpoint_id, row.step_at ?? 0)).get(row.to_version_id)?.requests ?? 0)
      : 0
    views.push({ row, events: events.filter((event) => event.rollout_id === row.id), elapsedMs, stepRequests })
  }
  return views
}
