import type { FastifyReply, FastifyRequest } from 'fastify'
import type { Ctx } from '@kiban/kit/context'
import type { SentEvent } from '@kiban/kit/events'

const HEARTBEAT_MS = 15_000

/**
 * Server-sent events of the topics that begin with one of the given prefixes. A line that was lost goes on from `Last-Event-ID`; when
 * too much happened since, one event `reset` tells the page to load anew.
 */
export function streamEvents(ctx: Ctx, topics: string, request: FastifyRequest, reply: FastifyReply): void {
  const prefixes = topics.split(',').filter(Boolean)
  const wanted = (event: SentEvent) =>
    (prefixes.length === 0 ||
      prefixes.some((prefix) => event.topic === prefix || event.topic.startsWith(`${prefix}/`))) &&
    (ctx.actor.project === undefined ||
      event.topic === `projects/${ctx.actor.project}` ||
      event.topic.startsWith(`projects/${ctx.actor.project}/`))
  reply.hijack()
  const { raw } = reply
  raw.writeHead(200, {
    'content-type': 'text/event-stream; charset=utf-8',
    'cache-control': 'no-store',
    'x-accel-buffering': 'no',
    'x-content-type-options': 'nosniff',
  })
  const send = (event: SentEvent) => {
    if (wanted(event))
      raw.write(
        `id: ${event.seq}\nevent: change\ndata: ${JSON.stringify({ topic: event.topic, kind: event.kind, id: event.id, data: event.data ?? null })}\n\n`,
      )
  }
  const last = Number(request.headers['last-event-id'])
  if (Number.isInteger(last) && last > 0) {
    const missed = ctx.platform.events.since(last)
    if (missed) missed.forEach(send)
    else raw.write('event: reset\ndata: {}\n\n')
  } else raw.write(': connected\n\n')
  const stop = ctx.platform.events.subscribe(send)
  const heartbeat = setInterval(() => raw.write(': \n\n'), HEARTBEAT_MS)
  const end = () => {
    clearInterval(heartbeat)
    stop()
    raw.end()
  }
  ctx.signal.addEventListener('abort', end, { once: true })
  raw.on('close', end)
}
