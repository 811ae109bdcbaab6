import { Readable } from 'node:stream'
import type { ManifestFile } from '@kiban/contract/primitives'
import { inTransaction } from '@kiban/kit/context'
import type { Ctx } from '@kiban/kit/context'
import { AppError } from '@kiban/kit/errors'
import { getProject } from '../projects/index.ts'
import { insertProjectBlobs, listProjectBlobs } from './datasets.store.ts'

/**
 * Throws `dataset_blob_missing` unless every file's bytes were uploaded to (or made in) this project: a hash alone is no right to bytes
 * that another project uploaded. Also refuses a size that is not the blob's.
 */
export async function requireProjectBlobs(ctx: Ctx, project: string, files: readonly ManifestFile[]): Promise<void> {
  const known = await listProjectBlobs(ctx, project, [...new Set(files.map((file) => file.hash))])
  const missing = files.find((file) => !known.has(file.hash))
  if (missing)
    throw new AppError('dataset_blob_missing', {
      message: `The bytes of ${missing.path} (${missing.hash}) were not uploaded to ${project}. Upload them first: PUT /api/v1/projects/${project}/blobs/${missing.hash}`,
      details: {
        missing: files
          .filter((file) => !known.has(file.hash))
          .slice(0, 100)
          .map((file) => file.hash),
      },
    })
  const wrong = files.find((file) => known.get(file.hash) !== file.sizeBytes)
  if (wrong)
    throw new AppError('bad_request', {
      message: `${wrong.path} is said to have ${wrong.sizeBytes} bytes, but its blob has ${known.get(wrong.hash)}. Send the real size.`,
    })
}

/** Which of the blobs the project does not have. */
export async function listMissingBlobs(ctx: Ctx, project: string, hashes: readonly string[]): Promise<string[]> {
  await getProject(ctx, project)
  const known = await listProjectBlobs(ctx, project, [...new Set(hashes)])
  return [...new Set(hashes)].filter((hash) => !known.has(hash))
}

/** Takes in uploaded bytes. Throws `dataset_blob_mismatch` when their SHA-256 is another. */
export async function putProjectBlob(
  ctx: Ctx,
  input: { project: string; hash: string; body: unknown; maxBytes: number },
): Promise<{ hash: string; sizeBytes: number }> {
  await getProject(ctx, input.project)
  const body = input.body instanceof Readable || input.body instanceof Uint8Array ? input.body : new Uint8Array()
  // Staged and compared before it gets its name, so a wrong upload leaves nothing under the right one.
  const blob = await ctx.platform.blobs
    .put(body, { maxBytes: input.maxBytes, expected: input.hash })
    .catch((error: unknown) => {
      if (error instanceof AppError && error.code === 'bad_request')
        throw new AppError('dataset_blob_mismatch', { message: error.message })
      throw error
    })
  await recordProjectBlobs(ctx, input.project, [blob])
  return blob
}

/** Notes that blobs belong to a project: what its jobs made, or what was uploaded. */
export async function recordProjectBlobs(
  ctx: Ctx,
  project: string,
  blobs: readonly { hash: string; sizeBytes: number }[],
): Promise<void> {
  await inTransaction(ctx, (ctx) => insertProjectBlobs(ctx, project, blobs))
}
