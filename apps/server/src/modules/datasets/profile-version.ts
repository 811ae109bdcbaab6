import { z } from 'zod'
import { DatasetProfile } from '@kiban/contract/datasets'
import { inTransaction } from '@kiban/kit/context'
import type { Ctx } from '@kiban/kit/context'
import { AppError } from '@kiban/kit/errors'
import { getManifest } from '@kiban/kit/manifests'
import { settingsOf } from './dataset-settings.ts'
import { findProfile, getDataset, upsertProfile } from './datasets.store.ts'
import type { VersionRow } from './datasets.store.ts'
import { profileTable } from './profile-table.ts'
import { tableFiles } from './table-files.ts'
import type { TableFile } from './table-files.ts'

const StoredProfile = z.object({ manifest: z.string(), profile: DatasetProfile })
const underWay = new Map<string, Promise<DatasetProfile>>()

/**
 * The profile of what is used of a version. It is computed when somebody first asks and kept: hundreds of small commits come whose
 * profile nobody reads. Throws `dataset_not_table`.
 */
export async function profileVersion(ctx: Ctx, row: VersionRow): Promise<DatasetProfile> {
  const known = await findProfile(ctx, row.id)
  if (known !== undefined) {
    const stored = StoredProfile.parse(JSON.parse(known))
    if (stored.manifest === row.manifest) return stored.profile
  }
  const key = `${row.id} ${row.manifest}`
  const running = underWay.get(key) ?? compute(ctx, row).finally(() => underWay.delete(key))
  underWay.set(key, running)
  return running
}

/** The files of rows of a version: those to use, or those committed. Throws `dataset_not_table`. */
export async function versionTables(
  ctx: Ctx,
  row: VersionRow,
  which: 'usable' | 'committed' = 'usable',
): Promise<TableFile[]> {
  const dataset = await getDataset(ctx, row.project, row.name)
  const manifest = which === 'usable' ? row.manifest : row.committed_manifest
  const files =
    settingsOf(dataset).type === 'folder'
      ? []
      : tableFiles(ctx.platform.blobs, await getManifest(ctx.platform.blobs, manifest))
  if (files.length === 0)
    throw new AppError('dataset_not_table', {
      message: `Version ${row.number} of ${row.name} is a folder of files, not a table: it has no rows to show. List its files instead.`,
    })
  return files
}

/** An error of reading the user's files, told without our paths. */
export function unreadable(row: VersionRow, error: unknown): AppError {
  if (error instanceof AppError) return error
  const text = error instanceof Error ? (error.message.split('\n')[0] ?? '') : ''
  const safe = text.replaceAll(/\/[^\s'"]*\/[0-9a-f]{2}\/[0-9a-f]{62}/g, 'a file').slice(0, 300)
  return new AppError('dataset_not_table', {
    message: `Version ${row.number} of ${row.name} can't be read as a table: ${safe}`,
    cause: error,
  })
}

async function compute(ctx: Ctx, row: VersionRow): Promise<DatasetProfile> {
  const tables = await versionTables(ctx, row)
  const startedMs = performance.now()
  try {
    const { rows, columns } = await profileTable(tables)
    const profile: DatasetProfile = {
      version: row.number,
      rows,
      columns,
      computedAt: ctx.clock.now(),
      durationMs: performance.now() - startedMs,
    }
    await inTransaction(ctx, (ctx) =>
      upsertProfile(ctx, { version_id: row.id, profile_json: JSON.stringify({ manifest: row.manifest, profile }) }),
    )
    return profile
  } catch (error) {
    throw unreadable(row, error)
  }
}
