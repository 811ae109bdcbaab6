import { open } from 'node:fs/promises'
import { Readable } from 'node:stream'
import type { Ctx } from '@kiban/kit/context'
import { sizeOfLog } from '@kiban/kit/log-file'
import type { Mask } from '@kiban/kit/log-file'
import { openJobLog } from './read-job-log.ts'

const CHUNK_BYTES = 1 << 20

/** The whole log of an attempt as it is now, secrets masked; chunks end at line ends where they can, so that none is cut in two. */
export async function downloadLog(
  ctx: Ctx,
  id: string,
  query: { readonly attempt?: number | undefined; readonly project: string },
): Promise<Readable> {
  const { folder, mask } = await openJobLog(ctx, id, query)
  const size = await sizeOfLog(folder.log)
  return Readable.from(size === 0 ? [] : maskedChunks(folder.log, size, mask), { objectMode: false })
}

async function* maskedChunks(path: string, size: number, mask: Mask): AsyncGenerator<Buffer> {
  const file = await open(path, 'r')
  try {
    let at = 0
    while (at < size) {
      const { buffer, bytesRead } = await file.read(Buffer.alloc(Math.min(CHUNK_BYTES, size - at)), 0, undefined, at)
      if (bytesRead === 0) return
      const read = buffer.subarray(0, bytesRead)
      const newline = read.lastIndexOf(10)
      const piece = at + bytesRead < size && newline >= 0 ? read.subarray(0, newline + 1) : read
      at += piece.length
      yield mask(piece)
    }
  } finally {
    await file.close()
  }
}
