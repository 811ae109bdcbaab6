import { createReadStream, createWriteStream, existsSync, mkdirSync, rmSync } from 'node:fs'
import { once } from 'node:events'
import { basename, join } from 'node:path'
import { createInterface } from 'node:readline'
import { PredictionRecord } from '@kiban/contract/inference-control'
import { inTransaction } from '@kiban/kit/context'
import type { Ctx, Platform } from '@kiban/kit/context'
import { newId } from '@kiban/kit/ids'
import type { Loop } from '@kiban/kit/module'
import { quoteText, withDuckdb, writeParquet } from '../datasets/index.ts'
import { listServingRows, updateEndpoint } from './endpoints.store.ts'
import { planeOf } from './inference-plane.ts'
import { deleteSources, insertSegment, listSegments, listSources } from './predictions.store.ts'
import type { SegmentRow } from './predictions.store.ts'

const MERGE_AT = 24
const MERGE_MAX_ROWS = 2_000_000
const LINES_A_YIELD = 500

/** Columns that every segment has; features come behind them under their own names. */
export const BASE_COLUMNS: Readonly<Record<string, string>> = {
  id: 'VARCHAR',
  received_at: 'BIGINT',
  event_time: 'BIGINT',
  key: 'VARCHAR',
  endpoint: 'VARCHAR',
  version: 'VARCHAR',
  variant: 'VARCHAR',
  status: 'VARCHAR',
  latency_ms: 'DOUBLE',
  prediction: 'DOUBLE',
  output: 'VARCHAR',
}

/** Moves closed log files of the data plane into Parquet segments, every 30 s. */
export const predictionsLoop: Loop = {
  name: 'predictions',
  everyMs: 30_000,
  run: async (ctx) => {
    await compactPredictions(ctx, null)
    for (const endpoint of await listServingRows(ctx)) await mergeSegments(ctx, endpoint.id)
  },
}

/**
 * Turns what the data plane has logged up to now into Parquet segments and returns the endpoints that got one. A log file goes into
 * exactly one segment: its name is written with the segment in one transaction, the file is deleted after it, and a name that is
 * already written is only deleted. One compaction runs at a time in a process.
 */
export function compactPredictions(ctx: Ctx, endpointId: string | null): Promise<readonly string[]> {
  const turn = (turns.get(ctx.platform) ?? Promise.resolve()).then(() => compact(ctx, endpointId))
  turns.set(
    ctx.platform,
    turn.catch(() => undefined),
  )
  return turn
}
const turns = new WeakMap<Platform, Promise<unknown>>()

async function compact(ctx: Ctx, endpointId: string | null): Promise<readonly string[]> {
  const rotated = await planeOf(ctx.platform)
    .rotate(endpointId)
    .catch(() => undefined)
  if (!rotated) return []
  const changed: string[] = []
  for (const [id, files] of Map.groupBy(rotated.closed, (file) => file.endpointId)) {
    const paths = files.map((file) => file.path)
    const names = paths.map((path) => `${id}/${basename(path)}`)
    const known = new Set(await listSources(ctx, names))
    const fresh = paths.filter((path) => !known.has(`${id}/${basename(path)}`) && existsSync(path))
    if (fresh.length > 0 && (await writeSegment(ctx, id, fresh))) changed.push(id)
    for (const path of paths) rmSync(path, { force: true })
    await inTransaction(ctx, (ctx) => deleteSources(ctx, names))
  }
  return changed
}

async function writeSegment(ctx: Ctx, endpointId: string, paths: readonly string[]): Promise<boolean> {
  const folder = join(ctx.platform.home, 'tmp', newId('compact'))
  mkdirSync(folder, { recursive: true, mode: 0o700 })
  try {
    const flat = join(folder, 'rows.ndjson')
    const { rows, features, example } = await flatten(paths, flat)
    const sources = paths.map((path) => `${endpointId}/${basename(path)}`)
    if (rows === 0) return false
    const columns = { ...BASE_COLUMNS, ...Object.fromEntries(features) }
    const typed = `{${Object.entries(columns)
      .map(([name, type]) => `${quoteText(name)}: ${quoteText(type)}`)
      .join(', ')}}`
    const parquet = join(folder, 'segment.parquet')
    await writeParquet(
      `SELECT * FROM read_json(${quoteText(flat)}, format='newline_delimited', columns=${typed}) ORDER BY event_time, id`,
      parquet,
      { readable: [flat], signal: ctx.signal },
    )
    await keepSegment(ctx, endpointId, parquet, [...features.keys()], { sources })
    if (example)
      await inTransaction(ctx, (ctx) => updateEndpoint(ctx, endpointId, { example: JSON.stringify(example) }))
    return true
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

/** Rewrites log lines with every feature as a column of its own; leaves out a torn last line. Yields so that the server goes on answering. */
async function flatten(
  paths: readonly string[],
  target: string,
): Promise<{ rows: number; features: Map<string, string>; example: PredictionRecord['features'] | undefined }> {
  const out = createWriteStream(target, { mode: 0o600 })
  const features = new Map<string, string>()
  let rows = 0
  let example: PredictionRecord['features'] | undefined
  for (const path of paths) {
    let inFile = 0
    for await (const line of createInterface({ input: createReadStream(path), crlfDelay: Number.POSITIVE_INFINITY })) {
      const record = parseLine(line)
      if (!record) continue
      const { features: values, output, ...base } = record
      const row: Record<string, unknown> = { ...base, output: JSON.stringify(output) }
      for (const [name, value] of Object.entries(values)) {
        const column = columnName(name)
        row[column] = Array.isArray(value) ? JSON.stringify(value) : value
        widen(features, column, value)
      }
      if (record.status === 'ok') example = values
      if (!out.write(`${JSON.stringify(row)}\n`)) await once(out, 'drain')
      rows += 1
      inFile += 1
      if (inFile % LINES_A_YIELD === 0) await new Promise((resolve) => setImmediate(resolve))
    }
  }
  out.end()
  await once(out, 'finish')
  return { rows, features, example }
}

/** Undefined for a line that was torn by a kill: nobody was told of that prediction. */
function parseLine(line: string): PredictionRecord | undefined {
  if (!line.endsWith('}')) return undefined
  try {
    return PredictionRecord.parse(JSON.parse(line))
  } catch {
    return undefined
  }
}

/** Base columns win: a feature with the name of one is `feature_<name>`. */
function columnName(feature: string): string {
  return Object.hasOwn(BASE_COLUMNS, feature.toLowerCase()) ? `feature_${feature}` : feature
}

function widen(features: Map<string, string>, column: string, value: PredictionRecord['features'][string]): void {
  const type =
    typeof value === 'string' || Array.isArray(value) ? 'VARCHAR' : typeof value === 'boolean' ? 'BOOLEAN' : 'DOUBLE'
  const known = features.get(column)
  if (known === undefined) features.set(column, type)
  else if (value !== null && known !== type)
    features.set(column, known === 'DOUBLE' && type === 'BOOLEAN' ? 'DOUBLE' : 'VARCHAR')
}

async function keepSegment(
  ctx: Ctx,
  endpointId: string,
  parquet: string,
  columns: readonly string[],
  from: { sources?: readonly string[]; segments?: readonly string[] },
): Promise<void> {
  const [bounds] = await withDuckdb({ readable: [parquet], signal: ctx.signal }, (duckdb) =>
    duckdb.rows(
      `SELECT count(*) AS n, min(received_at) AS r0, max(received_at) AS r1, min(event_time) AS e0, max(event_time) AS e1 FROM read_parquet(${quoteText(parquet)})`,
    ),
  )
  if (!bounds) throw new Error('a segment has no bounds')
  const blob = await ctx.platform.blobs.putFile(parquet)
  const row: SegmentRow = {
    id: newId('seg'),
    endpoint_id: endpointId,
    blob: blob.hash,
    rows: Number(bounds['n']),
    size_bytes: blob.sizeBytes,
    columns: JSON.stringify(columns),
    min_received_at: Number(bounds['r0']),
    max_received_at: Number(bounds['r1']),
    min_event_time: Number(bounds['e0']),
    max_event_time: Number(bounds['e1']),
    created_at: ctx.clock.now(),
  }
  await inTransaction(ctx, (ctx) => insertSegment(ctx, row, from))
}

/** Puts many small segments together, so that a query opens few files. Their blobs stay for whoever reads them now. */
async function mergeSegments(ctx: Ctx, endpointId: string): Promise<void> {
  const small = (await listSegments(ctx, endpointId)).filter((segment) => segment.rows < MERGE_MAX_ROWS / 4)
  if (small.length < MERGE_AT) return
  const merged: SegmentRow[] = []
  let rows = 0
  for (const segment of small) {
    if (rows + segment.rows > MERGE_MAX_ROWS) break
    merged.push(segment)
    rows += segment.rows
  }
  const paths = merged.map((segment) => ctx.platform.blobs.localPath(segment.blob)).filter((path) => path !== undefined)
  if (paths.length !== merged.length || merged.length < 2) return
  const folder = join(ctx.platform.home, 'tmp', newId('merge'))
  mkdirSync(folder, { recursive: true, mode: 0o700 })
  try {
    const parquet = join(folder, 'segment.parquet')
    await writeParquet(
      `SELECT * FROM read_parquet([${paths.map(quoteText).join(', ')}], union_by_name=true) ORDER BY event_time, id`,
      parquet,
      { readable: paths, signal: ctx.signal },
    )
    const columns = [...new Set(merged.flatMap((segment) => JSON.parse(segment.columns) as string[]))] // written by keepSegment
    await keepSegment(ctx, endpointId, parquet, columns, { segments: merged.map((segment) => segment.id) })
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}
