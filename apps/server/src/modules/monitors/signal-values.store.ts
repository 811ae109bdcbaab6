import type { Ctx } from '@kiban/kit/context'
import { newId } from '@kiban/kit/ids'
import type { SignalName, SignalStatus } from '@kiban/contract/monitors'
import type { FeatureResult, WindowValue } from './window-task.ts'

export type SignalValueRow = {
  id: string
  window_id: string
  monitor_id: string
  signal: SignalName
  metric: string
  feature: string | null
  slice: string | null
  model_version: string | null
  value: number | null
  limit_value: number | null
  direction: 'above' | 'below' | null
  status: SignalStatus
  severity: 'error' | 'warn'
  rows: number
  reason: string
  rule: string | null
  for_windows: number
}

export type FeatureRow = {
  window_id: string
  monitor_id: string
  feature: string
  rank: number
  value: number | null
  status: SignalStatus
  null_share: number
  rows: number
  /** JSON of FeatureResult. */
  detail_json: string
}

declare module '@kiban/kit/database' {
  interface Tables {
    monitor_signal_values: SignalValueRow
    monitor_features: FeatureRow
  }
}

const CHUNK = 200

/** Puts one computation's values in the place of the one before. */
export async function replaceValues(
  ctx: Ctx,
  window: { id: string; monitor_id: string },
  values: readonly WindowValue[],
  features: readonly FeatureResult[],
): Promise<void> {
  await ctx.db.deleteFrom('monitor_signal_values').where('window_id', '=', window.id).execute()
  await ctx.db.deleteFrom('monitor_features').where('window_id', '=', window.id).execute()
  const rows = values.map((value): SignalValueRow => ({
    id: newId('sv'),
    window_id: window.id,
    monitor_id: window.monitor_id,
    signal: value.signal,
    metric: value.metric,
    feature: null,
    slice: value.slice,
    model_version: value.modelVersion,
    value: value.value,
    limit_value: value.limit,
    direction: value.direction,
    status: value.status,
    severity: value.severity,
    rows: value.rows,
    reason: value.reason,
    rule: value.rule,
    for_windows: value.forWindows,
  }))
  for (let i = 0; i < rows.length; i += CHUNK)
    await ctx.db
      .insertInto('monitor_signal_values')
      .values(rows.slice(i, i + CHUNK))
      .execute()
  const featureRows = features.map((feature, i): FeatureRow => ({
    window_id: window.id,
    monitor_id: window.monitor_id,
    feature: feature.feature,
    rank: i + 1,
    value: feature.value,
    status: feature.status,
    null_share: feature.nullShare,
    rows: feature.current.rows,
    detail_json: JSON.stringify(feature),
  }))
  for (let i = 0; i < featureRows.length; i += CHUNK)
    await ctx.db
      .insertInto('monitor_features')
      .values(featureRows.slice(i, i + CHUNK))
      .execute()
}

export async function listValues(ctx: Ctx, windowId: string): Promise<SignalValueRow[]> {
  return ctx.db
    .selectFrom('monitor_signal_values')
    .selectAll()
    .where('window_id', '=', windowId)
    .orderBy('id')
    .execute()
}

/** Values of a monitor's windows of one grain; those of slices only where `slices` asks for them. */
export async function listValuesOfWindows(ctx: Ctx, windowIds: readonly string[]): Promise<SignalValueRow[]> {
  const found: SignalValueRow[] = []
  for (let i = 0; i < windowIds.length; i += CHUNK)
    found.push(
      ...(await ctx.db
        .selectFrom('monitor_signal_values')
        .selectAll()
        .where('window_id', 'in', windowIds.slice(i, i + CHUNK))
        .where('slice', 'is', null)
        .orderBy('id')
        .execute()),
    )
  return found
}

/** What decides about alerts, of all windows of a monitor. */
export async function listRuleValues(ctx: Ctx, monitorId: string): Promise<SignalValueRow[]> {
  return ctx.db
    .selectFrom('monitor_signal_values')
    .selectAll()
    .where('monitor_id', '=', monitorId)
    .where('rule', 'is not', null)
    .execute()
}

export async function listFeatures(ctx: Ctx, windowId: string): Promise<FeatureRow[]> {
  return ctx.db.selectFrom('monitor_features').selectAll().where('window_id', '=', windowId).orderBy('rank').execute()
}

export async function findFeature(ctx: Ctx, windowId: string, feature: string): Promise<FeatureRow | undefined> {
  return ctx.db
    .selectFrom('monitor_features')
    .selectAll()
    .where('window_id', '=', windowId)
    .where('feature', '=', feature)
    .executeTakeFirst()
}

export type FeaturePoint = Pick<FeatureRow, 'window_id' | 'feature' | 'value' | 'status' | 'null_share' | 'rows'>

/** The short facts of one feature, or of all, over every window. */
export async function listFeaturePoints(ctx: Ctx, monitorId: string, feature?: string): Promise<FeaturePoint[]> {
  let query = ctx.db
    .selectFrom('monitor_features')
    .select(['window_id', 'feature', 'value', 'status', 'null_share', 'rows'])
    .where('monitor_id', '=', monitorId)
  if (feature !== undefined) query = query.where('feature', '=', feature)
  return query.execute()
}
