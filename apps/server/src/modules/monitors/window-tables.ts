import { quoteName, quoteText } from '../datasets/index.ts'
import type { Duckdb } from '../datasets/index.ts'
import type { WindowTask } from './window-task.ts'

/** Columns of the prediction log that are no features. */
const LOG_COLUMNS = new Set([
  'id',
  'received_at',
  'event_time',
  'key',
  'endpoint',
  'version',
  'variant',
  'status',
  'latency_ms',
  'prediction',
  'output',
])
const NUMERIC = /^(TINYINT|SMALLINT|INTEGER|BIGINT|HUGEINT|UTINYINT|USMALLINT|UINTEGER|UBIGINT|FLOAT|DOUBLE|DECIMAL)/
const CATEGORICAL = /^(VARCHAR|BOOLEAN|ENUM)/

export type FeatureColumn = { readonly name: string; readonly kind: 'numeric' | 'categorical' }

/**
 * What `openTables` made: `calls` (every call of the window), `win` (those that gave an answer, with `label`) and `ref` (the reference,
 * with `chunk`).
 */
export type WindowTables = {
  readonly features: readonly FeatureColumn[]
  readonly hasReference: boolean
  readonly chunks: number
}

/**
 * Reads the window's predictions with their labels into `win`, and the reference into `ref`. Copies that only shadowed another version
 * are left out, and `win` has each event once: a failed call that another version answered is in it as the answer. Of a label given twice, the later one counts.
 */
export async function openTables(duckdb: Duckdb, task: WindowTask): Promise<WindowTables> {
  const log = parquet(task.predictionPaths)
  const types = await columnTypes(duckdb, log)
  const time = instantOf('p.event_time', types.get('event_time') ?? 'BIGINT')
  const labels = await labelsSql(duckdb, task)
  // The bound on arrival stands in the SELECT: inside the ON of a LEFT JOIN, DuckDB compares every pair (measured: 20 s for 28 000 rows).
  const within = task.settings.labels?.withinMs ?? 0
  const label = labels
    ? `CASE WHEN l.arrived_ms IS NULL OR l.arrived_ms <= ${time} + ${within} THEN l.label END`
    : 'CAST(NULL AS DOUBLE)'
  await duckdb.run(`CREATE TEMP TABLE calls AS
    SELECT p.*, ${time} AS event_ms, ${label} AS label
    FROM ${log} AS p ${labels ? `LEFT JOIN (${labels}) AS l ON CAST(p.key AS VARCHAR) = l.label_key` : ''}
    WHERE ${time} >= ${task.span.startMs} AND ${time} < ${task.span.endMs} AND p.status <> 'shadow'`)
  await duckdb.run(`CREATE TEMP VIEW win AS SELECT * FROM calls WHERE status IN ('ok', 'fallback')`)

  if (task.reference === null || task.reference.paths.length === 0) {
    return { features: featureColumns(task, types, types), hasReference: false, chunks: 0 }
  }
  const source = parquet(task.reference.paths)
  const referenceTypes = await columnTypes(duckdb, source)
  const chunks = await openReference(duckdb, task, source, referenceTypes)
  return { features: featureColumns(task, types, referenceTypes), hasReference: chunks > 0, chunks }
}

async function openReference(
  duckdb: Duckdb,
  task: WindowTask,
  source: string,
  types: ReadonlyMap<string, string>,
): Promise<number> {
  const span = task.reference?.span ?? null
  const timeColumn = span ? 'event_time' : (task.reference?.timestamp ?? null)
  const timeType = timeColumn === null ? undefined : types.get(timeColumn)
  const time = timeColumn === null || timeType === undefined ? null : instantOf(quoteName(timeColumn), timeType)
  const within =
    span && time ? `WHERE ${time} >= ${span.startMs} AND ${time} < ${span.endMs} AND status IN ('ok', 'fallback')` : ''
  // Ten chunks of equal size along time (NannyML's default): the reference's own unrest, from which limits are learned.
  await duckdb.run(
    `CREATE TEMP TABLE ref AS SELECT *, ${time ?? 'NULL'} AS event_ms, ntile(10) OVER (ORDER BY ${time ?? 'rowid_'}) - 1 AS chunk
     FROM (SELECT *, row_number() OVER () AS rowid_ FROM ${source}) ${within}`,
  )
  const [row] = await duckdb.rows('SELECT count(DISTINCT chunk) AS chunks FROM ref')
  return Number(row?.['chunks'] ?? 0)
}

async function labelsSql(duckdb: Duckdb, task: WindowTask): Promise<string | null> {
  const { labels: settings } = task.settings
  if (settings === null || task.labels === null || task.labels.paths.length === 0) return null
  const source = parquet(task.labels.paths)
  const types = await columnTypes(duckdb, source)
  const need = (column: string, key: string): string => {
    if (!types.has(column))
      throw new Error(
        `labels.${key}: ${settings.dataset} has no column ${JSON.stringify(column)}; it has ${[...types.keys()].join(', ')}`,
      )
    return quoteName(column)
  }
  const label = need(settings.column, 'column')
  const keys = settings.key ?? task.notFeatures.filter((name) => types.has(name)).slice(0, 1)
  if (keys.length === 0)
    throw new Error(`labels.key: name the column of ${settings.dataset} that holds what the model's key holds`)
  const key = keys.map((name) => `CAST(${need(name, 'key')} AS VARCHAR)`).join(` || '|' || `)
  const arrived = types.has('available_at') ? instantOf('available_at', types.get('available_at') ?? '') : null
  const value = `CAST(${label} AS DOUBLE)`
  const picked = arrived ? `arg_max(${value}, ${arrived})` : `last(${value})`
  return `SELECT ${key} AS label_key, ${picked} AS label, ${arrived ? `min(${arrived})` : 'CAST(NULL AS BIGINT)'} AS arrived_ms FROM ${source} WHERE ${label} IS NOT NULL GROUP BY 1`
}

function featureColumns(
  task: WindowTask,
  logged: ReadonlyMap<string, string>,
  reference: ReadonlyMap<string, string>,
): FeatureColumn[] {
  const names = task.features ?? [...logged.keys()].filter((name) => !LOG_COLUMNS.has(name))
  return names.flatMap((name): FeatureColumn[] => {
    const type = reference.get(name) ?? ''
    if (!logged.has(name) || task.notFeatures.includes(name)) return []
    if (NUMERIC.test(type)) return [{ name, kind: 'numeric' }]
    return CATEGORICAL.test(type) ? [{ name, kind: 'categorical' }] : []
  })
}

/** A FROM item over Parquet files; columns are matched by name, for a schema may grow. */
export function parquet(paths: readonly string[]): string {
  return `read_parquet([${paths.map(quoteText).join(', ')}], union_by_name = true)`
}

export async function columnTypes(duckdb: Duckdb, source: string): Promise<Map<string, string>> {
  const rows = await duckdb.rows(`DESCRIBE SELECT * FROM ${source}`)
  return new Map(rows.map((row) => [String(row['column_name']), String(row['column_type'])]))
}

/** An SQL expression for milliseconds since the epoch. */
export function instantOf(expression: string, type: string): string {
  if (/^(TIMESTAMP|DATE)/.test(type)) return `epoch_ms(CAST(${expression} AS TIMESTAMP))`
  if (type.startsWith('VARCHAR')) return `epoch_ms(CAST(${expression} AS TIMESTAMP))`
  return `CAST(${expression} AS BIGINT)`
}
