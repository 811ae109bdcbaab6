import { inTransaction } from '@kiban/kit/context'
import type { Ctx } from '@kiban/kit/context'
import type { Loop } from '@kiban/kit/module'
import { advanceRollout } from './advance-rollout.ts'
import { collectTraffic } from './collect-traffic.ts'
import { listDeployments, listServingRows, updateDeployment, updateEndpoint } from './endpoints.store.ts'
import type { EndpointRow } from './endpoints.store.ts'
import { planeOf } from './inference-plane.ts'
import { forgetVersion } from './materialize-version.ts'
import { findTarget } from './model-versions.ts'
import { happen } from './move-rollout.ts'
import { isRouted, pushTable } from './push-table.ts'
import { listActiveRollouts } from './rollouts.store.ts'
import { startRollout } from './start-rollout.ts'
import { deleteTrafficBefore } from './traffic.store.ts'

const TRAFFIC_KEPT_MS = 31 * 86_400_000

/**
 * Brings what is served to what should be: keeps the data plane alive, takes over its counts, starts a roll-out where an alias moved,
 * moves every roll-out, pushes the routes. Each step reads the tables again, so a kill between any two loses nothing.
 */
export const endpointsLoop: Loop = {
  name: 'endpoints',
  everyMs: 1000,
  run: async (ctx) => {
    const stats = await planeOf(ctx.platform).ensure(ctx.log)
    if (stats) await collectTraffic(ctx, stats)
    for (const endpoint of await listServingRows(ctx))
      await apart(ctx, { endpoint: endpoint.name }, () => followTarget(ctx, endpoint))
    const routed = await isRouted(ctx, stats)
    let hasMoved = false
    for (const rollout of await listActiveRollouts(ctx))
      await apart(ctx, { rollout: rollout.id }, async () => {
        if (await advanceRollout(ctx, rollout, { stats, isRouted: routed })) hasMoved = true
      })
    await releaseKept(ctx)
    if (stats && (await pushTable(ctx, stats))) hasMoved = true
    // A move is often followed by the next one at once.
    if (hasMoved) ctx.platform.wake('endpoints')
    if (Math.random() < 0.001)
      await inTransaction(ctx, (ctx) => deleteTrafficBefore(ctx, ctx.clock.now() - TRAFFIC_KEPT_MS))
  },
}

/** One endpoint's trouble must not hold up the others; it is tried again with the next round. */
async function apart(ctx: Ctx, of: object, work: () => Promise<void>): Promise<void> {
  try {
    await work()
  } catch (error) {
    if (ctx.signal.aborted) throw error
    ctx.log.error({ ...of, err: error }, 'an endpoint could not be advanced')
  }
}

/** Compares what an endpoint should serve with what it serves, and begins or abandons a roll-out. */
async function followTarget(ctx: Ctx, endpoint: EndpointRow): Promise<void> {
  const target = await findTarget(ctx, endpoint)
  const [active] = await listActiveRollouts(ctx, [endpoint.id])
  if ('reason' in target) {
    if (!active && endpoint.reason !== target.reason)
      await inTransaction(ctx, (ctx) => updateEndpoint(ctx, endpoint.id, { reason: target.reason }))
    return
  }
  const { version } = target
  if (active) {
    if (active.to_version_id !== version.id)
      await inTransaction(ctx, (ctx) =>
        happen(ctx, active, { kind: 'superseded', message: `Version ${version.number} is wanted now.` }),
      )
    return
  }
  if (version.id === endpoint.running_version_id) {
    if (endpoint.refused_version_id !== null || endpoint.reason !== null)
      await inTransaction(ctx, (ctx) => updateEndpoint(ctx, endpoint.id, { refused_version_id: null, reason: null }))
    return
  }
  if (version.id === endpoint.refused_version_id) return
  const kept = (await listDeployments(ctx, [endpoint.id])).find(
    (each) => each.version_id === version.id && each.role === 'kept',
  )
  await inTransaction(ctx, (ctx) =>
    startRollout(ctx, endpoint, version, {
      message: kept
        ? `Back to version ${version.number}, which ran here before.`
        : `${target.because} is version ${version.number}.`,
      instantly: kept !== undefined,
    }),
  )
}

/** Lets go of old versions whose time to go back is over. */
async function releaseKept(ctx: Ctx): Promise<void> {
  const endpoints = await listServingRows(ctx)
  const deployments = await listDeployments(
    ctx,
    endpoints.map((endpoint) => endpoint.id),
  )
  for (const each of deployments) {
    if (each.role !== 'kept' || each.release_at === null || each.release_at > ctx.clock.now()) continue
    await inTransaction(ctx, (ctx) =>
      updateDeployment(ctx, each.id, { role: 'released', state: 'released', release_at: null }),
    )
    if (!deployments.some((other) => other.version_id === each.version_id && other.id !== each.id))
      forgetVersion(ctx.platform, each.version_id)
  }
}
