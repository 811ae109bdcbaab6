import type { InferenceStats, VersionStatus } from '@kiban/contract/inference-control'
import { canonicalJson, sha256 } from '@kiban/kit/canonical-json'
import { emit, inTransaction } from '@kiban/kit/context'
import type { Ctx, Platform } from '@kiban/kit/context'
import { listDeployments, listServingRows, updateVersionState } from './endpoints.store.ts'
import type { DeploymentRow, EndpointRow } from './endpoints.store.ts'
import { planeOf } from './inference-plane.ts'
import { materializeVersion } from './materialize-version.ts'
import { buildTable } from './routing-table.ts'

type Pushed = { digest: string; revision: number }
const pushed = new WeakMap<Platform, Pushed>()

/** Whether the data plane has taken the routes as the tables say now. */
export async function isRouted(ctx: Ctx, stats: InferenceStats | undefined): Promise<boolean> {
  const last = pushed.get(ctx.platform)
  if (!last || stats?.revision !== last.revision) return false
  const { table } = await currentTable(ctx)
  return sha256(canonicalJson(table)) === last.digest
}

/** Pushes the routes if the data plane does not have them, and takes in which versions it could load. True if it pushed. */
export async function pushTable(ctx: Ctx, stats: InferenceStats): Promise<boolean> {
  const { table, deployments, endpoints, failures } = await currentTable(ctx)
  for (const [versionId, error] of failures)
    await noteVersion(
      ctx,
      deployments,
      { id: versionId, state: 'failed', error, signature: null, inFlight: 0 },
      endpoints,
    )
  const digest = sha256(canonicalJson(table))
  const last = pushed.get(ctx.platform)
  if (last?.digest === digest && stats.revision === last.revision) return false
  const revision = Math.max(stats.revision + 1, Date.now())
  const result = await planeOf(ctx.platform).push({ revision, ...table })
  pushed.set(ctx.platform, { digest, revision: result.revision })
  for (const version of result.versions) await noteVersion(ctx, deployments, version, endpoints)
  return true
}

async function currentTable(ctx: Ctx) {
  const endpoints = await listServingRows(ctx)
  const deployments = await listDeployments(
    ctx,
    endpoints.map((endpoint) => endpoint.id),
  )
  const paths = new Map<string, string>()
  const failures = new Map<string, string>()
  for (const each of deployments) {
    if (paths.has(each.version_id)) continue
    try {
      paths.set(each.version_id, await materializeVersion(ctx.platform, each))
    } catch (error) {
      failures.set(each.version_id, error instanceof Error ? error.message : String(error))
    }
  }
  return { table: buildTable(endpoints, deployments, paths), deployments, endpoints, failures }
}

async function noteVersion(
  ctx: Ctx,
  deployments: readonly DeploymentRow[],
  version: VersionStatus,
  endpoints: readonly EndpointRow[],
): Promise<void> {
  const { state } = version
  if (state !== 'ready' && state !== 'failed') return
  const own = deployments.filter((each) => each.version_id === version.id)
  const signature = version.signature ? JSON.stringify(version.signature) : null
  if (
    own.every(
      (each) =>
        each.state === state && each.error === version.error && (signature === null || each.signature === signature),
    )
  )
    return
  await inTransaction(ctx, async (ctx) => {
    await updateVersionState(ctx, version.id, {
      state,
      error: version.error,
      signature: signature ?? own[0]?.signature ?? null,
    })
    for (const endpoint of endpoints)
      if (own.some((each) => each.endpoint_id === endpoint.id))
        emit(ctx, { topic: `projects/${endpoint.project}/endpoints`, kind: 'endpoint.changed', id: endpoint.id })
  })
}
