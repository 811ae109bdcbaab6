import type { ProducedBy } from '@kiban/contract/datasets'
import type { ManifestFile } from '@kiban/contract/primitives'
import { emit, inTransaction, wake } from '@kiban/kit/context'
import type { Ctx } from '@kiban/kit/context'
import { AppError } from '@kiban/kit/errors'
import { newId } from '@kiban/kit/ids'
import { getManifest, putManifest } from '@kiban/kit/manifests'
import { recordAudit } from '../audit/index.ts'
import { recordEdges } from '../lineage/index.ts'
import { getProject } from '../projects/index.ts'
import { DEFAULT_SETTINGS, settingsOf } from './dataset-settings.ts'
import {
  findDataset,
  getDataset,
  findNewest,
  findVersionByProducer,
  getVersionById,
  insertDataset,
  insertProjectBlobs,
  insertVersion,
  supersedeUnchecked,
  takeNumber,
} from './datasets.store.ts'
import type { DatasetRow, VersionRow } from './datasets.store.ts'

export type CommitInput = {
  readonly project: string
  readonly name: string
  readonly message: string
  readonly producedBy?: ProducedBy
  /** Refuse unless this is the newest number. */
  readonly ifNewest?: number
  /** Set when the caller records the audit event of its own change. */
  readonly audited?: boolean
} & ({ readonly files: readonly ManifestFile[] } | { readonly append: readonly ManifestFile[] })

/** A version as other modules see it. `manifest` is what is to be used: the committed files less what the contract set aside. */
export type DatasetVersion = {
  readonly id: string
  readonly datasetId: string
  readonly name: string
  readonly number: number
  readonly manifest: string
  readonly state: VersionRow['state']
}

const ATTEMPTS = 50
const CHECKED_BACKLOG = 24

/**
 * Makes the next version of a dataset, which is created if it is new, and returns it. `append` keeps the files of the newest version
 * that is not blocked. The
 * blobs must be in the store; callers that take hashes from outside call `requireProjectBlobs` first. Without a contract the version is
 * usable at once. A repeated commit by the same producer of the same files returns the version that is there.
 * Throws `dataset_archived`, `dataset_version_conflict`.
 */
export async function commitDataset(ctx: Ctx, input: CommitInput): Promise<DatasetVersion> {
  return toVersion(await commitVersion(ctx, input))
}

export function toVersion(row: VersionRow): DatasetVersion {
  return {
    id: row.id,
    datasetId: row.dataset_id,
    name: row.name,
    number: row.number,
    manifest: row.manifest,
    state: row.state,
  }
}

export async function commitVersion(ctx: Ctx, input: CommitInput): Promise<VersionRow> {
  await getProject(ctx, input.project)
  for (let attempt = 1; ; attempt++) {
    // Manifests are read and written outside the transaction; if another commit came between, they are made again.
    const prepared = await prepare(ctx, input)
    const made = await inTransaction(ctx, (ctx) => insertPrepared(ctx, input, prepared))
    if (made) return made
    if (attempt === ATTEMPTS)
      throw new AppError('dataset_version_conflict', {
        message: `Other commits to ${input.name} kept coming first. Try again.`,
      })
  }
}

type Prepared = {
  /** The newest number when it was prepared. */
  readonly newest: number
  readonly parent: VersionRow | undefined
  readonly manifest: string
  readonly files: readonly ManifestFile[]
  readonly newBytes: number
  /** Blobs that the parent did not have. */
  readonly added: readonly { hash: string; sizeBytes: number }[]
}

async function prepare(ctx: Ctx, input: CommitInput): Promise<Prepared> {
  const dataset = await findDataset(ctx, input.project, input.name)
  // What a contract refused is not built upon.
  const parent = dataset && (await findNewest(ctx, dataset.id, 'not_blocked'))
  const before = parent ? await getManifest(ctx.platform.blobs, parent.committed_manifest) : []
  const files = 'append' in input ? merge(before, input.append) : input.files
  const known = new Set(before.map((file) => file.hash))
  const added = [
    ...new Map(
      files
        .filter((file) => !known.has(file.hash))
        .map((file) => [file.hash, { hash: file.hash, sizeBytes: file.sizeBytes }]),
    ).values(),
  ]
  return {
    newest: dataset?.newest_number ?? 0,
    parent,
    files,
    manifest: await putManifest(ctx.platform.blobs, files),
    newBytes: added.reduce((sum, blob) => sum + blob.sizeBytes, 0),
    added,
  }
}

function merge(before: readonly ManifestFile[], added: readonly ManifestFile[]): ManifestFile[] {
  const replaced = new Set(added.map((file) => file.path))
  return [...before.filter((file) => !replaced.has(file.path)), ...added]
}

async function insertPrepared(
  ctx: Ctx,
  input: CommitInput,
  { newest, parent, manifest, files, newBytes, added }: Prepared,
): Promise<VersionRow | undefined> {
  const dataset =
    (await findDataset(ctx, input.project, input.name)) ?? (await createDataset(ctx, input.project, input.name))
  if (dataset.archived_at !== null)
    throw new AppError('dataset_archived', {
      message: `The dataset ${input.name} is archived: it left the project file. Put it back into kiban.yaml and apply, or commit under another name.`,
    })
  if (input.ifNewest !== undefined && dataset.newest_number !== input.ifNewest)
    throw new AppError('dataset_version_conflict', {
      message: `The newest version of ${input.name} is ${dataset.newest_number}, not ${input.ifNewest}. Read it and commit again.`,
    })
  if (input.producedBy) {
    const same = await findVersionByProducer(ctx, dataset.id, input.producedBy)
    if (same?.committed_manifest === manifest) return same
  }
  if (dataset.newest_number !== newest) return undefined
  if (!(await takeNumber(ctx, dataset.id, dataset.newest_number))) return undefined
  const held = dataset.contract_hash !== null
  const row: VersionRow = {
    id: newId('dsv'),
    dataset_id: dataset.id,
    project: input.project,
    name: input.name,
    number: dataset.newest_number + 1,
    parent_number: parent?.number ?? null,
    mode: 'append' in input ? 'append' : 'replace',
    state: held ? 'checking' : 'usable',
    state_reason: null,
    message: input.message,
    manifest,
    committed_manifest: manifest,
    files: files.length,
    size_bytes: files.reduce((sum, file) => sum + file.sizeBytes, 0),
    new_bytes: newBytes,
    rows: null,
    new_rows: null,
    count_due: settingsOf(dataset).type === 'table' && !held ? 1 : 0,
    check_due: held ? 1 : 0,
    check_failures: 0,
    contract_hash: dataset.contract_hash,
    checks_json: null,
    checked_at: null,
    check_ms: null,
    quarantine_blob: null,
    quarantined_values: 0,
    quarantined_rows: 0,
    producer_kind: input.producedBy?.kind ?? null,
    producer_id: input.producedBy?.id ?? null,
    created_at: ctx.clock.now(),
    created_by: ctx.actor.onBehalfOf ?? ctx.actor.id,
    lease_token: null,
    lease_until: null,
  }
  await insertVersion(ctx, row)
  if (held) await supersedeUnchecked(ctx, dataset.id, row.number, CHECKED_BACKLOG)
  await insertProjectBlobs(ctx, input.project, added)
  const node = { kind: 'dataset_version', id: row.id } as const
  await recordEdges(ctx, [
    input.producedBy
      ? { from: input.producedBy, relation: 'generated', to: node }
      : { from: { kind: 'person', id: row.created_by }, relation: 'authored', to: node },
  ])
  if (!input.audited)
    await recordAudit(ctx, {
      action: 'dataset.commit',
      resource: { kind: 'dataset_version', id: row.id },
      project: input.project,
      before: parent ? { number: parent.number, manifest: parent.committed_manifest } : null,
      after: { dataset: input.name, number: row.number, manifest },
    })
  emit(ctx, {
    topic: `projects/${input.project}/datasets`,
    kind: 'dataset.committed',
    id: row.id,
    data: { dataset: input.name, number: row.number, state: row.state },
  })
  wake(ctx, 'datasets')
  return getVersionById(ctx, row.id)
}

async function createDataset(ctx: Ctx, project: string, name: string): Promise<DatasetRow> {
  const row: DatasetRow = {
    id: newId('ds'),
    project,
    name,
    spec_json: JSON.stringify(DEFAULT_SETTINGS),
    source_manifest: null,
    contract_hash: null,
    contract_rules: 0,
    newest_number: 0,
    archived_at: null,
    created_at: ctx.clock.now(),
    created_by: ctx.actor.id,
  }
  await insertDataset(ctx, row)
  return getDataset(ctx, project, name)
}

export { createDataset }
