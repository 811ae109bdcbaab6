import { meanAndSd } from '@kiban/kit/statistics/quantile'
import { show } from './window-drift.ts'
import { judgeSignal } from './window-signals.ts'
import type { SignalSettings } from './monitor-settings.ts'
import type { WindowValue } from './window-task.ts'

/** What is missing or new in one column of a window. */
export type ColumnQuality = {
  readonly feature: string
  readonly nullShare: number
  readonly nullLimit: number | null
  readonly newCategories: readonly string[]
  /** Share of the rows whose category the reference never had. */
  readonly newShare: number
}

/** How far above the usual share of nulls, and which share of unseen categories, is worth a word. A day is restless: it must say more. */
const SLACK = { window: { nulls: 0.05, unseen: 0.01 }, day: { nulls: 0.25, unseen: 0.05 } } as const
export type Grain = keyof typeof SLACK

/**
 * Greatest usual share of nulls, learned from the reference's parts (chunks or days): mean plus three standard deviations, at least the
 * grain's slack above the mean, and below all, so that a column that goes missing altogether is always seen.
 */
export function nullLimit(shares: readonly number[], grain: Grain = 'window'): number | null {
  if (shares.length === 0) return null
  const { mean, sd } = meanAndSd(shares)
  return Math.min(Math.max(mean + 3 * sd, mean + SLACK[grain].nulls), Math.max(0.95, mean))
}

/** Quality of a window as values: one rule for missing values, one for unseen categories, each naming the columns. */
export function qualityValues(
  settings: SignalSettings,
  columns: readonly ColumnQuality[],
  rows: number,
  minRows: number,
  grain: Grain = 'window',
): WindowValue[] {
  const unseenLimit = SLACK[grain].unseen
  const missing = columns.filter(({ nullShare, nullLimit: limit }) => limit !== null && nullShare > limit)
  const unseen = columns.filter(({ newShare }) => newShare > unseenLimit)
  const worst = columns.reduce((max, { nullShare }) => Math.max(max, nullShare), 0)
  const bad = settings.severity === 'error' ? ('fail' as const) : ('warn' as const)
  const enough = rows >= minRows
  const base = {
    signal: 'data_quality' as const,
    slice: null,
    modelVersion: null,
    direction: 'above' as const,
    severity: settings.severity,
    rows,
    forWindows: settings.forWindows,
  }
  const tooFew = `${rows} rows, ${minRows} are needed`
  return [
    {
      ...base,
      metric: 'columns_missing_values',
      value: missing.length,
      limit: 0,
      status: !enough ? 'no_data' : missing.length > 0 ? bad : 'ok',
      rule: 'data_quality: missing values',
      reason: !enough
        ? tooFew
        : missing.length === 0
          ? `no column misses more values than usual (at most ${percent(worst)})`
          : `missing values in ${list(missing.map((c) => `${c.feature} ${percent(c.nullShare)} (usual limit ${percent(c.nullLimit ?? 0)})`))}`,
    },
    {
      ...base,
      metric: 'columns_unseen_categories',
      value: unseen.length,
      limit: 0,
      status: !enough ? 'no_data' : unseen.length > 0 ? bad : 'ok',
      rule: 'data_quality: unseen categories',
      reason: !enough
        ? tooFew
        : unseen.length === 0
          ? `no column has more than ${percent(unseenLimit)} of rows with categories that the reference never had`
          : `unseen categories in ${list(unseen.map((c) => `${c.feature} ${percent(c.newShare)} (${c.newCategories.slice(0, 3).join(', ')})`))}`,
    },
    ...judgeSignal(settings, {
      signal: 'data_quality',
      metrics: {
        rows,
        null_share_max: worst,
        new_category_share_max: columns.reduce((max, c) => Math.max(max, c.newShare), 0),
      },
      rows,
      minRows,
    }),
  ]
}

function list(items: readonly string[]): string {
  return items.length > 5 ? `${items.slice(0, 5).join(', ')} and ${items.length - 5} more` : items.join(', ')
}

const percent = (share: number): string => `${show(share * 100)} %`
