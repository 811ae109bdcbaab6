import type { Selectable } from 'kysely'
import type { Ctx } from '@kiban/kit/context'

type SegmentTable = {
  id: string
  endpoint_id: string
  /** SHA-256 of the Parquet file. */
  blob: string
  rows: number
  size_bytes: number
  /** JSON: the feature columns of the file. */
  columns: string
  min_received_at: number
  max_received_at: number
  min_event_time: number
  max_event_time: number
  created_at: number
}

/** Log files of the data plane that are in a segment already, but perhaps not deleted yet. */
type SourceTable = { name: string; segment_id: string }

declare module '@kiban/kit/database' {
  interface Tables {
    prediction_segments: SegmentTable
    prediction_sources: SourceTable
  }
}

export type SegmentRow = Selectable<SegmentTable>

export async function listSegments(
  ctx: Ctx,
  endpointId: string,
  range: { eventFromMs?: number; eventToMs?: number; receivedFromMs?: number; receivedToMs?: number } = {},
): Promise<SegmentRow[]> {
  let query = ctx.db
    .selectFrom('prediction_segments')
    .selectAll()
    .where('endpoint_id', '=', endpointId)
    .orderBy('max_received_at')
  if (range.eventFromMs !== undefined) query = query.where('max_event_time', '>=', range.eventFromMs)
  if (range.eventToMs !== undefined) query = query.where('min_event_time', '<', range.eventToMs)
  if (range.receivedFromMs !== undefined) query = query.where('max_received_at', '>=', range.receivedFromMs)
  if (range.receivedToMs !== undefined) query = query.where('min_received_at', '<=', range.receivedToMs)
  return query.execute()
}

export async function listSources(ctx: Ctx, names: readonly string[]): Promise<string[]> {
  if (names.length === 0) return []
  return (await ctx.db.selectFrom('prediction_sources').select('name').where('name', 'in', names).execute()).map(
    (row) => row.name,
  )
}

/** A new segment made of the given log files, or of older segments that it takes the place of (call it in a transaction). */
export async function insertSegment(
  ctx: Ctx,
  row: SegmentRow,
  from: { sources?: readonly string[]; segments?: readonly string[] },
): Promise<void> {
  await ctx.db.insertInto('prediction_segments').values(row).execute()
  if (from.sources?.length)
    await ctx.db
      .insertInto('prediction_sources')
      .values(from.sources.map((name) => ({ name, segment_id: row.id })))
      .execute()
  if (from.segments?.length) await ctx.db.deleteFrom('prediction_segments').where('id', 'in', from.segments).execute()
}

export async function deleteSources(ctx: Ctx, names: readonly string[]): Promise<void> {
  if (names.length > 0) await ctx.db.deleteFrom('prediction_sources').where('name', 'in', names).execute()
}
