import { join } from 'node:path'
import type { Airline } from './airline.ts'
import { askEndpoint } from './ask-endpoint.ts'
import { addDays, monthLabel } from './calendar.ts'
import type { Day } from './calendar.ts'
import { commitFile, commitMonth, found, pathsOf, runPipeline, setClock, today, versionOfRun, waitFor } from './life.ts'
import type { Life } from './life.ts'
import type { Say } from './progress.ts'
import { FIRST_DAY, beginDay, replay } from './replay.ts'
import type { ReplayCounts } from './replay.ts'

type Done = { readonly text: string }

const LAST_DAY: Day = '2013-12-31'
const V1_KEY = 'life-2013-04-01'
const V3_KEY = 'life-2013-09-01'
const FRAGILE_KEY = 'life-fragile'
/** The monitor's `lateness` in kiban.yaml: a month is judged this many days after its end. */
const LATENESS_DAYS = 2

/** Step 1: the first quarter arrives, a file a month. */
export async function ingest(life: Life, say: Say): Promise<Done> {
  for (const dataset of ['flights', 'weather'])
    for (const month of [1, 2, 3]) {
      say(`${dataset} ${monthLabel(month)}`)
      await commitMonth(life, dataset, month)
    }
  const { client, project } = life
  const flights = await client.getDatasetVersion({ project, dataset: 'flights', version: '3' })
  const weather = await client.getDatasetVersion({ project, dataset: 'weather', version: '3' })
  return { text: `${rows(flights)} flights, ${rows(weather)} hours of weather, January to March` }
}

/** Step 2: what the contracts found, and a broken month that they stop. */
export async function validate(life: Life, say: Say): Promise<Done> {
  const { client, project } = life
  say('committing a broken April')
  const { versions } = await client.listDatasetVersions({ project, dataset: 'flights', limit: 1000 })
  let blocked = versions.find((version) => version.state === 'blocked')
  if (blocked === undefined) {
    const path = 'flights-2013-04.parquet'
    const version = await commitFile(
      life,
      'flights',
      path,
      join(life.folder, 'defects', path),
      '2013-04, broken on purpose',
    )
    if (version.state !== 'blocked')
      throw new Error(`the broken month was not stopped: flights ${version.number} is ${version.state}`)
    blocked = version
  }
  const checks = await client.getDatasetChecks({ project, dataset: 'flights', version: String(blocked.number) })
  const broken = checks.results.filter((one) => one.result === 'broken').map((one) => `${one.rule} ${one.violations}`)
  const weather = await client.getDatasetVersion({ project, dataset: 'weather', version: 'usable' })
  const nulled = weather.quarantine?.values ?? 0
  return { text: `broken April stopped (${broken.join(', ')} rows); ${nulled} impossible wind speed set aside` }
}

/** Steps 3 and 4: features, search, training, registration; step 5: the gate. */
export async function trainFirst(life: Life, say: Say): Promise<Done> {
  const run = await runPipeline(life, { pipeline: 'train', key: V1_KEY, params: { cutoff: '2013-04-01' } }, say)
  const version = await versionOfRun(life, run.id)
  if (version === undefined) throw new Error(`${run.name} made no version of the model`)
  const evidence = version.evidence[0]
  if (evidence?.verdict !== 'passed')
    throw new Error(`the gate refused v${version.number}: ${evidence?.reason ?? version.stateReason}`)
  return {
    text: `v${version.number} passed: ${metricsText(version.metrics)}; parity ${evidence.parity?.maxDifference?.toExponential(1) ?? 'not checked'}`,
  }
}

/** Step 6: the endpoint answers. */
export async function deploy(life: Life, airline: Airline, say: Say): Promise<Done> {
  if ((await today(life)) === undefined) await setClock(life, FIRST_DAY, 0)
  const endpoint = await waitFor(life, 'An endpoint that answers', async () => {
    const now = await life.client.getEndpoint({ project: life.project, endpoint: 'delay' })
    say(`endpoint ${now.state}${now.reason === null ? '' : `: ${now.reason}`}`)
    if (now.state === 'failed') throw new Error(`the endpoint failed: ${now.reason ?? 'no reason was given'}`)
    return now.traffic.some((part) => part.state === 'ready' && part.weight > 0) ? now : undefined
  })
  const logged = await life.client.listPredictions({ project: life.project, endpoint: 'delay', limit: 1 })
  if (logged.items.length > 0)
    return { text: `v${endpoint.traffic[0]?.version.number ?? '?'} answers at ${endpoint.urls.rest}` }
  // The first flights of the first of April, asked before the replay goes on with the others.
  const { flights } = await airline.day(FIRST_DAY)
  const asked = flights.slice(0, 1)
  const startedAt = performance.now()
  const answer = await askEndpoint(
    { rest: endpoint.urls.rest, rows: endpoint.urls.rows },
    asked,
    'tensors',
    life.signal,
  )
  if (!answer.ok) throw new Error(`the first request failed with ${answer.status}: ${answer.reason}`)
  return { text: `first answer after ${(performance.now() - startedAt).toFixed(0)} ms: ${answer.ids[0] ?? 'no id'}` }
}

/** Steps 6 and 7: April to July month by month; the monitor must fire at the end of July and not before. */
export async function serveUntilAlert(life: Life, airline: Airline, counts: ReplayCounts, say: Say): Promise<Done> {
  for (const month of [4, 5, 6, 7]) {
    await replay(life, airline, counts, { lastDay: lastDayOf(month), say })
    const windowLabel = monthLabel(month)
    if (((await today(life)) ?? '') <= judgedOn(month)) await closeMonth(life, airline, month, counts, say)
    const alerts = await alertsOf(life)
    const early = alerts.filter((alert) => alert.windowLabel < '2013-07')
    if (early.length > 0) throw new Error(`an alert came too early, of ${early[0]?.windowLabel}: ${early[0]?.reason}`)
    if (month === 7 && alerts.every((alert) => alert.windowLabel !== windowLabel))
      throw new Error('no alert came at the end of July')
  }
  const alert = (await alertsOf(life)).find((one) => one.windowLabel === '2013-07')
  return { text: `${alert?.windowLabel}: ${alert?.reason ?? ''}` }
}

/** Step 8: the loop has retrained by itself, as of 1 August; the challenger must have passed the gate. */
export async function retrain(life: Life, say: Say): Promise<Done> {
  const { client, project } = life
  const firing = await waitFor(
    life,
    'The loop',
    async () => {
      const { firings } = await client.listLoopFirings({ project, loop: 'delay' })
      const first = firings.at(-1)
      if (first === undefined) return undefined
      say(`firing ${first.number} ${first.state}: ${first.reason}`)
      if (['failed', 'refused', 'suppressed', 'stopped', 'superseded'].includes(first.state))
        throw new Error(`the loop's firing ended as ${first.state}: ${first.reason}`)
      return ['rolling_out', 'watching', 'kept', 'rolled_back'].includes(first.state) ? first : undefined
    },
    600_000,
  )
  const version = await client.getModelVersion({
    project,
    model: 'delay',
    version: String(firing.modelVersionNumber ?? 2),
  })
  const check = version.evidence[0]?.checks.find((one) => one.interval !== null)
  const interval =
    check?.interval === undefined || check.interval === null
      ? ''
      : `; log-loss gain ${check.interval.low.toFixed(4)} to ${check.interval.high.toFixed(4)}`
  return { text: `v${version.number} passed: ${metricsText(version.metrics)}${interval}` }
}

/** Step 8: August, with the canary under traffic, until v2 has all of it. */
export async function canary(life: Life, airline: Airline, counts: ReplayCounts, say: Say): Promise<Done> {
  const rollout = async () => {
    const { items } = await life.client.listRollouts({ project: life.project, endpoint: 'delay', limit: 100 })
    return items.find((one) => one.to.number === 2)
  }
  await waitFor(life, 'The canary', async () => ((await rollout())?.state === 'loading' ? undefined : await rollout()))
  if (!isOver((await rollout())?.state))
    await replay(life, airline, counts, {
      lastDay: lastDayOf(8),
      say,
      baking: true,
      afterDay: async (day) => {
        const now = await settleRollout(life, rollout)
        say(`${day}  canary ${now?.state ?? ''} at ${now?.weight ?? 0} %: ${now?.message ?? ''}`)
        return isOver(now?.state)
      },
    })
  const end = await rollout()
  if (end?.state !== 'done')
    throw new Error(`the canary of v2 ended August as ${end?.state ?? 'nothing'}: ${end?.message ?? ''}`)
  await replay(life, airline, counts, { lastDay: lastDayOf(8), say })
  return { text: `v2 has all traffic: ${end.message}` }
}

/** The real refusal of 1 September: newer data did not make a better model. */
export async function refusal(life: Life, airline: Airline, say: Say): Promise<Done> {
  await beginDay(life, airline, '2013-09-01', new Set(await pathsOf(life, 'outcomes')))
  const run = await runPipeline(
    life,
    { pipeline: 'train', key: V3_KEY, params: { cutoff: '2013-09-01', trials: 4 }, mayFail: true },
    say,
  )
  const version = await versionOfRun(life, run.id)
  if (version === undefined) throw new Error(`${run.name} ${run.state} and made no version: ${run.message ?? ''}`)
  if (version.state !== 'refused')
    throw new Error(`v${version.number} should be refused on 1 September, but is ${version.state}`)
  return { text: `v${version.number} refused: ${version.stateReason}` }
}

/** A version that cannot answer rows with missing weather goes out by override, and comes back by itself. */
export async function rollBack(life: Life, airline: Airline, counts: ReplayCounts, say: Say): Promise<Done> {
  const { client, project } = life
  const run = await runPipeline(life, { pipeline: 'fragile', key: FRAGILE_KEY, params: {}, mayFail: true }, say)
  const version = await versionOfRun(life, run.id)
  if (version === undefined) throw new Error(`${run.name} ${run.state} and made no version: ${run.message ?? ''}`)
  const rollout = async () => {
    const { items } = await client.listRollouts({ project, endpoint: 'delay', limit: 100 })
    return items.find((one) => one.to.number === version.number)
  }
  if ((await rollout()) === undefined) {
    const model = await client.getModel({ project, model: 'delay' })
    const expected = model.aliases.find((one) => one.alias === 'production')?.number ?? null
    const reason = 'Shown on purpose: a version that cannot answer flights without weather must come back by itself'
    await client.promoteModelVersion({
      project,
      model: 'delay',
      version: String(version.number),
      alias: 'production',
      expected,
      reason,
      override: true,
    })
  }
  await waitFor(life, `The roll-out of v${version.number}`, async () => {
    const now = await rollout()
    return now === undefined || now.state === 'loading' ? undefined : now
  })
  const lostBefore = counts.lost
  if (!isOver((await rollout())?.state))
    await replay(life, airline, counts, {
      lastDay: lastDayOf(9),
      say,
      baking: true,
      afterDay: async () => isOver((await settleRollout(life, rollout))?.state),
    })
  const end = await rollout()
  if (end?.state !== 'rolled_back')
    throw new Error(`v${version.number} was not rolled back: it is ${end?.state ?? 'nothing'}: ${end?.message ?? ''}`)
  const lost = counts.lost - lostBefore
  if (lost > 0)
    throw new Error(`${lost} requests were lost during the roll-back, the first with ${counts.firstLoss ?? ''}`)
  return { text: `v${version.number} rolled back by itself, no request lost: ${end.message}` }
}

/** The rest of the year. */
export async function restOfYear(life: Life, airline: Airline, counts: ReplayCounts, say: Say): Promise<Done> {
  for (const month of [9, 10, 11]) {
    await replay(life, airline, counts, { lastDay: lastDayOf(month), say })
    if (((await today(life)) ?? '') <= judgedOn(month)) await closeMonth(life, airline, month, counts, say)
  }
  await replay(life, airline, counts, { lastDay: LAST_DAY, say })
  await beginDay(life, airline, '2014-01-01', new Set(await pathsOf(life, 'outcomes')))
  await setClock(life, judgedOn(12), 6)
  await windowDone(life, 12, say)
  const weather = await life.client.getDatasetChecks({ project: life.project, dataset: 'weather', version: 'usable' })
  const outage = weather.results.find((one) => one.rule === 'hours_of_day')
  return { text: `until 31 December; weather outage seen on ${outage?.violations ?? 0} station-days` }
}

/** Where v2 was better, and where not. */
export async function compare(life: Life, say: Say): Promise<Done> {
  const run = await runPipeline(life, { pipeline: 'compare', key: 'life-compare', params: {} }, say)
  const months = monthsOf(run.steps.find((step) => step.name === 'compare')?.outputs['report']?.value)
  const better = months.filter((one) => one.better === 'second').map((one) => one.month)
  const worse = months.filter((one) => one.better === 'first').map((one) => one.month)
  return { text: `v2 better in ${better.join(', ') || 'no month'}; worse in ${worse.join(', ') || 'no month'}` }
}

/** Step 9: from one prediction back to where it came from. */
export async function traceOne(life: Life, say: Say): Promise<Done> {
  const { client, project } = life
  say('choosing a prediction')
  const { items } = await client.listPredictions({ project, endpoint: 'delay', limit: 1 })
  const prediction = items[0]
  if (prediction === undefined) throw new Error('the prediction log is empty')
  const graph = await client.getLineage({
    project,
    kind: 'model_version',
    id: prediction.version.id,
    upstream: 12,
    downstream: 0,
  })
  const kinds = new Map<string, number>()
  for (const node of graph.nodes) kinds.set(node.kind, (kinds.get(node.kind) ?? 0) + 1)
  for (const needed of ['dataset_version', 'run', 'code', 'environment', 'person'])
    if (!kinds.has(needed))
      throw new Error(`the trace of ${prediction.id} does not reach a ${needed.replace('_', ' ')}`)
  return {
    text: `${prediction.id} ← v${prediction.version.number} ← ${[...kinds].map(([kind, n]) => `${n} ${kind.replace('_', ' ')}`).join(', ')}`,
  }
}

/** One month of a comparison, as compare.py writes it. */
export type ComparedMonth = {
  readonly month: string
  readonly better: 'first' | 'second'
  readonly first: Scores
  readonly second: Scores
}
type Scores = { readonly auc: number; readonly log_loss: number; readonly ece: number; readonly f1: number }

/** Reads the comparison out of a step's output; nothing that is not one. */
export function monthsOf(report: unknown): readonly ComparedMonth[] {
  if (!Array.isArray(report)) return []
  // compare.py, beside the example's kiban.yaml, writes exactly these keys.
  return report.filter(
    (one: unknown): one is ComparedMonth =>
      typeof one === 'object' && one !== null && 'month' in one && 'better' in one,
  )
}

/** The days that follow a month until the monitor may judge it, and then its judgement. */
async function closeMonth(life: Life, airline: Airline, month: number, counts: ReplayCounts, say: Say): Promise<void> {
  const until = judgedOn(month)
  await replay(life, airline, counts, { lastDay: addDays(until, -1), say })
  await beginDay(life, airline, until, new Set(await pathsOf(life, 'outcomes')))
  await windowDone(life, month, say)
}

async function windowDone(life: Life, month: number, say: Say): Promise<void> {
  const label = monthLabel(month)
  await waitFor(life, `The monitor's judgement of ${label}`, async () => {
    const { windows } = await life.client.listMonitorWindows({
      project: life.project,
      monitor: 'delays',
      grain: 'window',
    })
    const window = windows.find((one) => one.label === label)
    say(`${label}: monitor ${window?.state ?? 'waits'}`)
    if (window?.state === 'failed') throw new Error(`the monitor could not judge ${label}: ${window.reason}`)
    return window?.state === 'done' ? window : undefined
  })
}

function isOver(state: string | undefined): boolean {
  return state === 'done' || state === 'rolled_back' || state === 'failed'
}

/** Gives the platform the time to look at a roll-out at the day's end: until it moves, or for a moment. */
async function settleRollout<
  T extends { readonly state: string; readonly step: number; readonly stepElapsedMs: number },
>(life: Life, rollout: () => Promise<T | undefined>): Promise<T | undefined> {
  const before = await rollout()
  const deadline = Date.now() + 1500
  return await waitFor(life, 'The roll-out', async () => {
    const now = await rollout()
    const moved =
      now?.state !== before?.state || now?.step !== before?.step || now?.stepElapsedMs !== before?.stepElapsedMs
    if (now?.state === 'rolling_back' || now?.state === 'promoting') return undefined
    return moved || Date.now() > deadline ? now : undefined
  })
}

async function alertsOf(life: Life) {
  const answer = await found(life.client.listAlerts({ project: life.project, monitor: 'delays' }))
  return (answer?.alerts ?? []).filter((alert) => alert.signal === 'performance')
}

function judgedOn(month: number): Day {
  return addDays(lastDayOf(month), 1 + LATENESS_DAYS)
}

function lastDayOf(month: number): Day {
  return month === 12 ? LAST_DAY : addDays(`${monthLabel(month + 1)}-01`, -1)
}

function rows(version: { readonly rows: number | null }): string {
  return (version.rows ?? 0).toLocaleString('en')
}

function metricsText(metrics: Readonly<Record<string, number | null>>): string {
  return ['auc', 'log_loss', 'ece']
    .flatMap((name) => (typeof metrics[name] === 'number' ? [`${name} ${metrics[name].toFixed(4)}`] : []))
    .join(', ')
}
