import { z } from 'zod'
import type { Json } from '@kiban/contract/primitives'
import { durationMs, ExpressionError, renderValue } from '@kiban/contract/project-file'
import type { Ctx } from '@kiban/kit/context'
import { AppError } from '@kiban/kit/errors'
import { listAlerts, listWindowsOfMonitor } from '../monitors/index.ts'
import { blockedReason } from './loop-limits.ts'
import type { LinkChange } from './loop-links.ts'
import type { LoopParts } from './loop-parts.ts'
import { scopeOf, specOf, triggerOf } from './loop-spec.ts'
import { listFiringRows } from './loops.store.ts'
import type { FiringRow, LoopRow } from './loops.store.ts'

/** What one look at a firing found: columns and links to write. Null: nothing has changed. */
export type Advance = { readonly set: Partial<FiringRow>; readonly links: readonly LinkChange[] } | null
type Looking = { readonly loop: LoopRow; readonly firing: FiringRow; readonly parts: LoopParts; readonly nowMs: number }

/** Looks where a firing stands and says what follows. Everything it starts is idempotent by the firing, so it may be repeated. */
export async function advanceFiring(ctx: Ctx, looking: Looking): Promise<Advance> {
  switch (looking.firing.state) {
    case 'suppressed':
      return reconsider(ctx, looking)
    case 'starting':
      return start(ctx, looking)
    case 'training':
    case 'approving':
      return followRun(ctx, looking)
    case 'rolling_out':
      return followRollout(ctx, looking)
    case 'watching':
      return watch(ctx, looking)
    default:
      return null
  }
}

async function reconsider(ctx: Ctx, { loop, firing, nowMs }: Looking): Promise<Advance> {
  const alerts = await listAlerts(ctx, { project: firing.project, monitor: triggerOf(firing).monitor, limit: 500 })
  const alert = alerts.find((candidate) => candidate.id === firing.alert_id)
  if (alert === undefined || alert.state === 'resolved')
    return {
      set: { ended_at: nowMs, reason: `${firing.reason} Its alert is over, so nothing is left to do.` },
      links: [{ link: 'retrain', state: 'skipped', reason: 'held back until the alert was over' }],
    }
  const others = (await listFiringRows(ctx, loop.id, 500)).filter((row) => row.id !== firing.id)
  const blocked = loop.enabled === 0 ? 'the loop is disabled' : blockedReason(specOf(loop), others, nowMs)
  const reason = `Held back: ${blocked}.`
  if (blocked !== null) return reason === firing.reason ? null : { set: { reason }, links: [] }
  return { set: { state: 'starting', started_at: nowMs, reason: alert.reason }, links: [] }
}

async function start(ctx: Ctx, { loop, firing, parts, nowMs }: Looking): Promise<Advance> {
  const spec = specOf(loop)
  const trigger = triggerOf(firing)
  const facts = {
    time: new Date(nowMs).toISOString(),
    start: new Date(trigger.windowStartAt).toISOString(),
    end: new Date(trigger.windowEndAt).toISOString(),
    monitor: { name: trigger.monitor, signal: trigger.signal, metric: trigger.metric, value: trigger.value },
    loop: loop.name,
  }
  try {
    const params = renderValue(spec.params, {
      ...scopeOf(loop),
      trigger: { kind: 'monitor', id: firing.alert_id, ...facts },
    }) as Record<string, Json> // an object gives an object
    const run = await parts.startPipelineRun(ctx, {
      project: loop.project,
      pipeline: spec.pipeline,
      params,
      trigger: { kind: 'monitor', id: firing.id, facts },
    })
    return {
      set: {
        state: 'training',
        pipeline_run_id: run.id,
        params_json: JSON.stringify(params),
        reason: `${spec.pipeline} #${run.number} trains`,
      },
      links: [
        {
          link: 'retrain',
          state: 'active',
          reason: `${spec.pipeline} #${run.number}`,
          target: { kind: 'pipeline_run', id: run.id },
        },
      ],
    }
  } catch (error) {
    if (error instanceof ExpressionError || (error instanceof AppError && error.status < 500))
      return end('failed', nowMs, `${spec.pipeline} could not start: ${error.message}`, [
        { link: 'retrain', state: 'failed', reason: error.message },
      ])
    throw error
  }
}

const Released = z.object({
  verdict: z.object({ value: z.string() }),
  reason: z.object({ value: z.string() }),
  versionId: z.object({ value: z.string() }),
  version: z.object({ value: z.number() }),
})

async function followRun(ctx: Ctx, { loop, firing, parts, nowMs }: Looking): Promise<Advance> {
  const run = await parts.findPipelineRun(ctx, firing.pipeline_run_id ?? '')
  if (!run)
    return end('failed', nowMs, 'its pipeline run is gone', [
      { link: 'retrain', state: 'failed', reason: 'the run is gone' },
    ])
  const release = run.releaseStep === null ? undefined : await parts.findStepRun(ctx, run.id, run.releaseStep)
  const name = `${run.pipeline} #${run.number}`
  if (release?.state === 'succeeded') {
    const found = Released.safeParse(release.outputs)
    if (!found.success)
      return end('failed', nowMs, `${name} released nothing that can be followed`, [
        { link: 'gate', state: 'failed', reason: 'no version' },
      ])
    const { verdict, reason, versionId, version } = found.data
    const target = { kind: 'model_version', id: versionId.value }
    const set = { model_version_id: versionId.value, model_version_number: version.value }
    const model = specOf(loop).model
    const trained: LinkChange = { link: 'retrain', state: 'passed', reason: `${name} made ${model} v${version.value}` }
    if (verdict.value !== 'released') {
      const ended = end('refused', nowMs, `The gate refuses ${model} v${version.value}: ${reason.value}`, [
        trained,
        { link: 'gate', state: 'failed', reason: reason.value, target },
      ])
      return ended && { ...ended, set: { ...ended.set, ...set } }
    }
    return {
      set: { ...set, state: 'rolling_out', reason: `${model} v${version.value} passed and is to be rolled out` },
      links: [
        trained,
        { link: 'gate', state: 'passed', reason: reason.value, target },
        {
          link: 'approve',
          state: firing.state === 'approving' ? 'passed' : 'skipped',
          reason: firing.state === 'approving' ? 'approved' : 'no approval is asked for',
        },
      ],
    }
  }
  if (run.state === 'failed' || run.state === 'cancelled') {
    const atGate = release !== undefined && release.state === 'failed'
    const reason = run.message ?? `${name} ${run.state}`
    return end('failed', nowMs, `${name} ${run.state === 'failed' ? 'failed' : 'was cancelled'}: ${reason}`, [
      atGate ? { link: 'gate', state: 'failed', reason } : { link: 'retrain', state: 'failed', reason },
    ])
  }
  if (run.state === 'succeeded')
    return end('failed', nowMs, `${name} ended without a release`, [
      { link: 'gate', state: 'failed', reason: 'the release step did not run' },
    ])
  const waits = release?.reason ?? null
  if (waits !== null && /approval/.test(waits)) {
    if (firing.state === 'approving') return null
    return {
      set: { state: 'approving', reason: waits },
      links: [
        { link: 'retrain', state: 'passed', reason: name },
        { link: 'gate', state: 'passed', reason: 'checks passed' },
        { link: 'approve', state: 'active', reason: waits },
      ],
    }
  }
  if (release?.state === 'running' && firing.reason !== 'the gate judges')
    return {
      set: { reason: 'the gate judges' },
      links: [
        { link: 'retrain', state: 'passed', reason: name },
        { link: 'gate', state: 'active', reason: waits ?? 'it is judged' },
      ],
    }
  return null
}

async function followRollout(ctx: Ctx, { loop, firing, parts, nowMs }: Looking): Promise<Advance> {
  const { endpoint, model } = specOf(loop)
  const label = `${model} v${firing.model_version_number}`
  if (endpoint === undefined)
    return end('kept', nowMs, `${label} is released; the loop names no endpoint to follow.`, [
      { link: 'rollout', state: 'skipped', reason: 'no endpoint' },
      { link: 'watch', state: 'skipped', reason: 'no endpoint' },
    ])
  const rollouts = await parts.listRollouts(ctx, loop.project, endpoint)
  const rollout = rollouts.find((candidate) => candidate.toVersionId === firing.model_version_id)
  if (!rollout) {
    const running = await parts.runningVersion(ctx, loop.project, endpoint)
    if (running === firing.model_version_id) return deployed(firing, label, nowMs, null)
    const reason = `${label} waits for its roll-out on ${endpoint}`
    return firing.reason === reason
      ? null
      : { set: { reason }, links: [{ link: 'rollout', state: 'active', reason: 'it has not begun' }] }
  }
  const target = { kind: 'deployment', id: rollout.id }
  if (rollout.state === 'done') return deployed(firing, label, nowMs, rollout.id)
  if (rollout.state === 'rolled_back' || rollout.state === 'failed')
    return end('rolled_back', nowMs, `${label} was taken back: ${rollout.message}`, [
      { link: 'rollout', state: 'failed', reason: rollout.message, target },
      { link: 'watch', state: 'skipped', reason: 'it does not serve' },
    ])
  const reason = `${label}: ${rollout.message || rollout.state.replaceAll('_', ' ')}`
  if (firing.reason === reason) return null
  return {
    set: { rollout_id: rollout.id, reason },
    links: [{ link: 'rollout', state: 'active', reason: rollout.message || rollout.state, target }],
  }
}

function deployed(firing: FiringRow, label: string, nowMs: number, rolloutId: string | null): Advance {
  const { monitor, signal } = triggerOf(firing)
  return {
    set: {
      state: 'watching',
      rollout_id: rolloutId,
      deployed_at: nowMs,
      reason: `${label} serves; the next window of ${monitor} tells whether ${signal.replaceAll('_', ' ')} is better`,
    },
    links: [
      {
        link: 'rollout',
        state: 'passed',
        reason: `${label} serves`,
        ...(rolloutId === null ? {} : { target: { kind: 'deployment', id: rolloutId } }),
      },
      { link: 'watch', state: 'active', reason: `the next window of ${monitor}` },
    ],
  }
}

/**
 * Keeps the new version or goes back: the first window that ends after the roll-out and can be judged decides. One that still fails goes
 * back only if its value is worse than the one that fired the loop: failing less is an improvement. With `watch` as a duration, no
 * failing window until then is enough.
 */
async function watch(ctx: Ctx, { loop, firing, parts, nowMs }: Looking): Promise<Advance> {
  const spec = specOf(loop)
  const { endpoint } = spec
  const trigger = triggerOf(firing)
  const label = `${spec.model} v${firing.model_version_number}`
  const since = firing.deployed_at ?? nowMs
  if (endpoint !== undefined) {
    const running = await parts.runningVersion(ctx, loop.project, endpoint)
    if (running !== null && running !== firing.model_version_id)
      return end(
        'superseded',
        nowMs,
        `${label} no longer serves ${endpoint}: another version took its place while it was watched.`,
        [{ link: 'watch', state: 'skipped', reason: 'another version serves' }],
      )
  }
  const windows = await listWindowsOfMonitor(ctx, {
    project: loop.project,
    monitor: trigger.monitor,
    signal: trigger.signal,
    fromAt: trigger.windowStartAt,
  })
  const decisive = windows.find((window) => window.endAt > since && window.status !== null)
  const target = decisive === undefined ? null : { kind: 'monitor_window', id: decisive.id }
  if (decisive === undefined) {
    if (typeof spec.watch === 'string' && nowMs >= since + durationMs(spec.watch))
      return end('kept', nowMs, `${label} is kept: nothing failed in ${spec.watch}.`, [
        { link: 'watch', state: 'passed', reason: `nothing failed in ${spec.watch}` },
      ])
    return null
  }
  if (decisive.status !== 'fail')
    return end('kept', nowMs, `${label} is kept: in ${decisive.label} ${decisive.reason}.`, [
      { link: 'watch', state: 'passed', reason: decisive.reason, target },
    ])
  const isWorse =
    decisive.value !== null &&
    trigger.value !== null &&
    (decisive.direction === 'below' ? decisive.value < trigger.value : decisive.value > trigger.value)
  if (!isWorse)
    return end(
      'kept',
      nowMs,
      `${label} is kept: in ${decisive.label} ${decisive.reason}, which is no worse than the ${trigger.value} that fired the loop.`,
      [{ link: 'watch', state: 'passed', reason: decisive.reason, target }],
    )
  const reason = `${label} is worse than what it replaced: in ${decisive.label} ${decisive.reason}, ${trigger.value} before`
  if (endpoint !== undefined) await parts.rollbackEndpoint(ctx, { project: loop.project, endpoint, reason })
  return end('rolled_back', nowMs, `${reason}.`, [{ link: 'watch', state: 'failed', reason: decisive.reason, target }])
}

function end(state: FiringRow['state'], nowMs: number, reason: string, links: readonly LinkChange[]): Advance {
  return { set: { state, reason, ended_at: nowMs }, links }
}
