import type { ManifestFile } from '@kiban/contract/primitives'
import { parseUri } from '@kiban/contract/project-file'
import type { Ctx } from '@kiban/kit/context'
import { AppError } from '@kiban/kit/errors'
import { getManifest } from '@kiban/kit/manifests'
import { toVersion } from './commit-dataset.ts'
import type { DatasetVersion } from './commit-dataset.ts'
import { USABLE, findNewest, findVersion, getDataset, getVersionById, listTags } from './datasets.store.ts'
import type { DatasetRow, VersionRow } from './datasets.store.ts'
import { tableFiles } from './table-files.ts'

/**
 * The version that a URI names: `datasets:/flights` is the newest usable one, `/31` that number, `@tag`, or `@<RFC 3339 instant>` the
 * newest usable then. Throws `dataset_not_found`, `dataset_version_not_found`, and `dataset_not_usable` for one its contract blocked.
 */
export async function resolveDataset(ctx: Ctx, project: string, uri: string): Promise<DatasetVersion> {
  const parsed = parseUri(uri)
  if (parsed?.kind !== 'datasets')
    throw new AppError('bad_request', {
      message: `${JSON.stringify(uri.slice(0, 200))} is not a dataset URI. Write datasets:/name, datasets:/name/31 or datasets:/name@tag.`,
    })
  if (parsed.project !== undefined && parsed.project !== project)
    throw new AppError('dataset_not_found', {
      message: `${uri} belongs to another project. Datasets can't be shared between projects yet: commit a copy to ${project}.`,
    })
  const dataset = await getDataset(ctx, project, parsed.name)
  const row = await findNamed(ctx, dataset, parsed)
  if (!row) {
    const newest = await findNewest(ctx, dataset.id, 'any')
    const why =
      newest === undefined
        ? 'it has no version yet: commit files to it'
        : `its newest version ${newest.number} is ${newest.state}${newest.state_reason ? `: ${newest.state_reason}` : ''}`
    throw new AppError('dataset_not_usable', { message: `${uri} has no usable version: ${why}.` })
  }
  if (!USABLE.includes(row.state)) {
    const remedy =
      row.state === 'checking'
        ? 'Wait until its contract has run.'
        : row.state === 'superseded'
          ? `Ask for its check first: POST …/datasets/${row.name}/versions/${row.number}/checks`
          : 'Commit a corrected version.'
    throw new AppError('dataset_not_usable', {
      message: `Version ${row.number} of ${row.name} is ${row.state}${row.state_reason ? `: ${row.state_reason}` : ''}. ${remedy}`,
      details: { state: row.state },
    })
  }
  return toVersion(row)
}

/** The files of a version that are to be used. */
export async function datasetFiles(ctx: Ctx, versionId: string): Promise<ManifestFile[]> {
  return getManifest(ctx.platform.blobs, (await getVersionById(ctx, versionId)).manifest)
}

/** Absolute paths of a version's Parquet files, for DuckDB. Throws `dataset_not_table` when it has none. */
export async function localParquetPaths(ctx: Ctx, versionId: string): Promise<string[]> {
  const version = await getVersionById(ctx, versionId)
  const files = tableFiles(ctx.platform.blobs, await getManifest(ctx.platform.blobs, version.manifest)).filter(
    (file) => file.format === 'parquet',
  )
  if (files.length === 0)
    throw new AppError('dataset_not_table', {
      message: `Version ${version.number} of ${version.name} has no Parquet file.`,
    })
  return files.map((file) => file.file)
}

/** Of a dataset, the version a reference of the API names: `31`, `latest`, `usable` or `@tag`. Throws `dataset_version_not_found`. */
export async function getVersionByRef(ctx: Ctx, dataset: DatasetRow, ref: string): Promise<VersionRow> {
  const row =
    ref === 'latest' || ref === 'usable'
      ? await findNewest(ctx, dataset.id, ref === 'usable' ? 'usable' : 'any')
      : ref.startsWith('@')
        ? await findNamed(ctx, dataset, { tag: ref.slice(1) })
        : await findVersion(ctx, dataset.id, Number(ref))
  if (!row) throw noVersion(dataset, ref)
  return row
}

async function findNamed(
  ctx: Ctx,
  dataset: DatasetRow,
  named: { version?: number; tag?: string },
): Promise<VersionRow | undefined> {
  if (named.version !== undefined) {
    const row = await findVersion(ctx, dataset.id, named.version)
    if (!row) throw noVersion(dataset, String(named.version))
    return row
  }
  if (named.tag === undefined) return findNewest(ctx, dataset.id, 'usable')
  const tag = (await listTags(ctx, [dataset.id])).find((candidate) => candidate.name === named.tag)
  if (tag) return findVersion(ctx, dataset.id, tag.number)
  const atMs = /^\d{4}-/.test(named.tag) ? Date.parse(named.tag) : Number.NaN
  if (Number.isNaN(atMs)) throw noVersion(dataset, `@${named.tag}`)
  return findNewest(ctx, dataset.id, { atMs })
}

function noVersion(dataset: DatasetRow, ref: string): AppError {
  const range =
    dataset.newest_number === 0 ? 'it has no versions yet' : `its versions are 1 to ${dataset.newest_number}`
  return new AppError('dataset_version_not_found', { message: `${dataset.name} has no version ${ref}; ${range}.` })
}
