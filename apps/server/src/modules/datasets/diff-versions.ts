import type { DatasetColumn, DatasetDiff } from '@kiban/contract/datasets'
import type { ManifestFile } from '@kiban/contract/primitives'
import type { Ctx } from '@kiban/kit/context'
import { getManifest } from '@kiban/kit/manifests'
import { settingsOf } from './dataset-settings.ts'
import { getDataset } from './datasets.store.ts'
import type { VersionRow } from './datasets.store.ts'
import { quoteName, withDuckdb } from './duckdb.ts'
import type { Duckdb } from './duckdb.ts'
import { columnOf } from './profile-table.ts'
import { unreadable } from './profile-version.ts'
import { relationSql, tableFiles, viewSql } from './table-files.ts'
import type { TableFile } from './table-files.ts'

/**
 * What changed from one version to another, of what is used of them: files, columns, and rows. Only files that differ are read for rows:
 * by the dataset's key, where it has one; else whole rows are compared, duplicates included.
 */
export async function diffVersions(ctx: Ctx, from: VersionRow, to: VersionRow): Promise<DatasetDiff> {
  const settings = settingsOf(await getDataset(ctx, to.project, to.name))
  const before = await getManifest(ctx.platform.blobs, from.manifest)
  const after = await getManifest(ctx.platform.blobs, to.manifest)
  const files = diffFiles(before, after)
  const base = { from: from.number, to: to.number, files }
  const tables =
    settings.type === 'folder'
      ? [[], []]
      : [tableFiles(ctx.platform.blobs, before), tableFiles(ctx.platform.blobs, after)]
  const [old = [], now = []] = tables
  if (old.length === 0 || now.length === 0)
    return { ...base, columns: { added: [], removed: [], changed: [] }, rows: null }
  try {
    return await withDuckdb({ readable: [...old, ...now].map((file) => file.file) }, async (duckdb) => {
      const oldColumns = await columnsOf(duckdb, 'old_columns', old)
      const newColumns = await columnsOf(duckdb, 'new_columns', now)
      const shared = oldColumns.filter((column) => newColumns.some((other) => other.name === column.name))
      const columns = {
        added: newColumns.filter((column) => !oldColumns.some((other) => other.name === column.name)),
        removed: oldColumns.filter((column) => !newColumns.some((other) => other.name === column.name)),
        changed: shared.flatMap((column) => {
          const type = newColumns.find((other) => other.name === column.name)?.type ?? column.type
          return type === column.type ? [] : [{ name: column.name, from: column.type, to: type }]
        }),
      }
      return {
        ...base,
        columns,
        rows: await diffRows(duckdb, { old, now, shared: shared.map((column) => column.name), key: settings.key }),
      }
    })
  } catch (error) {
    throw unreadable(to, error)
  }
}

function diffFiles(before: readonly ManifestFile[], after: readonly ManifestFile[]): DatasetDiff['files'] {
  const old = new Map(before.map((file) => [file.path, file]))
  const now = new Map(after.map((file) => [file.path, file]))
  const changed = after.flatMap((file) => {
    const was = old.get(file.path)
    return was && was.hash !== file.hash ? [{ path: file.path, from: was, to: file }] : []
  })
  return {
    added: after.filter((file) => !old.has(file.path)),
    removed: before.filter((file) => !now.has(file.path)),
    changed,
    unchanged: after.filter((file) => old.get(file.path)?.hash === file.hash).length,
  }
}

async function columnsOf(duckdb: Duckdb, view: string, files: readonly TableFile[]): Promise<DatasetColumn[]> {
  await duckdb.run(viewSql(view, relationSql(files)))
  return (await duckdb.rows(`DESCRIBE ${view}`)).map((row) =>
    columnOf(String(row['column_name']), String(row['column_type'])),
  )
}

async function diffRows(
  duckdb: Duckdb,
  input: { old: readonly TableFile[]; now: readonly TableFile[]; shared: readonly string[]; key: readonly string[] },
): Promise<DatasetDiff['rows']> {
  const [totals] = await duckdb.rows(
    'SELECT (SELECT count(*) FROM old_columns) AS f, (SELECT count(*) FROM new_columns) AS t',
  )
  const counts = { from: Number(totals?.['f']), to: Number(totals?.['t']) }
  const kept = new Set(
    input.old.map((file) => file.hash).filter((hash) => input.now.some((file) => file.hash === hash)),
  )
  const [gone, come] = [
    input.old.filter((file) => !kept.has(file.hash)),
    input.now.filter((file) => !kept.has(file.hash)),
  ]
  const byKey = input.key.length > 0 && input.key.every((name) => input.shared.includes(name))
  const list = input.shared.map(quoteName).join(', ')
  if (input.shared.length === 0)
    return { ...counts, added: counts.to, removed: counts.from, changed: null, byKey: false }
  await duckdb.run(
    gone.length > 0
      ? viewSql('gone', relationSql(gone))
      : 'CREATE TEMP VIEW gone AS SELECT * FROM old_columns WHERE false',
  )
  await duckdb.run(
    come.length > 0
      ? viewSql('come', relationSql(come))
      : 'CREATE TEMP VIEW come AS SELECT * FROM new_columns WHERE false',
  )
  if (!byKey) {
    const [row] =
      await duckdb.rows(`SELECT (SELECT count(*) FROM (SELECT ${list} FROM come EXCEPT ALL SELECT ${list} FROM gone)) AS added,
      (SELECT count(*) FROM (SELECT ${list} FROM gone EXCEPT ALL SELECT ${list} FROM come)) AS removed`)
    return { ...counts, added: Number(row?.['added']), removed: Number(row?.['removed']), changed: null, byKey: false }
  }
  const on = input.key
    .map((name) => `gone.${quoteName(name)} IS NOT DISTINCT FROM come.${quoteName(name)}`)
    .join(' AND ')
  const others = input.shared.filter((name) => !input.key.includes(name))
  const differs =
    others.length === 0
      ? 'false'
      : others.map((name) => `gone.${quoteName(name)} IS DISTINCT FROM come.${quoteName(name)}`).join(' OR ')
  const [row] =
    await duckdb.rows(`SELECT count(*) FILTER (WHERE gone.there IS NULL) AS added, count(*) FILTER (WHERE come.there IS NULL) AS removed,
    count(*) FILTER (WHERE gone.there AND come.there AND (${differs})) AS changed
    FROM (SELECT *, true AS there FROM gone) gone FULL JOIN (SELECT *, true AS there FROM come) come ON ${on}`)
  return {
    ...counts,
    added: Number(row?.['added']),
    removed: Number(row?.['removed']),
    changed: Number(row?.['changed']),
    byKey: true,
  }
}
