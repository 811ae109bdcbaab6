import { createServer } from 'node:http'
import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import { promisify } from 'node:util'
import { gunzip, gzip, inflate } from 'node:zlib'
import type { Config } from '@kiban/kit/config'
import type { Logger } from '@kiban/kit/log'
import type { DataPlane } from '../dataplane.ts'
import { InferError, badInput, toInferError } from '../infer-error.ts'
import { prometheusText } from '../metrics.ts'
import { checkPeer, createGuard } from './guard.ts'
import { parseInfer, presentInfer } from './infer-json.ts'
import { modelMetadata, modelStatistics, repositoryIndex, serverMetadata } from './metadata.ts'
import { parseRows, presentRows } from './rows-json.ts'

const MAX_BODY_BYTES = 64 * 1024 * 1024
const HEADERS_TIMEOUT_MS = 10_000
const REQUEST_TIMEOUT_MS = 60_000
const MAX_HEADER_BYTES = 16 * 1024
const ROUTE = /^(?:\/projects\/([^/]+))?\/v2(?:\/(.*?))?\/?$/
const MODEL_ROUTE = /^models\/([^/]+)(?:\/versions\/([^/]+))?(?:\/(ready|infer|rows|stats))?$/

type Answer = {
  readonly status: number
  readonly type?: string
  readonly body: string | Buffer
  readonly headers?: Readonly<Record<string, string | number>>
}

const inflateAsync = { gzip: promisify(gunzip), deflate: promisify(inflate) } as const
const gzipAsync = promisify(gzip)

/** The REST face of the data plane: Open Inference Protocol v2 with binary tensors, Kiban's plain rows, and `/metrics`. Not listening yet. */
export function createRestServer(plane: DataPlane, config: Config, log: Logger): Server {
  const guard = createGuard(config)
  const server = createServer(
    {
      maxHeaderSize: MAX_HEADER_BYTES,
      headersTimeout: HEADERS_TIMEOUT_MS,
      requestTimeout: REQUEST_TIMEOUT_MS,
      keepAliveTimeout: 65_000,
    },
    (request, response) => {
      answer(plane, guard, request)
        .catch((error: unknown): Answer => {
          const failure = toInferError(error)
          // What a model failed is told by the data plane, once a second at most.
          if (!(error instanceof InferError))
            log.error({ err: failure, url: request.url?.split('?')[0] }, 'request failed')
          return { status: failure.status, body: JSON.stringify({ error: failure.message }) }
        })
        .then((result) => send(request, response, result))
        .catch((error: unknown) => {
          log.error({ err: error }, 'answer could not be sent')
          response.destroy()
        })
    },
  )
  server.on('clientError', (_error, socket) => {
    if (socket.writable) socket.end('HTTP/1.1 400 Bad Request\r\nconnection: close\r\n\r\n')
  })
  return server
}

async function answer(
  plane: DataPlane,
  guard: (headers: IncomingMessage['headers']) => void,
  request: IncomingMessage,
): Promise<Answer> {
  const path = (request.url ?? '/').split('?')[0] ?? '/'
  if (request.method === 'GET' && (path === '/livez' || path === '/readyz'))
    return probe(path === '/livez' || plane.registry.isReady())
  guard(request.headers)
  await checkPeer(request.socket)
  if (path === '/metrics')
    return { status: 200, type: 'text/plain; version=0.0.4; charset=utf-8', body: prometheusText(plane) }
  const match = ROUTE.exec(path)
  if (!match)
    throw new InferError(
      404,
      `There is nothing at ${path.slice(0, 200)}; this is the Open Inference Protocol: /v2/models/<endpoint>/infer, or /projects/<project>/v2/….`,
    )
  const project = decode(match[1] ?? 'default')
  const rest = match[2] ?? ''
  const model = rest === 'models/stats' ? null : MODEL_ROUTE.exec(rest)
  if (model)
    return answerModel(plane, request, {
      project,
      endpoint: decode(model[1] ?? ''),
      version: model[2] === undefined ? undefined : decode(model[2]),
      verb: model[3],
    })
  if (rest === 'repository/index') {
    allow(request, 'POST')
    return json(repositoryIndex(plane, project))
  }
  if (/^repository\/models\/[^/]+\/(load|unload)$/.test(rest))
    throw new InferError(501, 'Versions are loaded by the platform: move the alias or change the endpoint instead.')
  if (rest !== '' && !['health/live', 'health/ready', 'models/stats'].includes(rest))
    throw new InferError(404, `There is nothing at ${path.slice(0, 200)}.`)
  allow(request, 'GET')
  if (rest === 'health/live') return probe(true)
  if (rest === 'health/ready') return probe(plane.registry.isReady())
  if (rest === 'models/stats') return json(modelStatistics(plane, project))
  return json(serverMetadata())
}

async function answerModel(
  plane: DataPlane,
  request: IncomingMessage,
  of: { project: string; endpoint: string; version: string | undefined; verb: string | undefined },
): Promise<Answer> {
  if (of.verb === 'infer' || of.verb === 'rows') {
    allow(request, 'POST')
    return of.verb === 'infer' ? answerInfer(plane, request, of) : answerRows(plane, request, of)
  }
  allow(request, 'GET')
  const endpoint = plane.endpoint(of.project, of.endpoint)
  const version = plane.version(endpoint, of.version)
  if (of.verb === 'ready') return probe(true)
  if (of.verb === 'stats') return json(modelStatistics(plane, of.project, of.endpoint, of.version))
  return json(modelMetadata(endpoint, version))
}

async function answerInfer(
  plane: DataPlane,
  request: IncomingMessage,
  of: { project: string; endpoint: string; version: string | undefined },
): Promise<Answer> {
  const { route } = plane.endpoint(of.project, of.endpoint)
  const body = await readBody(request, Math.min(route.maxBodyBytes, MAX_BODY_BYTES))
  const startedAt = performance.now()
  const parsed = parseInfer(body, headerLength(request, body))
  const result = await plane.infer({ ...parsed, ...of, header: headerOf(request), startedAt })
  const { head, binary } = presentInfer(result, parsed.wishes)
  if (binary.length === 0) return { status: 200, body: head }
  const headBytes = Buffer.from(head, 'utf8')
  return {
    status: 200,
    type: 'application/octet-stream',
    body: Buffer.concat([headBytes, ...binary]),
    headers: { 'inference-header-content-length': headBytes.length },
  }
}

async function answerRows(
  plane: DataPlane,
  request: IncomingMessage,
  of: { project: string; endpoint: string; version: string | undefined },
): Promise<Answer> {
  const endpoint = plane.endpoint(of.project, of.endpoint)
  const body = await readBody(request, Math.min(endpoint.route.maxBodyBytes, MAX_BODY_BYTES))
  const startedAt = performance.now()
  const parsed = parseRows(body, plane.version(endpoint, of.version).model.inputs, endpoint.route)
  return {
    status: 200,
    body: presentRows(await plane.infer({ ...parsed, ...of, header: headerOf(request), startedAt })),
  }
}

/** The whole body, decompressed; a body over the limit is a 413 before it is in memory. */
async function readBody(request: IncomingMessage, limitBytes: number): Promise<Buffer> {
  const tooLarge = () => new InferError(413, `The body is larger than this endpoint takes (${limitBytes} bytes).`)
  if (Number(request.headers['content-length'] ?? 0) > limitBytes) throw tooLarge()
  const parts: Buffer[] = []
  let size = 0
  try {
    for await (const part of request) {
      const chunk = part as Buffer // no encoding is set, so chunks are buffers
      size += chunk.length
      if (size > limitBytes) throw tooLarge()
      parts.push(chunk)
    }
  } catch (error) {
    throw error instanceof InferError ? error : new InferError(400, 'The body ended early.', { cause: error })
  }
  const body = parts.length === 1 && parts[0] ? parts[0] : Buffer.concat(parts)
  const encoding = request.headers['content-encoding']?.toLowerCase()
  if (encoding === undefined || encoding === 'identity') return body
  if (encoding !== 'gzip' && encoding !== 'deflate')
    throw new InferError(415, `Content-Encoding ${JSON.stringify(encoding)} is not taken; send gzip, deflate or none.`)
  try {
    return await inflateAsync[encoding](body, { maxOutputLength: limitBytes })
  } catch (error) {
    if (error instanceof RangeError) throw tooLarge()
    throw new InferError(400, `The body is not ${encoding}.`, { cause: error })
  }
}

function headerLength(request: IncomingMessage, body: Buffer): number | undefined {
  const value = request.headers['inference-header-content-length']
  if (value === undefined) return undefined
  const length = Number(value)
  if (!Number.isSafeInteger(length) || length < 1 || length > body.length)
    throw badInput(
      `Inference-Header-Content-Length is ${JSON.stringify(value)}, but the body has ${body.length} bytes; it must be the length of the JSON part.`,
    )
  return length
}

function headerOf(request: IncomingMessage): (name: string) => string | undefined {
  return (name) => {
    const value = request.headers[name.toLowerCase()]
    return Array.isArray(value) ? value[0] : value
  }
}

async function send(request: IncomingMessage, response: ServerResponse, result: Answer): Promise<void> {
  const headers: Record<string, string | number> = {
    'content-type': result.type ?? 'application/json',
    'x-content-type-options': 'nosniff',
    ...result.headers,
  }
  let body = result.body
  if (body.length > 1024 && /\bgzip\b/.test(request.headers['accept-encoding'] ?? '')) {
    body = await gzipAsync(body, { level: 1 })
    headers['content-encoding'] = 'gzip'
  }
  headers['content-length'] = Buffer.byteLength(body)
  // A body that nobody reads must not be taken for the next request.
  if (!request.complete) headers['connection'] = 'close'
  response.writeHead(result.status, headers)
  response.end(body)
}

function probe(isGood: boolean): Answer {
  return { status: isGood ? 200 : 503, body: '' }
}

function json(value: unknown): Answer {
  return { status: 200, body: JSON.stringify(value) }
}

function allow(request: IncomingMessage, method: string): void {
  if (request.method !== method) throw new InferError(405, `${request.method} is not taken here; use ${method}.`)
}

function decode(segment: string): string {
  try {
    return decodeURIComponent(segment)
  } catch {
    throw badInput('The path has a broken % escape.')
  }
}
