import type { ManifestFile } from '@kiban/contract/primitives'
import type { BlobStore } from '@kiban/kit/blobs'
import { AppError } from '@kiban/kit/errors'
import { quoteName, quoteText } from './duckdb.ts'

/** A file of rows: where it stands in its version, and where its bytes are. */
export type TableFile = {
  readonly path: string
  readonly hash: string
  readonly file: string
  readonly format: TableFormat
  readonly gzip: boolean
}
export type TableFormat = 'parquet' | 'csv' | 'json'

/** The column that tells, in `relationSql`, which file a row is from. */
export const FILE_COLUMN = 'kiban.file'

const FORMATS: Readonly<Record<string, TableFormat>> = {
  parquet: 'parquet',
  csv: 'csv',
  tsv: 'csv',
  json: 'json',
  jsonl: 'json',
  ndjson: 'json',
}

/** The files of a version that hold rows, by their extension (`.csv.gz` and `.json.gz` too); the others are left out. */
export function tableFiles(blobs: BlobStore, files: readonly ManifestFile[]): TableFile[] {
  return files.flatMap((entry) => {
    const gzip = entry.path.endsWith('.gz')
    const format = FORMATS[(gzip ? entry.path.slice(0, -3) : entry.path).split('.').at(-1)?.toLowerCase() ?? '']
    if (format === undefined || (gzip && format === 'parquet')) return []
    return [{ path: entry.path, hash: entry.hash, file: localPath(blobs, entry.hash), format, gzip }]
  })
}

/** Where DuckDB finds a blob. */
export function localPath(blobs: BlobStore, hash: string): string {
  const path = blobs.localPath(hash)
  if (path === undefined)
    throw new AppError('bad_request', {
      message: 'Tables can be read only while the blobs are kept in a local folder (KIBAN_BLOBS_URL=file:…).',
    })
  return path
}

/** All rows of the files, in their order, with `FILE_COLUMN`; columns are matched by name and may be absent in some files. */
export function relationSql(files: readonly TableFile[]): string {
  const runs: TableFile[][] = []
  for (const file of files) {
    const last = runs.at(-1)
    const head = last?.[0]
    if (last && head && head.format === file.format && head.gzip === file.gzip) last.push(file)
    else runs.push([file])
  }
  return runs.map((run) => `SELECT * FROM ${readerSql(run)}`).join(' UNION ALL BY NAME ')
}

function readerSql(files: readonly TableFile[]): string {
  const list = `[${files.map((file) => quoteText(file.file)).join(', ')}]`
  const common = `${list}, filename = ${quoteText(FILE_COLUMN)}, union_by_name = true`
  const head = files[0]
  if (head?.format === 'parquet') return `read_parquet(${common}, hive_partitioning = false)`
  const compression = head?.gzip ? ", compression = 'gzip'" : ", compression = 'none'"
  if (head?.format === 'csv')
    return `read_csv(${common}, hive_partitioning = false, nullstr = ['', 'NA']${compression})`
  return `read_json(${common}, hive_partitioning = false${compression})`
}

/** Statement that makes the view `name` of the rows, without `FILE_COLUMN`. */
export function viewSql(name: string, relation: string): string {
  return `CREATE TEMP VIEW ${quoteName(name)} AS SELECT * EXCLUDE (${quoteName(FILE_COLUMN)}) FROM (${relation})`
}
