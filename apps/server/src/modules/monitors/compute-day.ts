import { quoteName, withDuckdb } from '../datasets/index.ts'
import type { Duckdb } from '../datasets/index.ts'
import { openTables } from './window-tables.ts'
import type { FeatureColumn, WindowTables } from './window-tables.ts'
import { nullLimit, qualityValues } from './window-quality.ts'
import type { ColumnQuality } from './window-quality.ts'
import type { FeatureResult, WindowResult, WindowTask } from './window-task.ts'

const EMPTY = { rows: 0, mean: null, sd: null }

/**
 * Data quality of one day, all of it in SQL: an outage of a day hides in the mean of a month (the weather feed of 31 December 2013: 100 %
 * of the day, 2.8 % of the month). Limits are learned from the reference's own days. Cheap enough for the server's process.
 */
export async function computeDay(task: WindowTask, signal: AbortSignal): Promise<WindowResult> {
  const paths = [...task.predictionPaths, ...(task.reference?.paths ?? [])]
  return withDuckdb({ readable: [...new Set(paths)], signal }, async (duckdb) => {
    const tables = await openTables(duckdb, { ...task, labels: null })
    const [count] = await duckdb.rows('SELECT count(*) AS n FROM win')
    const rows = Number(count?.['n'] ?? 0)
    const versions = await duckdb.rows('SELECT version, count(*) AS n FROM win GROUP BY 1 ORDER BY 2 DESC, 1')
    const columns = await columnQuality(duckdb, tables, rows)
    const settings = task.settings.signals.data_quality
    return {
      rows,
      labelled: 0,
      versions: versions.map((row) => ({
        version: task.versionLabels[String(row['version'])] ?? String(row['version']),
        rows: Number(row['n']),
      })),
      referenceName: task.reference?.name ?? null,
      referenceRows: 0,
      values: settings ? qualityValues(settings, columns, rows, task.settings.minRows, 'day') : [],
      features: columns.map((column, i) => dayFeature(column, tables.features[i] as FeatureColumn, rows)),
    }
  })
}

async function columnQuality(duckdb: Duckdb, tables: WindowTables, rows: number): Promise<ColumnQuality[]> {
  const { features } = tables
  if (features.length === 0) return []
  const shares = features.map(({ name, kind }, i) => {
    const column = quoteName(name)
    const valid =
      kind === 'numeric' ? `${column} IS NOT NULL AND isfinite(CAST(${column} AS DOUBLE))` : `${column} IS NOT NULL`
    return `coalesce(avg(CASE WHEN ${valid} THEN 0 ELSE 1 END), 0) AS s${i}`
  })
  const [today] = await duckdb.rows(`SELECT ${shares.join(', ')} FROM win`)
  const past = tables.hasReference
    ? await duckdb.rows(
        `SELECT ${shares.join(', ')} FROM ref GROUP BY coalesce(CAST(event_ms AS BIGINT) // 86400000, chunk) HAVING count(*) >= 20`,
      )
    : []
  const result: ColumnQuality[] = []
  for (const [i, { name, kind }] of features.entries()) {
    const unseen =
      kind === 'categorical' && tables.hasReference
        ? await duckdb.rows(
            `SELECT CAST(${quoteName(name)} AS VARCHAR) AS v, count(*) AS n FROM win WHERE ${quoteName(name)} IS NOT NULL AND CAST(${quoteName(name)} AS VARCHAR) NOT IN (SELECT DISTINCT CAST(${quoteName(name)} AS VARCHAR) FROM ref WHERE ${quoteName(name)} IS NOT NULL) GROUP BY 1 ORDER BY 2 DESC LIMIT 50`,
          )
        : []
    result.push({
      feature: name,
      nullShare: Number(today?.[`s${i}`] ?? 0),
      nullLimit: nullLimit(
        past.map((day) => Number(day[`s${i}`])),
        'day',
      ),
      newCategories: unseen.map((row) => String(row['v'])),
      newShare: rows === 0 ? 0 : unseen.reduce((sum, row) => sum + Number(row['n']), 0) / rows,
    })
  }
  return result
}

function dayFeature(column: ColumnQuality, { kind }: FeatureColumn, rows: number): FeatureResult {
  return {
    feature: column.feature,
    kind,
    importance: null,
    test: 'null_share',
    value: column.nullShare,
    limit: column.nullLimit,
    status: column.nullLimit !== null && column.nullShare > column.nullLimit ? 'warn' : 'ok',
    reason: `${(column.nullShare * 100).toPrecision(3)} % missing`,
    nullShare: column.nullShare,
    referenceNullShare: 0,
    newCategories: column.newCategories,
    histogram: [],
    reference: EMPTY,
    current: { ...EMPTY, rows },
  }
}
