import { CompiledQuery, SqliteAdapter, sql } from 'kysely'
import type { Db } from '@kiban/kit/database'
import { inChunks } from './runs.store.ts'

/** One point as stored: NaN is `is_nan` 1 with value 0. */
export type MetricPoint = {
  readonly key: string
  readonly step: number
  readonly timestamp: number
  readonly value: number
  readonly is_nan: number
}
export type LatestRow = MetricPoint & {
  readonly run_seq: number
  readonly min_value: number | null
  readonly max_value: number | null
  readonly point_count: number
}

type Writable<T> = { -readonly [K in keyof T]: T[K] }
declare module '@kiban/kit/database' {
  interface Tables {
    metrics: Writable<MetricPoint> & { run_seq: number }
    latest_metrics: Writable<LatestRow>
  }
}

const CHUNKS = [250, 50, 10, 1] as const
const POINT_COLUMNS = ['run_seq', 'key', 'step', 'timestamp', 'value', 'is_nan'] as const
const LATEST_COLUMNS = [
  'run_seq',
  'key',
  'value',
  'is_nan',
  'step',
  'timestamp',
  'min_value',
  'max_value',
  'point_count',
] as const
const NEWER =
  '(excluded.step, excluded.timestamp, excluded.value) >= (latest_metrics.step, latest_metrics.timestamp, latest_metrics.value)'
const takeNewer = (column: string) =>
  `${column} = case when ${NEWER} then excluded.${column} else latest_metrics.${column} end`
const takeEdge = (column: string, sign: '<' | '>') =>
  `${column} = case when latest_metrics.${column} is null or excluded.${column} ${sign} latest_metrics.${column} then excluded.${column} else latest_metrics.${column} end`
const MERGE_LATEST = `on conflict (run_seq, key) do update set ${[
  ...['value', 'is_nan', 'step', 'timestamp'].map(takeNewer),
  takeEdge('min_value', '<'),
  takeEdge('max_value', '>'),
  'point_count = latest_metrics.point_count + excluded.point_count',
].join(', ')}`

/**
 * Adds points to the history (one that is there already is left out) and keeps the latest, smallest and largest value of each key.
 * Latest is the greatest (step, timestamp, value), as in MLflow. Texts of the statements are made once for a few row counts: building
 * them by Kysely for 1,000 rows cost more than SQLite's work.
 */
export async function insertPoints(db: Db, seq: number, points: readonly MetricPoint[]): Promise<void> {
  const inserted = await insertRows(
    db,
    'metrics',
    POINT_COLUMNS,
    points.map((p) => [seq, p.key, p.step, p.timestamp, p.value, p.is_nan]),
    'on conflict do nothing',
  )
  const byKey = new Map<string, LatestRow>()
  for (const point of points) byKey.set(point.key, merge(byKey.get(point.key), point, seq))
  const rows = [...byKey.values()]
  await insertRows(
    db,
    'latest_metrics',
    LATEST_COLUMNS,
    rows.map((r) => [seq, r.key, r.value, r.is_nan, r.step, r.timestamp, r.min_value, r.max_value, r.point_count]),
    MERGE_LATEST,
  )
  // Some points were there before: count those keys again.
  if (inserted < points.length)
    for (const chunk of inChunks(rows.map((row) => row.key)))
      await sql`update latest_metrics set point_count = (select count(*) from metrics m where m.run_seq = latest_metrics.run_seq and m.key = latest_metrics.key)
        where run_seq = ${seq} and key in (${sql.join(chunk)})`.execute(db)
}

function merge(known: LatestRow | undefined, point: MetricPoint, seq: number): LatestRow {
  const finite = point.is_nan ? null : point.value
  if (!known) return { ...point, run_seq: seq, min_value: finite, max_value: finite, point_count: 1 }
  const isNewer =
    point.step !== known.step
      ? point.step > known.step
      : point.timestamp !== known.timestamp
        ? point.timestamp > known.timestamp
        : point.value >= known.value
  const min = finite === null ? known.min_value : known.min_value === null ? finite : Math.min(known.min_value, finite)
  const max = finite === null ? known.max_value : known.max_value === null ? finite : Math.max(known.max_value, finite)
  return {
    ...(isNewer ? point : known),
    key: point.key,
    run_seq: seq,
    min_value: min,
    max_value: max,
    point_count: known.point_count + 1,
  }
}

const texts = new Map<string, string>()

async function insertRows(
  db: Db,
  table: string,
  columns: readonly string[],
  rows: readonly (readonly unknown[])[],
  conflict: string,
): Promise<number> {
  const isSqlite = db.getExecutor().adapter instanceof SqliteAdapter
  let affected = 0
  let from = 0
  for (const size of CHUNKS)
    while (rows.length - from >= size) {
      const name = `${table} ${size} ${isSqlite}`
      const text = texts.get(name) ?? insertText(table, columns, size, conflict, isSqlite)
      texts.set(name, text)
      const result = await db.executeQuery(CompiledQuery.raw(text, rows.slice(from, from + size).flat()))
      affected += Number(result.numAffectedRows ?? 0)
      from += size
    }
  return affected
}

function insertText(
  table: string,
  columns: readonly string[],
  size: number,
  conflict: string,
  isSqlite: boolean,
): string {
  let next = 0
  const row = () => `(${columns.map(() => (isSqlite ? '?' : `$${++next}`)).join(', ')})`
  return `insert into ${table} (${columns.join(', ')}) values ${Array.from({ length: size }, row).join(', ')} ${conflict}`
}

/** Latest values of many runs, only of `keys` when given. */
export async function listLatest(db: Db, seqs: readonly number[], keys?: readonly string[]): Promise<LatestRow[]> {
  if (keys?.length === 0) return []
  const rows: LatestRow[] = []
  for (const chunk of inChunks(seqs)) {
    let query = db.selectFrom('latest_metrics').selectAll().where('run_seq', 'in', chunk)
    if (keys) query = query.where('key', 'in', keys)
    rows.push(...(await query.orderBy('run_seq').orderBy('key').execute()))
  }
  return rows
}

/** A page of one metric's history by time, step and value. */
export async function listPoints(
  db: Db,
  seq: number,
  key: string,
  page: { limit: number; offset: number },
): Promise<MetricPoint[]> {
  return db
    .selectFrom('metrics')
    .select(['key', 'step', 'timestamp', 'value', 'is_nan'])
    .where('run_seq', '=', seq)
    .where('key', '=', key)
    .orderBy('timestamp')
    .orderBy('step')
    .orderBy('value')
    .limit(page.limit)
    .offset(page.offset)
    .execute()
}

export type Axis = 'step' | 'timestamp'
export type Bucket = {
  readonly fromX: number
  readonly toX: number
  readonly min: number | null
  readonly max: number | null
  readonly count: number
}

/** How many points a metric has and the ends of its x axis. */
export async function measureCurve(
  db: Db,
  seq: number,
  key: string,
  axis: Axis,
): Promise<{ count: number; low: number; high: number }> {
  const row = await db
    .selectFrom('metrics')
    .select((e) => [
      e.fn.countAll<number>().as('count'),
      e.fn.min<number | null>(axis).as('low'),
      e.fn.max<number | null>(axis).as('high'),
    ])
    .where('run_seq', '=', seq)
    .where('key', '=', key)
    .executeTakeFirstOrThrow()
  return { count: Number(row.count), low: row.low ?? 0, high: row.high ?? 0 }
}

/** Equal-width buckets of the x axis with the smallest and largest value in each; empty buckets are left out. */
export async function listBuckets(
  db: Db,
  input: { seq: number; key: string; axis: Axis; low: number; high: number; buckets: number },
): Promise<Bucket[]> {
  const x = sql.ref(input.axis)
  const width = (input.high - input.low + 1) / input.buckets
  const result = await sql<{ from_x: number; to_x: number; low: number | null; high: number | null; points: number }>`
    select min(${x}) as from_x, max(${x}) as to_x, min(case when is_nan = 0 then value end) as low, max(case when is_nan = 0 then value end) as high, count(*) as points
    from metrics where run_seq = ${input.seq} and key = ${input.key}
    group by cast(((${x} - ${input.low}) / cast(${width} as double precision)) - 0.5 as bigint)
    order by from_x`.execute(db)
  return result.rows.map((row) => ({
    fromX: row.from_x,
    toX: row.to_x,
    min: row.low,
    max: row.high,
    count: Number(row.points),
  }))
}

/** Points at given places of the axis, in order of time and value. */
export async function listPointsAt(
  db: Db,
  input: { seq: number; key: string; axis: Axis; at: readonly number[] },
): Promise<MetricPoint[]> {
  const rows: MetricPoint[] = []
  for (const chunk of inChunks(input.at))
    rows.push(
      ...(await db
        .selectFrom('metrics')
        .select(['key', 'step', 'timestamp', 'value', 'is_nan'])
        .where('run_seq', '=', input.seq)
        .where('key', '=', input.key)
        .where(input.axis, 'in', chunk)
        .orderBy('step')
        .orderBy('timestamp')
        .execute()),
    )
  return rows
}
