import type { Readable } from 'node:stream'
import type { ManifestFile } from '@kiban/contract/primitives'
import { artifactPath } from '@kiban/kit/artifact-path'
import { emit, inTransaction } from '@kiban/kit/context'
import type { Ctx } from '@kiban/kit/context'
import { AppError } from '@kiban/kit/errors'
import { recordAudit } from '../audit/index.ts'
import {
  deleteArtifactRows,
  findArtifact,
  findArtifactInTheWay,
  insertArtifacts,
  listArtifactRows,
  upsertArtifact,
} from './artifacts.store.ts'
import type { ArtifactOwner, ArtifactRow } from './artifacts.store.ts'
import { badValue } from './tracking-error.ts'

/** One file may have 64 GiB; the blob store takes it in as it comes. */
const MAX_FILE_BYTES = 64 * 2 ** 30

/** Takes in one artifact as a stream; the path is a key of the owner's manifest and never a file path. */
export async function putArtifact(
  ctx: Ctx,
  owner: ArtifactOwner,
  path: string,
  content: Readable | Buffer,
): Promise<ArtifactRow> {
  artifactPath(path)
  if (owner.kind === 'model_version')
    throw badValue('The files of a registered version never change. Register a new version.', { field: 'path' })
  const blob = await ctx.platform.blobs.put(content, { maxBytes: MAX_FILE_BYTES })
  const row = { path, hash: blob.hash, size_bytes: blob.sizeBytes }
  await inTransaction(ctx, async (ctx) => {
    const inTheWay = await findArtifactInTheWay(ctx.db, owner, path)
    if (inTheWay !== undefined)
      throw badValue(
        `Invalid artifact path ${JSON.stringify(path)}: ${JSON.stringify(inTheWay)} is there already, and one name cannot be a file and a folder.`,
        { field: 'path' },
      )
    await upsertArtifact(ctx.db, owner, { ...row, created_at: ctx.clock.now() })
    if (owner.kind === 'run') emit(ctx, { topic: `projects/${owner.project}/runs`, kind: 'run.logged', id: owner.id })
  })
  return row
}

/** The bytes of one artifact, or of a part of it; throws `artifact_not_found`. */
export async function openArtifact(
  ctx: Ctx,
  owner: ArtifactOwner,
  path: string,
  range?: { start: number; end: number },
): Promise<{ row: ArtifactRow; content: Readable }> {
  const row = await getArtifact(ctx, owner, path)
  return { row, content: await ctx.platform.blobs.open(row.hash, range) }
}

export async function getArtifact(ctx: Ctx, owner: ArtifactOwner, path: string): Promise<ArtifactRow> {
  const row = await findArtifact(ctx.db, owner, artifactPath(path))
  if (!row)
    throw new AppError('artifact_not_found', {
      message: `There is no artifact at ${JSON.stringify(path.slice(0, 300))}.`,
    })
  return row
}

export type FolderEntry = {
  readonly name: string
  readonly path: string
  readonly isFolder: boolean
  readonly sizeBytes: number | null
}

/** Files and folders directly below `folder` ('' is the root), by name. */
export async function listFolder(ctx: Ctx, owner: ArtifactOwner, folder: string): Promise<FolderEntry[]> {
  if (folder !== '') artifactPath(folder)
  const from = folder === '' ? 0 : folder.length + 1
  const entries = new Map<string, FolderEntry>()
  for (const row of await listArtifactRows(ctx.db, owner, folder)) {
    const slash = row.path.indexOf('/', from)
    const path = slash < 0 ? row.path : row.path.slice(0, slash)
    if (!entries.has(path))
      entries.set(path, {
        name: path.slice(from),
        path,
        isFolder: slash >= 0,
        sizeBytes: slash < 0 ? row.size_bytes : null,
      })
  }
  return [...entries.values()].toSorted((a, b) => (a.path < b.path ? -1 : 1))
}

/** Deletes a file or a folder; nothing there is no error, as in MLflow. */
export async function deleteArtifact(ctx: Ctx, owner: ArtifactOwner, path: string): Promise<void> {
  artifactPath(path)
  if (owner.kind === 'model_version')
    throw badValue('The files of a registered version never change.', { field: 'path' })
  await inTransaction(ctx, async (ctx) => {
    const count = await deleteArtifactRows(ctx.db, owner, path)
    await recordAudit(ctx, {
      action: 'artifact.delete',
      resource: { kind: owner.kind, id: owner.id },
      project: owner.project,
      details: { path, count },
    })
  })
}

/** All files of an owner below `prefix`, with paths relative to it. */
export async function artifactFiles(ctx: Ctx, owner: ArtifactOwner, prefix: string): Promise<ManifestFile[]> {
  if (prefix !== '') artifactPath(prefix)
  const rows = await listArtifactRows(ctx.db, owner, prefix)
  return rows.map((row) => ({
    path: prefix === '' ? row.path : row.path.slice(prefix.length + 1),
    hash: row.hash,
    sizeBytes: row.size_bytes,
  }))
}

/** For the models module, in its transaction: makes a version's files readable at `mlflow-artifacts:/versions/<id>`, for good. */
export async function freezeArtifacts(
  ctx: Ctx,
  input: { project: string; versionId: string; files: readonly ManifestFile[] },
): Promise<void> {
  const rows = input.files.map((file) => ({
    path: artifactPath(file.path),
    hash: file.hash,
    size_bytes: file.sizeBytes,
  }))
  await insertArtifacts(
    ctx.db,
    { project: input.project, kind: 'model_version', id: input.versionId },
    rows,
    ctx.clock.now(),
  )
}
