import { emit, inTransaction } from '@kiban/kit/context'
import type { Ctx, Platform } from '@kiban/kit/context'
import { AppError } from '@kiban/kit/errors'
import { writeTags } from './change-run.ts'
import { checkKey, checkLength, LIMITS, storedMetricValue, truncate, withoutNul } from './limits.ts'
import { upsertLoggedModelMetrics } from './logged-models.store.ts'
import { insertPoints } from './metrics.store.ts'
import type { MetricPoint } from './metrics.store.ts'
import { findRunById, insertParams } from './runs.store.ts'
import type { KeyValue, RunRow } from './runs.store.ts'
import { badValue } from './tracking-error.ts'

/** A metric as logged. `modelId` also records it on a logged model, with the data set that it was measured on. */
export type MetricInput = {
  readonly key: string
  readonly value: number
  readonly step: number
  readonly timestamp: number
  readonly modelId?: string | undefined
  readonly datasetName?: string | undefined
  readonly datasetDigest?: string | undefined
}
export type Batch = {
  readonly metrics: readonly MetricInput[]
  readonly params: readonly KeyValue[]
  readonly tags: readonly KeyValue[]
}

/**
 * Writes metrics, params and tags of an active run in one transaction: all or nothing. Limits are MLflow's. Throws `tracking_invalid`,
 * also when a param is there already with another value.
 */
export async function logBatch(ctx: Ctx, run: RunRow, batch: Batch): Promise<void> {
  checkSizes(batch)
  const points = batch.metrics.map(toPoint)
  const params = batch.params.map((param, i) => ({
    key: checkKey('param', param.key, `params[${i}].key`),
    value: truncate(withoutNul(param.value), LIMITS.paramValue),
  }))
  const tags = batch.tags.map((tag, i) => ({
    key: checkKey('tag', tag.key, `tags[${i}].key`),
    value: truncate(withoutNul(tag.value), LIMITS.runTagValue),
  }))
  const duplicate = params.find((param, i) => params.findIndex((other) => other.key === param.key) !== i)
  if (duplicate)
    throw badValue(
      `Duplicate parameter keys have been submitted: ['${duplicate.key}']. Please ensure the request contains only one param value per param key.`,
      { field: 'params' },
    )
  await inTransaction(ctx, async (ctx) => {
    const conflicts = await insertParams(ctx.db, run.seq, params)
    const conflict = conflicts[0]
    if (conflict)
      throw badValue(
        `Changing param values is not allowed. Param with key='${conflict.key}' was already logged with value='${conflict.old}' for run ID='${run.id}'. Attempted logging new value '${conflict.new}'.`,
        { field: `params.${conflict.key}` },
      )
    if (points.length > 0) await insertPoints(ctx.db, run.seq, points)
    await upsertLoggedModelMetrics(ctx.db, modelMetrics(run, batch.metrics, points))
    if (tags.length > 0) await writeTags(ctx, run, tags)
    announce(ctx, run)
  })
}

/** For other modules: logs metrics of a run that they started. */
export async function logMetrics(ctx: Ctx, runId: string, metrics: readonly MetricInput[]): Promise<void> {
  const run = await findRunById(ctx.db, runId)
  if (!run) throw new AppError('run_not_found', { message: `Run with id=${runId} not found` })
  for (let i = 0; i < metrics.length; i += LIMITS.batchMetrics)
    await logBatch(ctx, run, { metrics: metrics.slice(i, i + LIMITS.batchMetrics), params: [], tags: [] })
}

function checkSizes({ metrics, params, tags }: Batch): void {
  const total = metrics.length + params.length + tags.length
  for (const [what, count, limit] of [
    ['metrics', metrics.length, LIMITS.batchMetrics],
    ['params', params.length, LIMITS.batchParams],
    ['tags', tags.length, LIMITS.batchTags],
    ['metrics, params, and tags', total, LIMITS.batchTotal],
  ] as const)
    if (count > limit)
      throw badValue(
        `A batch logging request can contain at most ${limit} ${what}. Got ${count} ${what}. Please split up ${what} across multiple requests and try again.`,
        { limit },
      )
}

function toPoint(metric: MetricInput, i: number): MetricPoint {
  checkKey('metric', metric.key, `metrics[${i}].key`)
  if (!Number.isSafeInteger(metric.timestamp) || metric.timestamp < 0)
    throw badValue(
      `Invalid value ${String(metric.timestamp)} for parameter 'metrics[${i}].timestamp' supplied: Timestamp must be a nonnegative long (64-bit integer).`,
      { field: `metrics[${i}].timestamp` },
    )
  if (!Number.isSafeInteger(metric.step))
    throw badValue(
      `Invalid value ${String(metric.step)} for parameter 'metrics[${i}].step' supplied: Step must be an integer.`,
      { field: `metrics[${i}].step` },
    )
  const { value, isNan } = storedMetricValue(metric.value)
  return { key: metric.key, step: metric.step, timestamp: metric.timestamp, value, is_nan: isNan }
}

function modelMetrics(run: RunRow, metrics: readonly MetricInput[], points: readonly MetricPoint[]) {
  return metrics.flatMap((metric, i) => {
    const point = points[i]
    if (!metric.modelId || !point) return []
    checkLength("'Dataset name'", metric.datasetName ?? '', LIMITS.datasetName, `metrics[${i}].dataset_name`)
    checkLength("'Dataset digest'", metric.datasetDigest ?? '', LIMITS.datasetDigest, `metrics[${i}].dataset_digest`)
    return [
      {
        ...point,
        model_id: metric.modelId,
        run_id: run.id,
        dataset_name: metric.datasetName ?? '',
        dataset_digest: metric.datasetDigest ?? '',
      },
    ]
  })
}

const ANNOUNCE_EVERY_MS = 1000
const announced = new WeakMap<Platform, Map<string, number>>()

/** Tells browsers that a run has new values, at most once a second a run: a training loop logs hundreds of times a second. */
function announce(ctx: Ctx, run: RunRow): void {
  const last = announced.get(ctx.platform) ?? new Map<string, number>()
  announced.set(ctx.platform, last)
  const now = ctx.clock.now()
  if (now - (last.get(run.id) ?? -Infinity) < ANNOUNCE_EVERY_MS) return
  if (last.size > 10_000) last.clear()
  last.set(run.id, now)
  emit(ctx, { topic: `projects/${run.project}/runs`, kind: 'run.logged', id: run.id })
}
