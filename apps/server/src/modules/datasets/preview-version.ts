import type { DatasetColumn } from '@kiban/contract/datasets'
import type { Json } from '@kiban/contract/primitives'
import type { Ctx } from '@kiban/kit/context'
import type { VersionRow } from './datasets.store.ts'
import { withDuckdb } from './duckdb.ts'
import { columnOf } from './profile-table.ts'
import { unreadable, versionTables } from './profile-version.ts'
import { localPath, relationSql, viewSql } from './table-files.ts'
import type { TableFile } from './table-files.ts'

export type Preview = { columns: DatasetColumn[]; rows: Json[][]; total: number }

/** A page of rows in file order: those used, those committed, or those the contract set aside. Throws `dataset_not_table`. */
export async function previewVersion(
  ctx: Ctx,
  row: VersionRow,
  page: { view: 'usable' | 'committed' | 'quarantine'; limit: number; offset: number },
): Promise<Preview> {
  const tables = page.view === 'quarantine' ? quarantined(ctx, row) : await versionTables(ctx, row, page.view)
  if (tables.length === 0) return { columns: [], rows: [], total: 0 }
  try {
    return await withDuckdb({ readable: tables.map((file) => file.file) }, async (duckdb) => {
      await duckdb.run(viewSql('data', relationSql(tables)))
      const { columns, rows } = await duckdb.table(`SELECT * FROM data LIMIT ${page.limit} OFFSET ${page.offset}`)
      const [count] = await duckdb.rows('SELECT count(*) AS n FROM data')
      return {
        columns: columns.map((column) => columnOf(column.name, column.type)),
        rows: rows.map((cells) => [...cells]) as Json[][], // SqlValue is JSON
        total: Number(count?.['n'] ?? 0),
      }
    })
  } catch (error) {
    throw unreadable(row, error)
  }
}

function quarantined(ctx: Ctx, row: VersionRow): TableFile[] {
  if (row.quarantine_blob === null) return []
  return [
    {
      path: 'quarantine.parquet',
      hash: row.quarantine_blob,
      file: localPath(ctx.platform.blobs, row.quarantine_blob),
      format: 'parquet',
      gzip: false,
    },
  ]
}
