import {
  closeSync,
  existsSync,
  fsyncSync,
  ftruncateSync,
  mkdirSync,
  openSync,
  readdirSync,
  renameSync,
  statSync,
  writeSync,
} from 'node:fs'
import { join } from 'node:path'
import type { PredictionRecord, RotateResult } from '@kiban/contract/inference-control'
import { InferError } from './infer-error.ts'

const MAX_SEGMENT_BYTES = 16 * 1024 * 1024
const MAX_SEGMENT_AGE_MS = 60_000
const OPEN_SUFFIX = '.ndjson.open'

type Segment = { readonly fd: number; readonly path: string; readonly openedAt: number; sizeBytes: number }
type Buffered = { lines: string[]; waiting: { resolve: () => void; reject: (error: unknown) => void }[] }

/**
 * The prediction log of this process: one line a row, in segments `<folder>/<endpoint id>/<seq>.ndjson`. `append` resolves after the
 * line has been handed to the kernel, so whatever was acknowledged outlives a kill of the process; all that comes within one turn of
 * the event loop goes with one write. A segment that is being written ends in `.open`; only closed ones may be read and taken away.
 */
export class PredictionLog {
  readonly #folder: string
  readonly #segments = new Map<string, Segment>()
  readonly #buffered = new Map<string, Buffered>()
  #scheduled = false
  #sequence = 0

  constructor(folder: string) {
    this.#folder = folder
    mkdirSync(folder, { recursive: true, mode: 0o700 })
  }

  /** Writes the records; throws a 503 InferError if the disk refuses them. */
  append(endpointId: string, records: readonly PredictionRecord[]): Promise<void> {
    let buffered = this.#buffered.get(endpointId)
    if (!buffered) {
      buffered = { lines: [], waiting: [] }
      this.#buffered.set(endpointId, buffered)
    }
    for (const record of records) buffered.lines.push(JSON.stringify(record))
    const { waiting } = buffered
    if (!this.#scheduled) {
      this.#scheduled = true
      setImmediate(() => this.#flush())
    }
    return new Promise((resolve, reject) => {
      waiting.push({ resolve, reject })
    })
  }

  /** Closes the open segments of one endpoint, or of all, and names every closed segment that waits to be taken away. */
  rotate(endpointId: string | null): RotateResult {
    this.#flush()
    for (const id of this.#segments.keys()) if (endpointId === null || id === endpointId) this.#close(id)
    return { closed: this.#listClosed(endpointId) }
  }

  /** Closes segments that are old; to be called now and then. */
  rotateOld(now: number): void {
    for (const [id, segment] of this.#segments) if (now - segment.openedAt > MAX_SEGMENT_AGE_MS) this.#close(id)
  }

  #flush(): void {
    this.#scheduled = false
    for (const [endpointId, buffered] of this.#buffered) {
      this.#buffered.delete(endpointId)
      try {
        this.#write(endpointId, `${buffered.lines.join('\n')}\n`)
        for (const { resolve } of buffered.waiting) resolve()
      } catch (error) {
        const failure = new InferError(
          503,
          'The prediction log cannot be written, so the prediction is not given out; see the free space of KIBAN_HOME.',
          { cause: error },
        )
        for (const { reject } of buffered.waiting) reject(failure)
      }
    }
  }

  #write(endpointId: string, text: string): void {
    const segment = this.#segments.get(endpointId) ?? this.#open(endpointId)
    const bytes = Buffer.from(text, 'utf8')
    try {
      for (let written = 0; written < bytes.length;) written += writeSync(segment.fd, bytes, written)
    } catch (error) {
      // What is not acknowledged must not be found later: take the torn lines back.
      ftruncateSync(segment.fd, segment.sizeBytes)
      throw error
    }
    segment.sizeBytes += bytes.length
    if (segment.sizeBytes >= MAX_SEGMENT_BYTES) this.#close(endpointId)
  }

  #open(endpointId: string): Segment {
    const folder = join(this.#folder, endpointId)
    mkdirSync(folder, { recursive: true, mode: 0o700 })
    const name = `${String(Date.now()).padStart(15, '0')}-${process.pid}-${String(this.#sequence++).padStart(6, '0')}`
    const path = join(folder, `${name}${OPEN_SUFFIX}`)
    const segment = { fd: openSync(path, 'ax', 0o600), path, openedAt: Date.now(), sizeBytes: 0 }
    this.#segments.set(endpointId, segment)
    return segment
  }

  #close(endpointId: string): void {
    const segment = this.#segments.get(endpointId)
    if (!segment) return
    this.#segments.delete(endpointId)
    fsyncSync(segment.fd)
    closeSync(segment.fd)
    renameSync(segment.path, segment.path.slice(0, -'.open'.length))
  }

  #listClosed(endpointId: string | null): RotateResult['closed'] {
    const ids =
      endpointId === null ? readdirSync(this.#folder) : existsSync(join(this.#folder, endpointId)) ? [endpointId] : []
    return ids.flatMap((id) => {
      const folder = join(this.#folder, id)
      if (!statSync(folder).isDirectory()) return []
      return readdirSync(folder)
        .filter((name) => name.endsWith('.ndjson'))
        .toSorted()
        .map((name) => ({ endpointId: id, path: join(folder, name) }))
    })
  }

  /**
   * Closes the segments of a process that was killed, as they are: a torn last line was never acknowledged, and readers leave it out.
   * Only for the one process that holds the control socket of this home, before it appends.
   */
  closeLeftOvers(): void {
    for (const id of readdirSync(this.#folder)) {
      const folder = join(this.#folder, id)
      if (!statSync(folder).isDirectory()) continue
      for (const name of readdirSync(folder))
        if (name.endsWith(OPEN_SUFFIX)) renameSync(join(folder, name), join(folder, name.slice(0, -'.open'.length)))
    }
  }
}
