import { chmod, lstat, mkdir, readdir } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { z } from 'zod'
import { ManifestFile } from '@kiban/contract/primitives'
import { artifactPath } from './artifact-path.ts'
import type { BlobStore } from './blobs.ts'
import { canonicalJson } from './canonical-json.ts'
import { AppError } from './errors.ts'

const ManifestBlob = z.object({ files: z.array(ManifestFile) })
const MAX_FILES = 100_000

/**
 * Stores a tree of files, already in the blob store, as one blob: canonical JSON of the files sorted by path. Equal trees have equal
 * hashes. Throws `bad_request` on a hostile path or two files of one path.
 */
export async function putManifest(blobs: BlobStore, files: readonly ManifestFile[]): Promise<string> {
  if (files.length > MAX_FILES)
    throw new AppError('bad_request', {
      message: `The tree has ${files.length} files; at most ${MAX_FILES} are allowed.`,
    })
  const sorted = files
    .map((file) => ({
      path: artifactPath(file.path),
      hash: file.hash,
      sizeBytes: file.sizeBytes,
      ...(file.mode === 0o755 ? { mode: 0o755 } : {}),
    }))
    .sort((a, b) => (a.path < b.path ? -1 : a.path > b.path ? 1 : 0))
  for (const [i, file] of sorted.entries())
    if (file.path === sorted[i + 1]?.path)
      throw new AppError('bad_request', { message: `The tree has two files at ${file.path}.` })
  return (await blobs.put(Buffer.from(canonicalJson({ files: sorted })))).hash
}

export async function getManifest(blobs: BlobStore, hash: string): Promise<ManifestFile[]> {
  return ManifestBlob.parse(JSON.parse((await blobs.read(hash)).toString('utf8'))).files
}

/** Takes in every regular file below `dir` (links and devices are refused) and returns the tree. `only` keeps some relative paths. */
export async function snapshotFolder(
  blobs: BlobStore,
  dir: string,
  options: { only?: (path: string) => boolean } = {},
): Promise<{ hash: string; files: ManifestFile[]; sizeBytes: number }> {
  const files: ManifestFile[] = []
  const entries = await readdir(dir, { recursive: true, withFileTypes: true })
  for (const entry of entries) {
    const absolute = join(entry.parentPath, entry.name)
    const path = absolute.slice(dir.length + 1).replaceAll('\\', '/')
    if (options.only && !options.only(path)) continue
    if (entry.isDirectory()) continue
    if (!entry.isFile())
      throw new AppError('bad_request', {
        message: `${path} is not a regular file. Links and devices can't be stored: copy the file instead.`,
      })
    const { mode } = await lstat(absolute)
    const blob = await blobs.putFile(absolute)
    files.push({ path, ...blob, ...(mode & 0o100 ? { mode: 0o755 } : {}) })
  }
  return {
    hash: await putManifest(blobs, files),
    files,
    sizeBytes: files.reduce((sum, file) => sum + file.sizeBytes, 0),
  }
}

/** Makes the tree appear below `dir` as read-only links. With `writable`, executables keep their bit by being copies. */
export async function materialize(blobs: BlobStore, hash: string, dir: string): Promise<void> {
  await mkdir(dir, { recursive: true })
  for (const file of await getManifest(blobs, hash)) {
    const target = join(dir, artifactPath(file.path))
    if (file.mode === 0o755) {
      await mkdir(dirname(target), { recursive: true })
      const { writeFile } = await import('node:fs/promises')
      await writeFile(target, await blobs.read(file.hash))
      await chmod(target, 0o555)
    } else await blobs.link(file.hash, target)
  }
}
