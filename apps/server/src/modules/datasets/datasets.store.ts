import { sql } from 'kysely'
import type { DatasetVersionState } from '@kiban/contract/datasets'
import type { Ctx } from '@kiban/kit/context'
import { AppError } from '@kiban/kit/errors'

type DatasetTable = {
  id: string
  project: string
  name: string
  /** What the project file says of it (`DatasetSettings`). */
  spec_json: string
  /** Manifest of the files that `source` last matched; a version is made when it changes. */
  source_manifest: string | null
  contract_hash: string | null
  contract_rules: number
  newest_number: number
  archived_at: number | null
  created_at: number
  created_by: string
}

type VersionTable = {
  id: string
  dataset_id: string
  project: string
  name: string
  number: number
  parent_number: number | null
  mode: 'replace' | 'append'
  state: DatasetVersionState
  state_reason: string | null
  message: string
  /** Files to use: those committed, less what was quarantined. */
  manifest: string
  committed_manifest: string
  files: number
  size_bytes: number
  new_bytes: number
  rows: number | null
  new_rows: number | null
  count_due: number
  check_due: number
  check_failures: number
  contract_hash: string | null
  checks_json: string | null
  checked_at: number | null
  check_ms: number | null
  quarantine_blob: string | null
  quarantined_values: number
  quarantined_rows: number
  producer_kind: 'run' | 'job' | 'step_run' | null
  producer_id: string | null
  created_at: number
  created_by: string
  lease_token: string | null
  lease_until: number | null
}

declare module '@kiban/kit/database' {
  interface Tables {
    datasets: DatasetTable
    dataset_versions: VersionTable
    dataset_tags: { dataset_id: string; name: string; number: number }
    dataset_checks: {
      version_id: string
      dataset_id: string
      number: number
      position: number
      rule: string
      violations: number
      result_json: string
    }
    dataset_profiles: { version_id: string; profile_json: string }
    dataset_project_blobs: { project: string; hash: string; size_bytes: number }
  }
}

export type DatasetRow = DatasetTable
export type VersionRow = VersionTable

/** States in which a version may be used. */
export const USABLE: readonly DatasetVersionState[] = ['usable', 'warned', 'quarantined']
const CHUNK = 500

export async function findDataset(ctx: Ctx, project: string, name: string): Promise<DatasetRow | undefined> {
  return ctx.db
    .selectFrom('datasets')
    .selectAll()
    .where('project', '=', project)
    .where('name', '=', name)
    .executeTakeFirst()
}

/** Throws `dataset_not_found`. */
export async function getDataset(ctx: Ctx, project: string, name: string): Promise<DatasetRow> {
  const row = await findDataset(ctx, project, name)
  if (!row)
    throw new AppError('dataset_not_found', {
      message: `${project} has no dataset ${JSON.stringify(name)}. List its datasets with: kiban dataset list`,
    })
  return row
}

export async function listDatasetRows(ctx: Ctx, project: string, archived: boolean): Promise<DatasetRow[]> {
  const rows = ctx.db.selectFrom('datasets').selectAll().where('project', '=', project).orderBy('name')
  return (archived ? rows : rows.where('archived_at', 'is', null)).execute()
}

/** Makes a dataset unless one of that name was just made. */
export async function insertDataset(ctx: Ctx, row: DatasetRow): Promise<void> {
  await ctx.db
    .insertInto('datasets')
    .values(row)
    .onConflict((c) => c.columns(['project', 'name']).doNothing())
    .execute()
}

/** Takes the number after `newest`; false when another commit took it first. It also locks the dataset until the transaction ends. */
export async function takeNumber(ctx: Ctx, id: string, newest: number): Promise<boolean> {
  const result = await ctx.db
    .updateTable('datasets')
    .set({ newest_number: newest + 1 })
    .where('id', '=', id)
    .where('newest_number', '=', newest)
    .executeTakeFirst()
  return Number(result.numUpdatedRows) > 0
}

export async function updateDataset(
  ctx: Ctx,
  id: string,
  set: Partial<Omit<DatasetRow, 'id' | 'project' | 'name'>>,
): Promise<void> {
  await ctx.db.updateTable('datasets').set(set).where('id', '=', id).execute()
}

export async function insertVersion(ctx: Ctx, row: VersionRow): Promise<void> {
  await ctx.db.insertInto('dataset_versions').values(row).execute()
}

export async function findVersion(ctx: Ctx, datasetId: string, number: number): Promise<VersionRow | undefined> {
  return ctx.db
    .selectFrom('dataset_versions')
    .selectAll()
    .where('dataset_id', '=', datasetId)
    .where('number', '=', number)
    .executeTakeFirst()
}

/** Throws `dataset_version_not_found`. */
export async function getVersionById(ctx: Ctx, id: string): Promise<VersionRow> {
  const row = await ctx.db.selectFrom('dataset_versions').selectAll().where('id', '=', id).executeTakeFirst()
  if (!row) throw new AppError('dataset_version_not_found', { message: `There is no dataset version ${id}.` })
  return row
}

export async function listVersionsById(ctx: Ctx, ids: readonly string[]): Promise<VersionRow[]> {
  if (ids.length === 0) return []
  return ctx.db
    .selectFrom('dataset_versions')
    .selectAll()
    .where('id', 'in', [...ids])
    .execute()
}

/** The newest version: in a usable state, in any, in any but blocked, or no later than an instant (and usable). */
export async function findNewest(
  ctx: Ctx,
  datasetId: string,
  which: 'usable' | 'any' | 'not_blocked' | { readonly atMs: number },
): Promise<VersionRow | undefined> {
  let query = ctx.db.selectFrom('dataset_versions').selectAll().where('dataset_id', '=', datasetId)
  if (which === 'not_blocked') query = query.where('state', '<>', 'blocked')
  else if (which !== 'any') query = query.where('state', 'in', [...USABLE])
  if (typeof which === 'object') query = query.where('created_at', '<=', which.atMs)
  return query.orderBy('number', 'desc').limit(1).executeTakeFirst()
}

/** Of each dataset, its newest version that matches. */
export async function listNewest(ctx: Ctx, project: string, usable: boolean): Promise<VersionRow[]> {
  let newest = ctx.db
    .selectFrom('dataset_versions')
    .select('dataset_id')
    .select((e) => e.fn.max('number').as('top'))
    .where('project', '=', project)
  if (usable) newest = newest.where('state', 'in', [...USABLE])
  return ctx.db
    .selectFrom('dataset_versions')
    .innerJoin(newest.groupBy('dataset_id').as('newest'), (join) =>
      join
        .onRef('newest.dataset_id', '=', 'dataset_versions.dataset_id')
        .onRef('newest.top', '=', 'dataset_versions.number'),
    )
    .selectAll('dataset_versions')
    .execute()
}

export async function listVersionRows(
  ctx: Ctx,
  datasetId: string,
  page: { limit: number; below: number | undefined },
): Promise<VersionRow[]> {
  let query = ctx.db.selectFrom('dataset_versions').selectAll().where('dataset_id', '=', datasetId)
  if (page.below !== undefined) query = query.where('number', '<', page.below)
  return query.orderBy('number', 'desc').limit(page.limit).execute()
}

export async function findVersionByProducer(
  ctx: Ctx,
  datasetId: string,
  producer: { kind: string; id: string },
): Promise<VersionRow | undefined> {
  return ctx.db
    .selectFrom('dataset_versions')
    .selectAll()
    .where('dataset_id', '=', datasetId)
    .where('producer_kind', '=', producer.kind as 'run') // one of the three kinds of ProducedBy
    .where('producer_id', '=', producer.id)
    .orderBy('number', 'desc')
    .executeTakeFirst()
}

export async function updateVersion(ctx: Ctx, id: string, set: Partial<VersionRow>): Promise<void> {
  await ctx.db.updateTable('dataset_versions').set(set).where('id', '=', id).execute()
}

/** Writes the result of leased work and frees the lease; false when the lease was lost. */
export async function updateLeasedVersion(
  ctx: Ctx,
  row: { id: string; lease_token: string },
  set: Partial<VersionRow>,
): Promise<boolean> {
  const result = await ctx.db
    .updateTable('dataset_versions')
    .set({ ...set, lease_token: null, lease_until: null })
    .where('id', '=', row.id)
    .where('lease_token', '=', row.lease_token)
    .executeTakeFirst()
  return Number(result.numUpdatedRows) > 0
}

export async function renewLease(ctx: Ctx, row: { id: string; lease_token: string }, untilMs: number): Promise<void> {
  await ctx.db
    .updateTable('dataset_versions')
    .set({ lease_until: untilMs })
    .where('id', '=', row.id)
    .where('lease_token', '=', row.lease_token)
    .execute()
}

/** Versions that still wait for a check though `keep` newer ones exist are not checked any more. */
export async function supersedeUnchecked(ctx: Ctx, datasetId: string, newest: number, keep: number): Promise<void> {
  await ctx.db
    .updateTable('dataset_versions')
    .set({ state: 'superseded', check_due: 0 })
    .where('dataset_id', '=', datasetId)
    .where('state', '=', 'checking')
    .where('number', '<=', newest - keep)
    .execute()
}

/** Versions whose rows are not counted yet, oldest first. */
export async function listUncounted(ctx: Ctx, limit: number): Promise<VersionRow[]> {
  return ctx.db
    .selectFrom('dataset_versions')
    .selectAll()
    .where('count_due', '=', 1)
    .orderBy('id')
    .limit(limit)
    .execute()
}

export async function listTags(
  ctx: Ctx,
  datasetIds: readonly string[],
): Promise<{ dataset_id: string; name: string; number: number }[]> {
  if (datasetIds.length === 0) return []
  return ctx.db
    .selectFrom('dataset_tags')
    .selectAll()
    .where('dataset_id', 'in', [...datasetIds])
    .orderBy('name')
    .execute()
}

export async function upsertTag(ctx: Ctx, row: { dataset_id: string; name: string; number: number }): Promise<void> {
  await ctx.db
    .insertInto('dataset_tags')
    .values(row)
    .onConflict((c) => c.columns(['dataset_id', 'name']).doUpdateSet({ number: row.number }))
    .execute()
}

export async function deleteTag(ctx: Ctx, datasetId: string, name: string): Promise<boolean> {
  const result = await ctx.db
    .deleteFrom('dataset_tags')
    .where('dataset_id', '=', datasetId)
    .where('name', '=', name)
    .executeTakeFirst()
  return Number(result.numDeletedRows) > 0
}

export type CheckRow = {
  version_id: string
  dataset_id: string
  number: number
  position: number
  rule: string
  violations: number
  result_json: string
}

export async function replaceChecks(ctx: Ctx, versionId: string, rows: readonly CheckRow[]): Promise<void> {
  await ctx.db.deleteFrom('dataset_checks').where('version_id', '=', versionId).execute()
  for (let i = 0; i < rows.length; i += 100)
    await ctx.db
      .insertInto('dataset_checks')
      .values(rows.slice(i, i + 100))
      .execute()
}

export async function listChecks(ctx: Ctx, versionId: string): Promise<CheckRow[]> {
  return ctx.db
    .selectFrom('dataset_checks')
    .selectAll()
    .where('version_id', '=', versionId)
    .orderBy('position')
    .execute()
}

/** Violations of every rule in the versions `from` to `to`, oldest first. */
export async function listCheckHistory(
  ctx: Ctx,
  datasetId: string,
  from: number,
  to: number,
): Promise<{ rule: string; number: number; violations: number }[]> {
  return ctx.db
    .selectFrom('dataset_checks')
    .select(['rule', 'number', 'violations'])
    .where('dataset_id', '=', datasetId)
    .where('number', '>=', from)
    .where('number', '<=', to)
    .orderBy('number')
    .execute()
}

export async function findProfile(ctx: Ctx, versionId: string): Promise<string | undefined> {
  return (
    await ctx.db
      .selectFrom('dataset_profiles')
      .select('profile_json')
      .where('version_id', '=', versionId)
      .executeTakeFirst()
  )?.profile_json
}

export async function upsertProfile(ctx: Ctx, row: { version_id: string; profile_json: string }): Promise<void> {
  await ctx.db
    .insertInto('dataset_profiles')
    .values(row)
    .onConflict((c) => c.column('version_id').doUpdateSet({ profile_json: row.profile_json }))
    .execute()
}

export async function deleteProfile(ctx: Ctx, versionId: string): Promise<void> {
  await ctx.db.deleteFrom('dataset_profiles').where('version_id', '=', versionId).execute()
}

/** Which of the blobs were uploaded to, or made in, the project, with their sizes. */
export async function listProjectBlobs(
  ctx: Ctx,
  project: string,
  hashes: readonly string[],
): Promise<Map<string, number>> {
  const found = new Map<string, number>()
  for (let i = 0; i < hashes.length; i += CHUNK) {
    const rows = await ctx.db
      .selectFrom('dataset_project_blobs')
      .select(['hash', 'size_bytes'])
      .where('project', '=', project)
      .where('hash', 'in', hashes.slice(i, i + CHUNK))
      .execute()
    for (const row of rows) found.set(row.hash, row.size_bytes)
  }
  return found
}

export async function insertProjectBlobs(
  ctx: Ctx,
  project: string,
  blobs: readonly { hash: string; sizeBytes: number }[],
): Promise<void> {
  for (let i = 0; i < blobs.length; i += CHUNK)
    await ctx.db
      .insertInto('dataset_project_blobs')
      .values(blobs.slice(i, i + CHUNK).map((blob) => ({ project, hash: blob.hash, size_bytes: blob.sizeBytes })))
      .onConflict((c) => c.doNothing())
      .execute()
}

export async function countVersions(ctx: Ctx, project: string): Promise<Map<string, number>> {
  const rows = await ctx.db
    .selectFrom('dataset_versions')
    .select('dataset_id')
    .select(sql<number>`count(*)`.as('n'))
    .where('project', '=', project)
    .groupBy('dataset_id')
    .execute()
  return new Map(rows.map((row) => [row.dataset_id, Number(row.n)]))
}

/** Datasets with `text` (lower case) in their name or as their id. */
export async function searchDatasets(ctx: Ctx, text: string, project: string | undefined): Promise<DatasetRow[]> {
  let query = ctx.db
    .selectFrom('datasets')
    .selectAll()
    .where('archived_at', 'is', null)
    .where((e) =>
      e.or([
        sql<boolean>`lower(name) like ${`%${text.replaceAll(/[%_\\]/g, String.raw`\$&`)}%`} escape '\\'`,
        e('id', '=', text),
      ]),
    )
  if (project !== undefined) query = query.where('project', '=', project)
  return query.orderBy('name').limit(50).execute()
}
