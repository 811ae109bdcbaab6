import { open, stat, truncate } from 'node:fs/promises'
/** Rewrites bytes to the same length, with what must not be seen masked. */
export type Mask = (bytes: Buffer) => Buffer

/** Most that is kept of one log; then its middle goes. */
export const MAX_LOG_BYTES = 64 * 2 ** 20
const KEPT_HEAD_BYTES = 32 * 2 ** 20
const KEPT_TAIL_BYTES = 2 ** 20
const CHUNK_BYTES = 2 ** 20
const MAX_LINE_BYTES = 16 * 2 ** 10

export type LogPiece = {
  readonly offset: number
  readonly nextOffset: number
  readonly sizeBytes: number
  readonly lines: string[]
}

/**
 * Reads at most `limit` whole lines (and at most 1 MiB) from `offset`; a negative offset counts from the end and begins at the next
 * whole line. The last line without a newline is held back unless `ended`. Of a line that draws over itself (`\r`) the last state is
 * given; one of more than 16 KiB is cut and says so. A log that is not there yet is empty.
 */
export async function readLog(
  path: string,
  options: { offset: number; limit: number; ended: boolean; mask: Mask },
): Promise<LogPiece> {
  const sizeBytes = await sizeOfLog(path)
  const start = options.offset < 0 ? Math.max(0, sizeBytes + options.offset) : Math.min(options.offset, sizeBytes)
  if (start >= sizeBytes) return { offset: start, nextOffset: start, sizeBytes, lines: [] }
  const chunk = options.mask(await readAt(path, start, CHUNK_BYTES))
  // A start in the middle of a line, from the end: go to the next one.
  let at = options.offset < 0 && start > 0 ? chunk.indexOf(10) + 1 : 0
  const first = at
  const lines: string[] = []
  while (lines.length < options.limit && at < chunk.length) {
    const newline = chunk.indexOf(10, at)
    const rest = newline < 0
    const atEnd = start + chunk.length >= sizeBytes
    // Part of a line: wait for the rest, unless nothing will follow or the line alone fills the chunk.
    if (rest && !(atEnd && options.ended) && !(at === 0 && chunk.length >= CHUNK_BYTES)) break
    const end = rest ? chunk.length : newline
    lines.push(presentLine(chunk.subarray(at, end)))
    at = rest ? end : newline + 1
  }
  return { offset: start + first, nextOffset: start + at, sizeBytes, lines }
}

/** The last `count` lines. */
export async function readTail(path: string, count: number, mask: Mask): Promise<string[]> {
  const { lines } = await readLog(path, { offset: -64 * 2 ** 10, limit: 10_000, ended: true, mask })
  return lines.slice(-count)
}

/**
 * Keeps a log within its limit while its writer goes on (it appends, so a cut file is simply continued): the beginning and the newest
 * 1 MiB stay. Returns the bytes that were dropped.
 */
export async function boundLog(path: string): Promise<number> {
  const size = await sizeOfLog(path)
  if (size <= MAX_LOG_BYTES) return 0
  const tail = await readAt(path, size - KEPT_TAIL_BYTES, KEPT_TAIL_BYTES)
  const dropped = size - KEPT_HEAD_BYTES - tail.length
  await truncate(path, KEPT_HEAD_BYTES)
  const file = await open(path, 'a')
  try {
    await file.write(
      `\n[kiban] ${dropped} bytes of this log were dropped here; a log keeps at most ${MAX_LOG_BYTES / 2 ** 20} MiB.\n`,
    )
    await file.write(tail)
  } finally {
    await file.close()
  }
  return dropped
}

/** Rewrites a finished log with its secrets masked. */
export async function maskLog(path: string, mask: Mask): Promise<void> {
  const size = await sizeOfLog(path)
  if (size === 0) return
  const bytes = await readAt(path, 0, size)
  const masked = mask(bytes)
  if (masked === bytes) return
  const file = await open(path, 'r+')
  try {
    await file.write(masked, 0, masked.length, 0)
    await file.sync()
  } finally {
    await file.close()
  }
}

export async function sizeOfLog(path: string): Promise<number> {
  try {
    return (await stat(path)).size
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return 0
    throw error
  }
}

async function readAt(path: string, start: number, length: number): Promise<Buffer> {
  const file = await open(path, 'r')
  try {
    const { size } = await file.stat()
    const buffer = Buffer.alloc(Math.max(0, Math.min(length, size - start)))
    const { bytesRead } = await file.read(buffer, 0, buffer.length, start)
    return buffer.subarray(0, bytesRead)
  } finally {
    await file.close()
  }
}

function presentLine(bytes: Buffer): string {
  const end = bytes.at(-1) === 13 ? bytes.length - 1 : bytes.length
  const drawn = bytes.subarray(bytes.subarray(0, end).lastIndexOf(13) + 1, end)
  const text = drawn.subarray(0, MAX_LINE_BYTES).toString('utf8').replaceAll('\0', '\uFFFD')
  return drawn.length > MAX_LINE_BYTES ? `${text} [${drawn.length - MAX_LINE_BYTES} bytes more]` : text
}
