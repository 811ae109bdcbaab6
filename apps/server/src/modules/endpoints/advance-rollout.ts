import type { InferenceStats } from '@kiban/contract/inference-control'
import type { JudgeLook } from '@kiban/contract/endpoints'
import { inTransaction } from '@kiban/kit/context'
import type { Ctx } from '@kiban/kit/context'
import { projectNow } from '../projects/index.ts'
import { findDeployment, findEndpointRow } from './endpoints.store.ts'
import { judge, lookDueMs } from './judge.ts'
import { takeBack } from './model-versions.ts'
import { happen, planOf } from './move-rollout.ts'
import { readVersionTraffic } from './read-traffic.ts'
import type { RolloutEvent } from './rollout.state.ts'
import { updateLook } from './rollouts.store.ts'
import type { RolloutRow } from './rollouts.store.ts'

const LOADING_MS = 300_000
const NOTHING = { requests: 0, errors: 0, latency: new Map<number, number>() }

/** Moves one roll-out as far as what is known now allows. `isRouted`: the data plane has taken the routes as they are in the tables. True if it moved. */
export async function advanceRollout(
  ctx: Ctx,
  row: RolloutRow,
  of: { stats: InferenceStats | undefined; isRouted: boolean },
): Promise<boolean> {
  const event = await observe(ctx, row, of)
  if (!event) return false
  if (event.kind === 'drained' && row.state === 'rolling_back' && row.cause !== 'superseded')
    await giveAliasBack(ctx, row)
  return (await inTransaction(ctx, (ctx) => happen(ctx, row, event))) !== undefined
}

async function observe(
  ctx: Ctx,
  row: RolloutRow,
  of: { stats: InferenceStats | undefined; isRouted: boolean },
): Promise<RolloutEvent | undefined> {
  const to = await findDeployment(ctx, row.endpoint_id, row.to_version_id)
  if (row.state === 'loading') {
    if (to?.state === 'ready') return { kind: 'loaded' }
    if (to?.state === 'failed') return { kind: 'load_failed', message: to.error ?? 'The version could not be loaded.' }
    return ctx.clock.now() - row.loading_at > LOADING_MS
      ? { kind: 'load_failed', message: 'The version was not loaded within 5 minutes.' }
      : undefined
  }
  if (row.state === 'promoting' || row.state === 'rolling_back')
    return of.isRouted && of.stats && isDrained(row, of.stats) ? { kind: 'drained' } : undefined
  if (to?.state === 'failed') return { kind: 'unhealthy', message: to.error ?? 'The version is not ready any more.' }
  // Without the data plane's numbers nothing may be concluded.
  if (!of.stats || row.baking_at === null || row.step_at === null || row.step_project_at === null) return undefined
  return observeTraffic(ctx, row, { bakingAt: row.baking_at, stepAt: row.step_at, stepProjectAt: row.step_project_at })
}

async function observeTraffic(
  ctx: Ctx,
  row: RolloutRow,
  since: { bakingAt: number; stepAt: number; stepProjectAt: number },
): Promise<RolloutEvent | undefined> {
  const plan = planOf(row)
  const inStep = (await readVersionTraffic(ctx, row.endpoint_id, since.stepAt)).get(row.to_version_id) ?? NOTHING
  const elapsedMs = (await projectNow(ctx, row.project)) - since.stepProjectAt
  const isStepOver = row.state === 'baking' && elapsedMs >= plan.bakeMs && inStep.requests >= plan.minRequests
  const isLookDue = ctx.clock.now() - since.bakingAt >= lookDueMs(row.looks + 1)
  if (isStepOver || isLookDue) {
    const worse = await look(ctx, row, since.bakingAt)
    if (worse) return { kind: 'worse', message: worse }
  }
  return row.state === 'baking' ? { kind: 'tick', elapsedMs, requests: inStep.requests } : undefined
}

/** One look of the judge, kept for people to see; says what is worse, if anything. */
async function look(ctx: Ctx, row: RolloutRow, bakingAt: number): Promise<string | undefined> {
  const traffic = await readVersionTraffic(ctx, row.endpoint_id, bakingAt)
  const candidate = traffic.get(row.to_version_id) ?? NOTHING
  if (candidate.requests === 0) return undefined
  const running = (row.from_version_id === null ? undefined : traffic.get(row.from_version_id)) ?? NOTHING
  const looks = judge(planOf(row).judge, { running, candidate, look: row.looks + 1, now: ctx.clock.now() })
  await inTransaction(ctx, (ctx) => updateLook(ctx, row.id, { looks: row.looks + 1, judge: JSON.stringify(looks) }))
  const worse = looks.find((each) => each.verdict === 'worse')
  return worse && worseText(worse)
}

function worseText(look: JudgeLook): string {
  const unit = look.metric === 'error_rate' ? '' : ' ms'
  const number = (value: number | null) => (value === null ? '-' : `${Number(value.toPrecision(3))}${unit}`)
  return `${look.metric} is worse: ${number(look.candidate.value)} of ${look.candidate.count} requests, against ${number(look.running.value)} of ${look.running.count}; the difference is at least ${number(look.interval?.[0] ?? null)}, ${number(look.limit)} is allowed (confidence ${(look.level * 100).toFixed(1)} %).`
}

/** The version that no longer gets requests has answered its last one. */
function isDrained(row: RolloutRow, stats: InferenceStats): boolean {
  const leaving = row.state === 'promoting' ? row.from_version_id : row.to_version_id
  return stats.stats.every(
    (each) => each.endpointId !== row.endpoint_id || each.versionId !== leaving || each.inFlight === 0,
  )
}

async function giveAliasBack(ctx: Ctx, row: RolloutRow): Promise<void> {
  const endpoint = await findEndpointRow(ctx, row.endpoint_id)
  if (!endpoint || row.from_version_id === null) return
  await takeBack(ctx, endpoint, {
    oldVersionId: row.from_version_id,
    newVersionId: row.to_version_id,
    reason: row.message,
  })
}
