import { quoteName, withDuckdb } from '../datasets/index.ts'
import type { Duckdb } from '../datasets/index.ts'
import { openTables } from './window-tables.ts'
import type { FeatureColumn } from './window-tables.ts'
import { nullLimit, qualityValues } from './window-quality.ts'
import type { ColumnQuality } from './window-quality.ts'
import type { FeatureResult, WindowResult, WindowTask } from './window-task.ts'

const EMPTY = { rows: 0, mean: null, sd: null }

/**
 * Data quality of one day, all of it in SQL: an outage of a day hides in the mean of a month (the weather feed of 31 December 2013: 100 %
 * of the day, 2.8 % of the month). Limits are learned from the reference's own days. Cheap enough for the server's process.
 */
export async function computeDay(task: WindowTask, signal: AbortSignal): Promise<WindowResult> {
  const usual = await usualOf(task, signal)
  return withDuckdb({ readable: task.predictionPaths, signal }, async (duckdb) => {
    const tables = await openTables(duckdb, { ...task, labels: null, reference: null })
    const [count] = await duckdb.rows('SELECT count(*) AS n FROM win')
    const rows = Number(count?.['n'] ?? 0)
    const versions = await duckdb.rows('SELECT version, count(*) AS n FROM win GROUP BY 1 ORDER BY 2 DESC, 1')
    // A column that the reference does not have cannot be judged.
    const features = tables.features.filter(({ name }) => usual === null || usual.has(name))
    const columns = await columnQuality(duckdb, features, usual, rows)
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
      features: columns.map((column, i) => dayFeature(column, features[i] as FeatureColumn, rows)),
    }
  })
}

/** What is usual in a column of the reference: the limit of nulls on a day, and for categories those that there are. */
type Usual = ReadonlyMap<string, { readonly nullLimit: number | null; readonly categories: ReadonlySet<string> | null }>

/** A reference never changes (it is named by content), and every day asks for it: keep the newest few. */
const known = new Map<string, Usual>()
const KEPT = 16

async function usualOf(task: WindowTask, signal: AbortSignal): Promise<Usual | null> {
  const { reference } = task
  if (reference === null || reference.paths.length === 0) return null
  const key = JSON.stringify([reference, task.features, task.notFeatures])
  const found = known.get(key)
  if (found) return found
  const usual = await withDuckdb(
    { readable: [...reference.paths, ...task.predictionPaths], signal },
    async (duckdb) => {
      const { features } = await openTables(duckdb, { ...task, labels: null })
      if (features.length === 0) return new Map()
      const days = await duckdb.rows(
        `SELECT ${nullShares(features)} FROM ref GROUP BY coalesce(CAST(event_ms AS BIGINT) // 86400000, chunk) HAVING count(*) >= 20`,
      )
      const result = new Map<string, { nullLimit: number | null; categories: ReadonlySet<string> | null }>()
      for (const [i, { name, kind }] of features.entries()) {
        const shares = days.map((day) => Number(day[`s${i}`]))
        const values =
          kind === 'categorical'
            ? await duckdb.rows(
                `SELECT DISTINCT CAST(${quoteName(name)} AS VARCHAR) AS v FROM ref WHERE ${quoteName(name)} IS NOT NULL`,
              )
            : null
        result.set(name, {
          nullLimit: nullLimit(shares, 'day'),
          categories: values && new Set(values.map((row) => String(row['v']))),
        })
      }
      return result
    },
  )
  if (known.size >= KEPT) known.delete(known.keys().next().value ?? '')
  known.set(key, usual)
  return usual
}

async function columnQuality(
  duckdb: Duckdb,
  features: readonly FeatureColumn[],
  usual: Usual | null,
  rows: number,
): Promise<ColumnQuality[]> {
  if (features.length === 0) return []
  const [today] = await duckdb.rows(`SELECT ${nullShares(features)} FROM win`)
  const result: ColumnQuality[] = []
  for (const [i, { name }] of features.entries()) {
    const column = quoteName(name)
    const of = usual?.get(name)
    const categories = of?.categories ?? null
    const counts =
      categories === null
        ? []
        : await duckdb.rows(
            `SELECT CAST(${column} AS VARCHAR) AS v, count(*) AS n FROM win WHERE ${column} IS NOT NULL GROUP BY 1 ORDER BY 2 DESC, 1`,
          )
    const unseen = counts.filter((row) => categories?.has(String(row['v'])) === false)
    result.push({
      feature: name,
      nullShare: Number(today?.[`s${i}`] ?? 0),
      nullLimit: of?.nullLimit ?? null,
      newCategories: unseen.slice(0, 50).map((row) => String(row['v'])),
      newShare: rows === 0 ? 0 : unseen.reduce((sum, row) => sum + Number(row['n']), 0) / rows,
    })
  }
  return result
}

/** The share of nulls of each column, as s0, s1, … */
function nullShares(features: readonly FeatureColumn[]): string {
  return features
    .map(({ name, kind }, i) => {
      const column = quoteName(name)
      const valid =
        kind === 'numeric' ? `${column} IS NOT NULL AND isfinite(CAST(${column} AS DOUBLE))` : `${column} IS NOT NULL`
      return `coalesce(avg(CASE WHEN ${valid} THEN 0 ELSE 1 END), 0) AS s${i}`
    })
    .join(', ')
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
