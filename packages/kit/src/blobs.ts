import { createHash } from 'node:crypto'
import { constants, createReadStream, createWriteStream } from 'node:fs'
import { chmod, copyFile, link, mkdir, open, readFile, rename, rm, stat, unlink } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { Readable, Transform } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { newId } from './ids.ts'
import { AppError } from './errors.ts'

export type BlobRef = { readonly hash: string; readonly sizeBytes: number }

/** Bytes by their SHA-256. What `put` has returned is durable; a blob never changes. */
export type BlobStore = {
  put(source: Uint8Array | Readable, options?: { maxBytes?: number; expected?: string }): Promise<BlobRef>
  /** Takes in the file at `path`, which stays where it is. */
  putFile(path: string): Promise<BlobRef>
  read(hash: string): Promise<Buffer>
  open(hash: string, range?: { start: number; end: number }): Promise<Readable>
  has(hash: string): Promise<boolean>
  /** Bytes, or undefined when there is no such blob. */
  sizeOf(hash: string): Promise<number | undefined>
  /** Makes the blob appear, read-only, at `target` (hard link; a copy across file systems). */
  link(hash: string, target: string): Promise<void>
  delete(hash: string): Promise<void>
  /** Absolute path for readers that need a file (DuckDB); undefined on stores that have none. */
  localPath(hash: string): string | undefined
}

/** A blob store in a folder: `ab/cdef…`, mode 0444, written beside and renamed into place after fsync. */
export function folderBlobStore(root: string): BlobStore {
  const pathOf = (hash: string) => {
    if (!/^[0-9a-f]{64}$/.test(hash))
      throw new AppError('bad_request', { message: `${JSON.stringify(hash.slice(0, 80))} is not a SHA-256 hash.` })
    return join(root, hash.slice(0, 2), hash.slice(2))
  }
  const sizeOf = async (hash: string) => {
    try {
      return (await stat(pathOf(hash))).size
    } catch (error) {
      if (isMissing(error)) return undefined
      throw error
    }
  }
  const put: BlobStore['put'] = async (source, options = {}) => {
    const staging = join(root, 'staging', newId('blob'))
    await mkdir(dirname(staging), { recursive: true, mode: 0o700 })
    const digest = createHash('sha256')
    let sizeBytes = 0
    const meter = new Transform({
      transform(chunk: Buffer, _encoding, done) {
        sizeBytes += chunk.length
        if (options.maxBytes !== undefined && sizeBytes > options.maxBytes)
          return done(
            new AppError('payload_too_large', {
              message: `The body has more than ${options.maxBytes} bytes. Send it in smaller files.`,
            }),
          )
        digest.update(chunk)
        done(null, chunk)
      },
    })
    try {
      await pipeline(
        source instanceof Readable
          ? source
          : Readable.from([Buffer.from(source.buffer, source.byteOffset, source.byteLength)]),
        meter,
        createWriteStream(staging, { mode: 0o600 }),
      )
      const hash = digest.digest('hex')
      if (options.expected !== undefined && options.expected !== hash)
        throw new AppError('bad_request', {
          message: `The body's SHA-256 is ${hash}, but the address says ${options.expected}. Send the file again.`,
        })
      const target = pathOf(hash)
      if ((await sizeOf(hash)) === undefined) {
        const handle = await open(staging, 'r')
        await handle.sync()
        await handle.close()
        await chmod(staging, 0o444)
        await mkdir(dirname(target), { recursive: true, mode: 0o700 })
        await rename(staging, target)
      }
      return { hash, sizeBytes }
    } finally {
      await rm(staging, { force: true })
    }
  }
  return {
    put,
    putFile: (path) => put(createReadStream(path)),
    read: async (hash) => readFile(pathOf(hash)),
    open: async (hash, range) => {
      if ((await sizeOf(hash)) === undefined) throw new AppError('not_found', { message: `There is no blob ${hash}.` })
      return createReadStream(pathOf(hash), range ?? {})
    },
    has: async (hash) => (await sizeOf(hash)) !== undefined,
    sizeOf,
    link: async (hash, target) => {
      await mkdir(dirname(target), { recursive: true })
      try {
        await link(pathOf(hash), target)
      } catch (error) {
        if (!['EXDEV', 'EPERM', 'EMLINK'].includes(codeOf(error))) throw error
        await copyFile(pathOf(hash), target, constants.COPYFILE_FICLONE)
        await chmod(target, 0o444)
      }
    },
    delete: async (hash) => {
      await unlink(pathOf(hash)).catch((error: unknown) => {
        if (!isMissing(error)) throw error
      })
    },
    localPath: pathOf,
  }
}

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : ''
}

function isMissing(error: unknown): boolean {
  return codeOf(error) === 'ENOENT'
}
