import { emit, inTransaction } from '@kiban/kit/context'
import type { Ctx } from '@kiban/kit/context'
import { AppError } from '@kiban/kit/errors'
import { recordEdges } from '../lineage/index.ts'
import { projectNow } from '../projects/index.ts'
import { computeDay } from './compute-day.ts'
import { settingsOf } from './monitor-spec.ts'
import type { MonitorSources } from './monitor-sources.ts'
import { getMonitorById, updateLeasedWindow } from './monitors.store.ts'
import type { MonitorRow, WindowRow } from './monitors.store.ts'
import { runTask } from './run-task.ts'
import { replaceValues } from './signal-values.store.ts'
import { updateAlerts } from './update-alerts.ts'
import { gatherInputs } from './window-inputs.ts'
import type { WindowInputs } from './window-inputs.ts'
import type { WindowResult, WindowValue } from './window-task.ts'

const MAX_ATTEMPTS = 5

/** Computes one leased window and writes it, its values and what follows for alerts, all or nothing. A failure is tried again later. */
export async function computeWindow(ctx: Ctx, sources: MonitorSources, window: WindowRow): Promise<void> {
  const monitor = await getMonitorById(ctx, window.monitor_id)
  const nowMs = await projectNow(ctx, monitor.project)
  try {
    const settings = settingsOf(monitor)
    const endpoint = await sources.findEndpoint(ctx, monitor.project, settings.endpoint)
    if (!endpoint)
      throw new AppError('endpoint_not_found', {
        message: `Monitor ${monitor.name} watches endpoint ${settings.endpoint}, which ${monitor.project} does not have.`,
      })
    const inputs = await gatherInputs(ctx, { monitor, window, settings, endpoint, sources, nowMs })
    if (inputs === null) return await writeEmpty(ctx, monitor, window, nowMs)
    const result =
      window.grain === 'day' ? await computeDay(inputs.task, ctx.signal) : await runTask(inputs.task, ctx.signal)
    await write(ctx, { monitor, window, inputs, result, endpointId: endpoint.id, nowMs })
  } catch (error) {
    if (ctx.signal.aborted) throw error
    await writeFailure(ctx, monitor, window, error)
  }
}

type Writing = {
  monitor: MonitorRow
  window: WindowRow
  inputs: WindowInputs
  result: WindowResult
  endpointId: string
  nowMs: number
}

async function write(ctx: Ctx, { monitor, window, inputs, result, endpointId, nowMs }: Writing): Promise<void> {
  await inTransaction(ctx, async (ctx) => {
    const held = await updateLeasedWindow(ctx, window, {
      state: 'done',
      reason: reasonOf(result),
      due: 0,
      attempts: 0,
      retry_at: null,
      rows: result.rows,
      labelled: result.labelled,
      has_labels: inputs.task.labels === null ? 0 : 1,
      label_version_id: inputs.labelVersionId,
      importance_source: inputs.task.importanceSource,
      reference_name: result.referenceName,
      reference_rows: result.referenceRows,
      versions_json: JSON.stringify(result.versions),
      signals_json: JSON.stringify(signalSummaries(result.values)),
      recomputed: window.computed_at === null ? 0 : window.recomputed + 1,
      computed_at: nowMs,
    })
    if (!held) return
    await replaceValues(ctx, window, result.values, result.features)
    await recordEdges(ctx, [
      { from: { kind: 'monitor_window', id: window.id }, relation: 'reads', to: { kind: 'endpoint', id: endpointId } },
      ...(inputs.labelVersionId === null
        ? []
        : [
            {
              from: { kind: 'monitor_window' as const, id: window.id },
              relation: 'used' as const,
              to: { kind: 'dataset_version' as const, id: inputs.labelVersionId },
            },
          ]),
    ])
    await updateAlerts(ctx, monitor, nowMs)
    emit(ctx, { topic: `projects/${monitor.project}/monitors`, kind: 'monitor.window', id: window.id })
  })
}

async function writeEmpty(ctx: Ctx, monitor: MonitorRow, window: WindowRow, nowMs: number): Promise<void> {
  await inTransaction(ctx, async (ctx) => {
    const held = await updateLeasedWindow(ctx, window, {
      state: 'empty',
      reason: 'no prediction has an event time in it',
      due: 0,
      attempts: 0,
      retry_at: null,
      computed_at: nowMs,
    })
    if (held) await replaceValues(ctx, window, [], [])
    emit(ctx, { topic: `projects/${monitor.project}/monitors`, kind: 'monitor.window', id: window.id })
  })
}

async function writeFailure(ctx: Ctx, monitor: MonitorRow, window: WindowRow, error: unknown): Promise<void> {
  const message = error instanceof Error ? error.message : String(error)
  const attempts = window.attempts + 1
  const last = attempts >= MAX_ATTEMPTS
  ctx.log.warn(
    { err: error, window: window.id },
    `window ${window.label} of monitor ${monitor.name} could not be computed`,
  )
  await inTransaction(ctx, async (ctx) => {
    await updateLeasedWindow(ctx, window, {
      state: last ? 'failed' : window.computed_at === null ? 'waiting' : 'done',
      reason: last ? message : `attempt ${attempts} of ${MAX_ATTEMPTS} failed: ${message}`,
      due: last ? 0 : 1,
      attempts,
      retry_at: last ? null : ctx.clock.now() + 10_000 * 2 ** attempts,
    })
    emit(ctx, { topic: `projects/${monitor.project}/monitors`, kind: 'monitor.window', id: window.id })
  })
}

function reasonOf(result: WindowResult): string {
  const rules = result.values.filter(({ rule }) => rule !== null)
  const bad = rules.filter(({ status }) => status === 'fail' || status === 'warn')
  if (bad.length > 0)
    return bad
      .map(({ reason }) => reason)
      .join('; ')
      .slice(0, 1000)
  return rules.length === 0 ? 'computed; nothing has a limit' : `computed; ${rules.length} rules are kept`
}

const ORDER = ['fail', 'warn', 'no_data', 'ok', 'no_limit'] as const

/** For each signal its worst status and the sentence of it. */
export function signalSummaries(
  values: readonly WindowValue[],
): { signal: WindowValue['signal']; status: WindowValue['status']; summary: string }[] {
  const bySignal = new Map<WindowValue['signal'], WindowValue[]>()
  for (const value of values)
    if (value.slice === null && value.modelVersion === null)
      bySignal.set(value.signal, [...(bySignal.get(value.signal) ?? []), value])
  return [...bySignal].map(([signal, all]) => {
    const ruled = all.filter(({ rule }) => rule !== null)
    const [worst] = (ruled.length > 0 ? ruled : all).toSorted(
      (a, b) => ORDER.indexOf(a.status) - ORDER.indexOf(b.status),
    )
    return { signal, status: worst?.status ?? 'no_data', summary: worst?.reason ?? '' }
  })
}
