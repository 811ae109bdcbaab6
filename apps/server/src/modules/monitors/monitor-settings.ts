import type { SignalName } from '@kiban/contract/monitors'
import { durationMs, parseDuration } from '@kiban/contract/project-file'
import type { CheckSpec, DurationParts, MonitorSpec } from '@kiban/contract/project-file'
import { AppError } from '@kiban/kit/errors'
import { DRIFT_TESTS } from '@kiban/kit/statistics/drift'
import type { DriftTest } from '@kiban/kit/statistics/drift'
import { isTimeZone } from './calendar.ts'

/** What one signal of a monitor is to compute, with the project file's defaults filled in. */
export type SignalSettings = {
  readonly columns: readonly string[] | null
  readonly test: DriftTest | 'auto'
  readonly threshold: number | 'learned' | 'default'
  readonly checks: readonly CheckSpec[]
  /** Drift and quality warn unless the file says otherwise; performance fails. */
  readonly severity: 'error' | 'warn'
  readonly forWindows: number
}

export type MonitorSettings = {
  readonly endpoint: string
  /** `training`, a dataset URI, or the monitor's own log some time before. */
  readonly reference: string | { readonly window: DurationParts; readonly offset: DurationParts | null }
  readonly window: DurationParts
  readonly timeZone: string
  readonly latenessMs: number
  readonly recomputeForMs: number
  readonly minRows: number
  readonly slices: readonly string[]
  readonly labels: {
    readonly dataset: string
    readonly column: string
    readonly key: readonly string[] | null
    readonly withinMs: number
  } | null
  readonly signals: Readonly<Partial<Record<SignalName, SignalSettings>>>
}

const BUILT: readonly string[] = ['data_quality', 'data_drift', 'prediction_drift', 'performance', 'operations']

/** Reads a monitor of the project file. Throws `project_file_invalid` on what cannot be computed, naming the key. */
export function monitorSettings(name: string, spec: MonitorSpec): MonitorSettings {
  const refuse = (key: string, message: string): never => {
    throw new AppError('project_file_invalid', { message: `monitors.${name}.${key}: ${message}` })
  }
  if (spec.endpoint === undefined)
    return refuse('endpoint', 'name the endpoint to watch; monitors of datasets are not built yet.')
  if (spec.dataset !== undefined) return refuse('dataset', 'monitors of datasets are not built yet; name an endpoint.')
  if (spec.sameSeason !== undefined) return refuse('sameSeason', 'is not built yet; leave it out.')
  if (spec.every !== undefined && spec.every !== spec.window)
    return refuse('every', `overlapping windows are not built yet; leave it out or write ${spec.window}.`)
  if (!isTimeZone(spec.timeZone))
    return refuse('timeZone', `${JSON.stringify(spec.timeZone)} is not a time zone such as America/New_York.`)
  const window = parseDuration(spec.window) ?? refuse('window', `${spec.window} is not a duration.`)
  if (window.months === 0 && window.ms < 60_000) return refuse('window', 'the shortest window is 1m.')

  const listed = Array.isArray(spec.signals)
    ? spec.signals.map((signal) => [signal, null] as const)
    : Object.entries(spec.signals)
  const signals: Partial<Record<SignalName, SignalSettings>> = {}
  for (const [signal, given] of listed) {
    if (!BUILT.includes(signal)) return refuse(`signals.${signal}`, `is not built yet; there are ${BUILT.join(', ')}.`)
    const test = given?.test ?? 'auto'
    if (test !== 'auto' && !Object.hasOwn(DRIFT_TESTS, test))
      return refuse(
        `signals.${signal}.test`,
        `${JSON.stringify(test)} is not a test; there are auto, ${Object.keys(DRIFT_TESTS).join(', ')}.`,
      )
    for (const check of given?.checks ?? []) {
      const opponent = check.betterThan ?? check.notWorseThan
      if (opponent !== undefined && (opponent !== 'baseline' || signal !== 'performance'))
        return refuse(
          `signals.${signal}.checks`,
          `a monitor can compare ${check.metric} with min, max or (performance) baseline, not with ${opponent}.`,
        )
      if (check.min === undefined && check.max === undefined && opponent === undefined)
        return refuse(`signals.${signal}.checks`, `the check of ${check.metric} has no limit: add min or max.`)
    }
    const severity = given?.severity ?? (signal === 'performance' || signal === 'operations' ? 'error' : 'warn')
    // BUILT was checked above, so the name is one of the signals that are computed.
    signals[signal as SignalName] = {
      columns: given?.columns ?? null,
      test: test as DriftTest | 'auto', // checked against DRIFT_TESTS above
      threshold: given?.threshold ?? 'default',
      checks: given?.checks ?? [],
      severity,
      forWindows: given?.for ?? 1,
    }
  }
  if (signals.performance !== undefined && spec.labels === undefined)
    return refuse('labels', 'the signal performance needs labels: {dataset, column}. [no_labels]')

  return {
    endpoint: spec.endpoint,
    reference:
      typeof spec.reference === 'string'
        ? spec.reference
        : {
            window: parseDuration(spec.reference.window) ?? window,
            offset: spec.reference.offset === undefined ? null : (parseDuration(spec.reference.offset) ?? null),
          },
    window,
    timeZone: spec.timeZone,
    latenessMs: durationMs(spec.lateness),
    recomputeForMs: durationMs(spec.recomputeFor),
    minRows: spec.minRows,
    slices: spec.slices ?? [],
    labels: spec.labels
      ? {
          dataset: spec.labels.dataset,
          column: spec.labels.column,
          key: spec.labels.key === undefined ? null : [spec.labels.key].flat(),
          withinMs: durationMs(spec.labels.within ?? '30d'),
        }
      : null,
    signals,
  }
}
