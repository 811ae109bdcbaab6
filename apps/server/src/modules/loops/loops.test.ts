import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { RolloutState } from '@kiban/contract/endpoints'
import type { PipelineRunState, StepState } from '@kiban/contract/pipelines'
import { parseProjectFile } from '@kiban/contract/project-file'
import type { ProjectFile } from '@kiban/contract/project-file'
import { inTransaction } from '@kiban/kit/context'
import { newId } from '@kiban/kit/ids'
import { startTestApp } from '@kiban/testkit/app'
import type { TestApp } from '@kiban/testkit/app'
import { testDatabases } from '@kiban/testkit/database'
import { manualClock } from '@kiban/testkit/clock'
import { access } from '../access/index.ts'
import { audit } from '../audit/index.ts'
import { datasets } from '../datasets/index.ts'
import { lineageModule } from '../lineage/index.ts'
import { monitorsModule, platformSources } from '../monitors/index.ts'
import { insertAlert, updateAlert } from '../monitors/alerts.store.ts'
import { insertMonitor, insertWindow } from '../monitors/monitors.store.ts'
import type { WindowRow } from '../monitors/monitors.store.ts'
import { replaceValues } from '../monitors/signal-values.store.ts'
import { projects } from '../projects/index.ts'
import { secrets } from '../secrets/index.ts'
import { applyLoops } from './apply-loops.ts'
import { loopsModule } from './index.ts'
import type { LoopParts } from './index.ts'

// What the loop sets in motion, as the tests move it on: runs by trigger, one release step, one roll-out.
const freshWorld = () => ({
  started: [] as { id: string; params: unknown; trigger: { id: string } }[],
  run: 'running' as PipelineRunState,
  release: {
    state: 'waiting' as StepState,
    reason: null as string | null,
    verdict: 'released',
    versionId: 'mv_2',
    number: 2,
  },
  rollout: null as { state: RolloutState; message: string } | null,
  running: 'mv_1',
  rolledBack: [] as string[],
})
const world = freshWorld()
let dropDatabase: (() => Promise<void>) | undefined
const parts: LoopParts = {
  startPipelineRun: async (_ctx, input) => {
    const known = world.started.find((run) => run.trigger.id === input.trigger.id)
    if (known) return { id: known.id, number: 1 }
    world.started.push({ id: `prun_${world.started.length + 1}`, params: input.params, trigger: input.trigger })
    return { id: `prun_${world.started.length}`, number: world.started.length }
  },
  findPipelineRun: async (_ctx, id) => ({
    id,
    pipeline: 'train',
    number: 1,
    state: world.run,
    message: 'exit status 1',
    releaseStep: 'release',
  }),
  findStepRun: async () => ({
    state: world.release.state,
    reason: world.release.reason,
    outputs:
      world.release.state === 'succeeded'
        ? {
            verdict: { type: 'string', value: world.release.verdict },
            reason: { type: 'string', value: 'log_loss -0.036' },
            versionId: { type: 'string', value: world.release.versionId },
            version: { type: 'int', value: world.release.number },
          }
        : {},
  }),
  listRollouts: async () =>
    world.rollout ? [{ id: 'roll_1', toVersionId: world.release.versionId, ...world.rollout }] : [],
  runningVersion: async () => world.running,
  rollbackEndpoint: async (_ctx, { reason }) => void world.rolledBack.push(reason),
}

const FILE = `
project: flights
datasets: { outcomes: {} }
pipelines:
  train:
    params: { cutoff: { type: date, default: 2013-04-01 } }
    steps:
      train: { run: python train.py, outputs: { model: model } }
      release: { uses: kiban/release, inputs: { model: "\${{ steps.train.outputs.model }}", name: delay } }
models: { delay: {} }
endpoints: { delay: { model: models:/delay@production } }
monitors:
  delays: { endpoint: delay, window: 1mo, labels: { dataset: datasets:/outcomes, column: late }, signals: { data_drift: {}, performance: { checks: [{ metric: ece, max: 0.05, for: 2 }] } } }
loops:
  delay: { when: [{ monitor: delays, signal: performance }], pipeline: train, params: { cutoff: "\${{ date(trigger.end) }}" }, model: delay, endpoint: delay, limits: { cooldown: 1mo } }
`
const parse = (text: string): ProjectFile => {
  const parsed = parseProjectFile(text, { path: 'kiban.yaml' })
  if (!('file' in parsed)) throw new Error(JSON.stringify(parsed.errors))
  return parsed.file
}
let app: TestApp
const apply = (text: string) =>
  inTransaction(app.ctx, (ctx) =>
    applyLoops(ctx, { project: 'flights', file: parse(text), previous: null, codeManifest: '', revisionId: 'rev' }),
  )
const request = async (method: string, path: string, body?: unknown) => {
  const response = await fetch(`${app.url}/api/v1${path}`, {
    method,
    ...(body === undefined ? {} : { body: JSON.stringify(body), headers: { 'content-type': 'application/json' } }),
  })
  // oxlint-disable-next-line typescript/no-explicit-any -- answers are compared as they are
  return { status: response.status, body: (await response.json()) as any }
}
const setClock = (at: string) => request('PUT', '/projects/flights/clock', { mode: 'replay', now: Date.parse(at) })
const firings = async () => (await request('GET', '/projects/flights/loops/delay/firings')).body.firings
const clock = manualClock()
const turn = async () => {
  clock.advance(3000)
  await app.runLoop('loops')
  return (await firings())[0]
}
const windowRow = (label: string, start: string, end: string): WindowRow => ({
  id: `mw_${label}`,
  monitor_id: 'mon_1',
  project: 'flights',
  grain: 'window',
  label,
  start_at: Date.parse(start),
  end_at: Date.parse(end),
  state: 'done',
  reason: '',
  due: 0,
  attempts: 0,
  retry_at: null,
  rows: 1000,
  labelled: 1000,
  has_labels: 1,
  label_version_id: null,
  importance_source: null,
  reference_name: null,
  reference_rows: 0,
  versions_json: '[]',
  signals_json: '[]',
  recomputed: 0,
  computed_at: 1,
  created_at: 1,
  lease_token: null,
  lease_until: null,
})
const alert = async (
  change: { severity?: 'error' | 'warn'; signal?: 'performance' | 'data_drift'; label?: string; end?: string } = {},
): Promise<string> => {
  const id = newId('alr')
  const { severity = 'error', signal = 'performance', label = '2013-07', end = '2013-08-01T00:00:00Z' } = change
  await inTransaction(app.ctx, (ctx) =>
    insertAlert(ctx, {
      id,
      project: 'flights',
      monitor_id: 'mon_1',
      monitor: 'delays',
      rule: `${signal} ${id}`,
      signal,
      metric: 'ece',
      severity,
      state: 'open',
      reason: 'ece 0.066 is above 0.05',
      value: 0.066,
      limit_value: 0.05,
      window_id: `mw_${label}`,
      window_label: label,
      window_start_at: Date.parse('2013-07-01T00:00:00Z'),
      window_end_at: Date.parse(end),
      last_window_start_at: Date.parse('2013-07-01T00:00:00Z'),
      windows: 2,
      opened_at: 1,
      last_seen_at: 1,
      acknowledged_by: null,
      acknowledged_at: null,
      silenced_until_at: null,
      resolved_at: null,
    }),
  )
  return id
}
const verdict = (label: string, start: string, end: string, value: number) =>
  inTransaction(app.ctx, async (ctx) => {
    const row = windowRow(label, start, end)
    await insertWindow(ctx, row)
    await replaceValues(
      ctx,
      row,
      [
        {
          signal: 'performance',
          metric: 'ece',
          slice: null,
          modelVersion: null,
          value,
          limit: 0.05,
          direction: 'above',
          status: value > 0.05 ? 'fail' : 'ok',
          severity: 'error',
          rows: 1000,
          reason: `ece ${value}`,
          rule: 'performance: ece',
          forWindows: 2,
        },
      ],
      [],
    )
  })

describe.each(testDatabases())('loops on $name', (database) => {
  beforeAll(async () => {
    const { url, drop } = await database.fresh()
    dropDatabase = drop
    Object.assign(world, freshWorld())
    app = await startTestApp({
      clock,
      databaseUrl: url,
      modules: [
        projects,
        access,
        audit,
        secrets,
        lineageModule([]),
        datasets,
        monitorsModule(platformSources),
        loopsModule(parts),
      ],
    })
    await request('POST', '/projects', { name: 'flights', title: '', description: '' })
    await setClock('2013-08-01T03:00:00Z')
    await inTransaction(app.ctx, (ctx) =>
      insertMonitor(ctx, {
        id: 'mon_1',
        project: 'flights',
        name: 'delays',
        spec_json: JSON.stringify(parse(FILE).monitors['delays']),
        state_reason: null,
        archived_at: null,
        created_at: 1,
        created_by: 'usr_test',
      }),
    )
  })
  afterAll(async () => {
    await app?.close()
    await dropDatabase?.()
  })

  test('a loop that could not be closed is refused with the reason', async () => {
    await expect(apply(FILE.replace('delays, signal: performance', 'delays, signal: operations'))).rejects.toThrow(
      'monitor delays has no signal operations; it has data_drift, performance',
    )
    expect((await request('GET', '/projects/flights/loops/delay')).body.error.code).toBe('loop_not_found')
  })

  test('past alerts, warnings and other signals do not fire it', async () => {
    await alert()
    expect(await apply(FILE)).toEqual([{ kind: 'create', noun: 'loop', name: 'delay' }])
    expect(await apply(FILE)).toEqual([])
    await alert({ severity: 'warn', signal: 'data_drift' })
    await alert({ severity: 'warn' })
    expect(await turn()).toBeUndefined()
  })

  test('one alert starts one training, with the parameters of its window, however often the loop looks', async () => {
    await alert()
    const firing = await turn()
    expect(firing).toMatchObject({
      number: 1,
      state: 'training',
      params: { cutoff: '2013-08-01' },
      pipelineRunId: 'prun_1',
    })
    await turn()
    await turn()
    expect(world.started).toHaveLength(1)
    expect(firing.links.map((link: { link: string; state: string }) => [link.link, link.state])).toEqual([
      ['monitor', 'passed'],
      ['retrain', 'active'],
      ['gate', 'pending'],
      ['approve', 'pending'],
      ['rollout', 'pending'],
      ['watch', 'pending'],
    ])
  })

  test('it follows gate, approval, roll-out and the next window, and keeps what is better', async () => {
    world.release = { ...world.release, state: 'running', reason: 'delay v2 passed its checks and waits for approval' }
    expect((await turn()).state).toBe('approving')
    world.release.state = 'succeeded'
    world.run = 'succeeded'
    expect((await turn()).state).toBe('rolling_out')
    world.rollout = { state: 'baking', message: '10 % of the traffic' }
    expect(await turn()).toMatchObject({
      state: 'rolling_out',
      reason: 'delay v2: 10 % of the traffic',
      modelVersionNumber: 2,
    })
    await setClock('2013-08-10T00:00:00Z')
    world.rollout = { state: 'done', message: '' }
    world.running = 'mv_2'
    expect((await turn()).state).toBe('watching')
    await verdict('2013-08', '2013-08-01T00:00:00Z', '2013-09-01T00:00:00Z', 0.019)
    await setClock('2013-09-01T03:00:00Z')
    const firing = await turn()
    expect(firing).toMatchObject({
      state: 'kept',
      reason: 'delay v2 is kept: in 2013-08 ece 0.019.',
      endedAt: Date.parse('2013-09-01T03:00:00Z'),
    })
    expect(firing.links.map((link: { state: string }) => link.state)).toEqual([
      'passed',
      'passed',
      'passed',
      'passed',
      'passed',
      'passed',
    ])
    const inbox = (await request('GET', '/projects/flights/notifications')).body.notifications
    expect(inbox.map((one: { kind: string }) => one.kind)).toEqual(['loop_ended', 'loop_waits'])
  })

  test('in its cool-down an alert is held back, and fires when the cool-down is over', async () => {
    await inTransaction(app.ctx, async (ctx) => updateAlert(ctx, (await firings())[0].alertId, { state: 'resolved' }))
    const loop = (await request('GET', '/projects/flights/loops/delay')).body
    expect(loop.blockedReason).toBeNull()
    expect((await apply(FILE.replace('cooldown: 1mo', 'cooldown: 60d')))[0]?.kind).toBe('update')
    await alert({ label: '2013-08', end: '2013-09-01T00:00:00Z' })
    world.release = { ...world.release, state: 'waiting', reason: null }
    world.run = 'running'
    expect(await turn()).toMatchObject({
      number: 2,
      state: 'suppressed',
      reason: expect.stringContaining('cools down until 2013-09-30'),
    })
    expect(world.started).toHaveLength(1)
    await setClock('2013-10-01T00:00:00Z')
    expect((await turn()).state).toBe('starting')
    expect((await turn()).state).toBe('training')
    expect(world.started.at(-1)?.params).toEqual({ cutoff: '2013-09-01' })
  })

  test('a refusal by the gate ends the firing with its reason and changes nothing', async () => {
    world.release = { state: 'succeeded', reason: null, verdict: 'refused', versionId: 'mv_3', number: 3 }
    world.run = 'succeeded'
    const firing = await turn()
    expect(firing).toMatchObject({
      state: 'refused',
      modelVersionNumber: 3,
      reason: expect.stringContaining('The gate refuses delay v3'),
    })
    expect(firing.links.find((link: { link: string }) => link.link === 'gate').state).toBe('failed')
    expect(world.rolledBack).toEqual([])
  })

  test('a version that does worse than the one before is taken back', async () => {
    await setClock('2013-12-15T00:00:00Z')
    await alert({ label: '2013-11', end: '2013-12-01T00:00:00Z' })
    world.release = { state: 'succeeded', reason: null, verdict: 'released', versionId: 'mv_4', number: 4 }
    world.rollout = { state: 'done', message: '' }
    world.running = 'mv_4'
    for (let i = 0; i < 3; i++) await turn()
    expect((await firings())[0].state).toBe('watching')
    await verdict('2013-12', '2013-12-01T00:00:00Z', '2014-01-01T00:00:00Z', 0.12)
    expect(await turn()).toMatchObject({
      state: 'rolled_back',
      reason: expect.stringContaining('worse than what it replaced'),
    })
    expect(world.rolledBack).toHaveLength(1)
  })

  test('a disabled loop does not fire, not even for what happened while it was off; a firing can be stopped', async () => {
    expect((await request('POST', '/projects/flights/loops/delay/disable')).body.enabled).toBe(false)
    const before = (await firings()).length
    await setClock('2014-03-01T00:00:00Z')
    await alert()
    await turn()
    expect((await request('POST', '/projects/flights/loops/delay/enable')).body.enabled).toBe(true)
    await turn()
    expect(await firings()).toHaveLength(before)
    world.run = 'running'
    world.release = { ...world.release, state: 'waiting' }
    await alert()
    const firing = await turn()
    expect(firing.state).toBe('training')
    expect((await request('POST', `/projects/flights/loops/delay/firings/${firing.number}/stop`)).body).toMatchObject({
      state: 'stopped',
      reason: expect.stringContaining('Stopped by Test'),
    })
    expect((await request('POST', `/projects/flights/loops/delay/firings/${firing.id}/stop`)).body.error.code).toBe(
      'loop_firing_ended',
    )
    expect((await request('POST', '/projects/flights/loops/delay/firings/99/stop')).status).toBe(404)
  })
})
