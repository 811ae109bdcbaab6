import { request as httpRequest } from 'node:http'
import type { IncomingMessage } from 'node:http'
import type { FastifyReply, FastifyRequest } from 'fastify'
import type { Ctx } from '@kiban/kit/context'
import { AppError } from '@kiban/kit/errors'
import type { Face } from '@kiban/kit/module'

const MAX_BODY_BYTES = 64 * 1024 * 1024
const TIMEOUT_MS = 120_000
/** Headers that belong to one connection, not to the message (RFC 9110 §7.6.1). */
const HOP_BY_HOP = new Set([
  'connection',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authorization',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
  'host',
  'content-length',
  'expect',
])

/** `/v2/…` and `/projects/:project/v2/…` of the Open Inference Protocol on the server's port: handed on to the data plane as they are. */
export const inferenceFaces: readonly Face[] = [
  '/v2',
  '/v2/*',
  '/projects/:project/v2',
  '/projects/:project/v2/*',
].flatMap((url): Face[] => [
  { method: 'GET', url, action: 'endpoint.read', maxBodyBytes: 1024, handle: forward, present: presentError },
  {
    method: 'POST',
    url,
    action: 'endpoint.invoke',
    audit: { none: 'each prediction is in the prediction log' },
    body: 'stream',
    maxBodyBytes: MAX_BODY_BYTES,
    handle: forward,
    present: presentError,
  },
])

async function forward(
  ctx: Ctx,
  { request, reply }: { request: FastifyRequest; reply: FastifyReply },
): Promise<unknown> {
  const { host, inferencePort } = ctx.platform.config
  const headers = Object.fromEntries(
    Object.entries(request.headers).filter(
      ([name]) => !HOP_BY_HOP.has(name) && !name.startsWith('sec-fetch-') && name !== 'origin',
    ),
  )
  const length = request.headers['content-length']
  const answer = await new Promise<IncomingMessage>((resolve, reject) => {
    const outgoing = httpRequest(
      {
        host,
        port: inferencePort,
        method: request.method,
        path: request.raw.url ?? '/',
        headers: { ...headers, ...(length === undefined ? {} : { 'content-length': length }) },
        timeout: TIMEOUT_MS,
      },
      resolve,
    )
    outgoing.on('timeout', () => outgoing.destroy(new Error('no answer in time')))
    outgoing.on('error', (error) =>
      reject(
        new AppError('inference_unavailable', {
          message: 'The data plane is not reachable; the server starts it again in a moment. Try again.',
          cause: error,
        }),
      ),
    )
    if (request.method === 'GET') outgoing.end()
    else request.raw.pipe(outgoing)
    request.raw.once('error', () => outgoing.destroy())
  })
  for (const [name, value] of Object.entries(answer.headers))
    if (value !== undefined && (!HOP_BY_HOP.has(name) || name === 'content-length')) reply.header(name, value)
  return reply.status(answer.statusCode ?? 502).send(answer)
}

function presentError(error: unknown): { status: number; body: unknown; headers: Record<string, string> } {
  const known = error instanceof AppError ? error : undefined
  return {
    status: known?.status ?? 500,
    body: JSON.stringify({ error: known?.message ?? 'Something went wrong inside the server.' }),
    headers: { 'content-type': 'application/json' },
  }
}
