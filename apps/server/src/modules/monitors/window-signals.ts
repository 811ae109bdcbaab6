import type { SignalName, SignalStatus } from '@kiban/contract/monitors'
import { describeCheck, evaluateCheck } from '@kiban/kit/statistics/checks'
import type { Check } from '@kiban/kit/statistics/checks'
import { computeMetric } from '@kiban/kit/statistics/metrics'
import type { ScoredRows } from '@kiban/kit/statistics/metrics'
import { meanOf } from '@kiban/kit/statistics/classification'
import { quantile } from '@kiban/kit/statistics/quantile'
import { show } from './window-drift.ts'
import type { SignalSettings } from './monitor-settings.ts'
import type { FeatureResult, WindowTask, WindowValue } from './window-task.ts'

type Facts = {
  readonly signal: SignalName
  readonly metrics: Readonly<Record<string, number>>
  readonly rows: number
  readonly scored?: ScoredRows
  readonly columns?: Readonly<Record<string, ArrayLike<unknown>>>
  readonly threshold?: number
  readonly minRows: number
}

/** Values of one signal: each metric once, those that a check names held against it, with the check as the rule of an alert. */
export function judgeSignal(settings: SignalSettings, facts: Facts): WindowValue[] {
  const plain = Object.entries(facts.metrics)
    .filter(([metric]) => !settings.checks.some((check) => check.metric === metric && check.slice === undefined))
    .map(([metric, value]): WindowValue => blank(facts, metric, value))
  return [...settings.checks.map((check) => judgeCheck(check, settings, facts)), ...plain]
}

function judgeCheck(check: Check, settings: SignalSettings, facts: Facts): WindowValue {
  const given = facts.metrics[check.metric]
  const base = blank(facts, check.metric, given ?? null)
  const shared = {
    ...base,
    limit: check.max ?? check.min ?? null,
    direction: check.max !== undefined ? ('above' as const) : check.min !== undefined ? ('below' as const) : null,
    severity: check.severity ?? settings.severity,
    rule: `${facts.signal}: ${describeCheck(check)}`,
    forWindows: check.for ?? settings.forWindows,
  }
  const needed = check.minRows ?? facts.minRows
  if (facts.rows < needed)
    return { ...shared, status: 'no_data', reason: `${facts.rows} rows, ${needed} are needed to judge ${check.metric}` }
  // Only what is made of predictions and labels is recomputed from rows; everything else is the value itself.
  const useRows =
    facts.scored !== undefined &&
    (given === undefined ||
      check.slice !== undefined ||
      check.betterThan !== undefined ||
      check.notWorseThan !== undefined)
  const result = evaluateCheck(check, {
    value: given ?? null,
    ...(useRows ? { rows: facts.scored, columns: facts.columns, threshold: facts.threshold } : {}),
    minRows: needed,
  })
  const status: SignalStatus = result.verdict === 'failed' ? (shared.severity === 'warn' ? 'warn' : 'fail') : 'ok'
  return {
    ...shared,
    value: finite(result.value ?? given ?? null),
    limit: shared.limit ?? finite(result.reference),
    status: result.value === null && given === undefined ? 'no_data' : status,
    reason: result.reason,
  }
}

function blank(facts: Facts, metric: string, value: number | null): WindowValue {
  return {
    signal: facts.signal,
    metric,
    slice: null,
    modelVersion: null,
    value: finite(value),
    limit: null,
    direction: null,
    status: finite(value) === null ? 'no_data' : 'no_limit',
    severity: 'warn',
    rows: facts.rows,
    reason: finite(value) === null ? `${metric} cannot be computed` : `${metric} ${show(value ?? 0)}, without a limit`,
    rule: null,
    forWindows: 1,
  }
}

/** A labelled row: label, prediction, version label, and the slice columns' values. */
export type LabelledRows = ScoredRows & {
  readonly versions: readonly string[]
  readonly columns: Readonly<Record<string, readonly unknown[]>>
}

const CLASSIFICATION = ['auc', 'log_loss', 'ece', 'brier', 'f1', 'accuracy', 'precision', 'recall']
const REGRESSION = ['mae', 'rmse', 'r2']

/**
 * Performance of the labelled rows: the whole window (with checks), each model version that served a share of it, each slice. While fewer
 * than half of the rows have their label and more may still come, the window is not judged: the early labels are not like the late ones.
 */
export function performanceValues(
  task: WindowTask,
  settings: SignalSettings,
  rows: LabelledRows,
  total: number,
): WindowValue[] {
  const names = task.task === 'regression' ? REGRESSION : CLASSIFICATION
  const { minRows, labels, slices } = task.settings
  const n = rows.p.length
  const coverage = total === 0 ? 0 : n / total
  const moreMayCome = task.nowMs < task.span.endMs + (labels?.withinMs ?? 0)
  const metrics: Record<string, number> = {}
  for (const name of names) metrics[name] = computeMetric(name, rows, task.threshold)
  metrics['mean_prediction'] = meanOf(rows.p)
  metrics['mean_label'] = meanOf(rows.y)
  if (task.task === 'classification') {
    const rate = metrics['mean_label']
    metrics['baseline_log_loss'] =
      rate > 0 && rate < 1 ? -(rate * Math.log(rate) + (1 - rate) * Math.log(1 - rate)) : Number.NaN
  }
  const facts: Facts = {
    signal: 'performance',
    metrics,
    rows: n,
    scored: rows,
    columns: rows.columns,
    threshold: task.threshold,
    minRows,
  }
  let values = n === 0 ? judgeSignal(settings, { ...facts, metrics: {} }) : judgeSignal(settings, facts)
  if (coverage < 0.5 && moreMayCome)
    values = values.map((value) =>
      value.rule === null
        ? value
        : {
            ...value,
            status: 'no_data' as const,
            reason: `only ${percent(coverage)} of the labels have arrived, more may come`,
          },
    )
  const coverageValue = blank({ ...facts, rows: total }, 'label_coverage', coverage)
  return [
    ...values,
    { ...coverageValue, reason: `${n} of ${total} predictions have a label (${percent(coverage)})` },
    ...groupValues({
      by: rows.versions,
      of: rows,
      names,
      task,
      minRows,
      place: (name) => ({ modelVersion: name }),
      only: 'several',
    }),
    ...slices.flatMap((slice) =>
      groupValues({
        by: (rows.columns[slice] ?? []).map(String),
        of: rows,
        names,
        task,
        minRows,
        place: (name) => ({ slice: `${slice}=${name}` }),
        only: 'all',
      }),
    ),
  ]
}

type Groups = {
  by: readonly string[]
  of: ScoredRows
  names: readonly string[]
  task: WindowTask
  minRows: number
  place: (name: string) => Partial<WindowValue>
  only: 'several' | 'all'
}

function groupValues({ by, of, names, task, minRows, place, only }: Groups): WindowValue[] {
  const at = new Map<string, number[]>()
  by.forEach((name, i) => at.set(name, append(at.get(name), i)))
  if (only === 'several' && at.size < 2) return []
  return [...at].slice(0, 50).flatMap(([name, rows]) => {
    if (rows.length < minRows) return []
    const part = {
      y: Float64Array.from(rows, (i) => of.y[i] as number),
      p: Float64Array.from(rows, (i) => of.p[i] as number),
    }
    return names.map((metric) => ({
      ...blank(
        { signal: 'performance', metrics: {}, rows: rows.length, minRows },
        metric,
        computeMetric(metric, part, task.threshold),
      ),
      ...place(name),
    }))
  })
}

function append(list: number[] | undefined, i: number): number[] {
  const all = list ?? []
  all.push(i)
  return all
}

/** Drift of the features as a whole: it warns and names the worst, weighted by what the model makes of them; none is silenced. */
export function driftValues(
  settings: SignalSettings,
  features: readonly FeatureResult[],
  rows: number,
  minRows: number,
): WindowValue[] {
  const judged = features.filter(({ value }) => value !== null)
  const drifted = judged.filter(({ status }) => status === 'warn')
  const share = judged.length === 0 ? Number.NaN : drifted.length / judged.length
  const known = judged.every(({ importance }) => importance !== null)
  const facts: Facts = {
    signal: 'data_drift',
    metrics: {
      drift_share: share,
      ...(known && judged.length > 0
        ? { drifted_importance: drifted.reduce((sum, { importance }) => sum + (importance ?? 0), 0) }
        : {}),
    },
    rows,
    minRows,
  }
  const named = drifted
    .slice(0, 5)
    .map(({ feature, value, limit }) => `${feature} ${show(value ?? 0)} (limit ${show(limit ?? 0)})`)
  const summary: WindowValue = {
    ...blank(facts, 'drifted_features', judged.length === 0 ? null : drifted.length),
    limit: 0,
    direction: 'above',
    severity: settings.severity,
    status:
      judged.length === 0 ? 'no_data' : drifted.length === 0 ? 'ok' : settings.severity === 'error' ? 'fail' : 'warn',
    rule: 'data_drift',
    forWindows: settings.forWindows,
    reason:
      judged.length === 0
        ? 'no feature could be compared with the reference'
        : drifted.length === 0
          ? `none of ${judged.length} features drifts`
          : `${drifted.length} of ${judged.length} features drift: ${named.join(', ')}${drifted.length > 5 ? `, ${drifted.length - 5} more` : ''}`,
  }
  return [summary, ...judgeSignal(settings, facts)]
}

/** Errors and latency of the calls in the window. Latencies in milliseconds, sorted. */
export function operationsValues(
  settings: SignalSettings,
  latencies: Float64Array,
  statuses: ReadonlyMap<string, number>,
  minRows: number,
): WindowValue[] {
  const total = [...statuses.values()].reduce((sum, n) => sum + n, 0)
  const share = (status: string): number => (total === 0 ? Number.NaN : (statuses.get(status) ?? 0) / total)
  return judgeSignal(settings, {
    signal: 'operations',
    metrics: {
      predictions: total,
      error_rate: share('error'),
      fallback_rate: share('fallback'),
      latency_p50: quantile(latencies, 0.5),
      latency_p95: quantile(latencies, 0.95),
      latency_p99: quantile(latencies, 0.99),
    },
    rows: total,
    minRows,
  })
}

const finite = (value: number | null): number | null => (value !== null && Number.isFinite(value) ? value : null)
const percent = (share: number): string => `${show(share * 100)} %`
