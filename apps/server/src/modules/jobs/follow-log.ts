import type { FastifyReply, FastifyRequest } from 'fastify'
import type { Ctx } from '@kiban/kit/context'
import { readJobLog } from './read-job-log.ts'

/** Most lines in one event, and least time between two: a browser draws no faster. */
const LINES = 2000
const PAUSE_MS = 250
const KEEP_ALIVE_MS = 15_000

/**
 * Sends an attempt's log as server-sent events while it grows: `log` with a JobLog and its `nextOffset` as id, `end` when it is complete.
 * A browser that lost its line goes on from `Last-Event-ID`.
 */
export async function followLog(
  ctx: Ctx,
  id: string,
  query: { readonly attempt?: number | undefined; readonly offset?: number | undefined; readonly project: string },
  http: { readonly request: FastifyRequest; readonly reply: FastifyReply },
): Promise<FastifyReply> {
  const last = http.request.headers['last-event-id']
  let offset = typeof last === 'string' && /^\d+$/.test(last) ? Number(last) : (query.offset ?? 0)
  let piece = await readJobLog(ctx, id, { ...query, offset, limit: LINES })
  http.reply.hijack()
  const { raw } = http.reply
  let closed = false
  raw.once('close', () => (closed = true))
  raw.writeHead(200, {
    'x-request-id': http.request.id,
    'content-type': 'text/event-stream; charset=utf-8',
    'cache-control': 'no-store',
    'x-accel-buffering': 'no',
  })
  let sentAt = Date.now()
  while (!closed && !ctx.signal.aborted) {
    const moved = piece.nextOffset !== offset || piece.offset !== offset
    offset = piece.nextOffset
    if (moved || piece.ended) {
      sentAt = Date.now()
      const drained = raw.write(`event: log\nid: ${offset}\ndata: ${JSON.stringify(piece)}\n\n`)
      if (!drained) await new Promise<void>((resolve) => raw.once('drain', resolve).once('close', resolve))
    } else if (Date.now() - sentAt > KEEP_ALIVE_MS) {
      sentAt = Date.now()
      raw.write(': still there\n\n')
    }
    if (piece.ended) break
    await new Promise((resolve) => setTimeout(resolve, PAUSE_MS))
    if (closed) break
    piece = await readJobLog(ctx, id, {
      ...query,
      // A job that has not started has no attempt to stay with yet.
      attempt: query.attempt ?? (piece.attempt || undefined),
      offset,
      limit: LINES,
    }).catch(() => ({ ...piece, ended: true }))
  }
  if (!closed) raw.end(piece.ended ? 'event: end\ndata: {}\n\n' : undefined)
  return http.reply
}
