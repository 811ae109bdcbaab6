import type { z } from 'zod'
import type { CurveBucket as CurveBucketSchema } from '@kiban/contract/tracking'
import type { Ctx } from '@kiban/kit/context'
import { listBuckets, listPoints, listPointsAt, measureCurve } from './metrics.store.ts'
import type { Axis, MetricPoint } from './metrics.store.ts'
import type { RunRow } from './runs.store.ts'

type CurveBucket = z.infer<typeof CurveBucketSchema>
const valueOf = (point: MetricPoint | undefined) => (!point || point.is_nan ? null : point.value)

/** A metric's curve: every point when there are few, else min/max buckets that the database makes, so spikes are never lost. */
export async function readCurve(
  ctx: Ctx,
  run: RunRow,
  input: { key: string; buckets: number; x: 'step' | 'time' },
): Promise<{ pointCount: number; buckets: CurveBucket[] }> {
  const axis: Axis = input.x === 'time' ? 'timestamp' : 'step'
  const { count, low, high } = await measureCurve(ctx.db, run.seq, input.key, axis)
  if (count <= input.buckets) {
    const points = (await listPoints(ctx.db, run.seq, input.key, { limit: count, offset: 0 })).toSorted(
      (a, b) => a[axis] - b[axis],
    )
    return {
      pointCount: count,
      buckets: points.map((p) => ({
        fromX: p[axis],
        toX: p[axis],
        min: valueOf(p),
        max: valueOf(p),
        first: valueOf(p),
        last: valueOf(p),
        count: 1,
      })),
    }
  }
  const buckets = await listBuckets(ctx.db, { seq: run.seq, key: input.key, axis, low, high, buckets: input.buckets })
  const edges = [...new Set(buckets.flatMap((bucket) => [bucket.fromX, bucket.toX]))]
  const at = Map.groupBy(
    await listPointsAt(ctx.db, { seq: run.seq, key: input.key, axis, at: edges }),
    (point) => point[axis],
  )
  return {
    pointCount: count,
    buckets: buckets.map((bucket) => ({
      ...bucket,
      first: valueOf(at.get(bucket.fromX)?.[0]),
      last: valueOf(at.get(bucket.toX)?.at(-1)),
    })),
  }
}
