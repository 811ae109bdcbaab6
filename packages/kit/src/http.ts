import Fastify from 'fastify'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { z } from 'zod'
import type { Action } from '@kiban/contract/actions'
import type { Endpoint } from '@kiban/contract/endpoint'
import type { Actor, Ctx, Platform, RequestScope } from './context.ts'
import type { Clock } from './clock.ts'
import { AppError } from './errors.ts'
import { guardOrigin, guardRequest } from './http-guard.ts'
import { newId } from './ids.ts'
import { jsonDepth, MAX_JSON_DEPTH } from './json-depth.ts'
import type { Logger } from './log.ts'
import type { Face, Module, Route } from './module.ts'

const JSON_BODY_BYTES = 1 << 20
const HANDLER_TIMEOUT_MS = 30_000

/** What the server asks about a request before any handler runs; the access module implements it. */
export type Gatekeeper = {
  /** Who asks; throws `signed_out` for a credential that does not hold. */
  authenticate(ctx: Omit<Ctx, 'actor'>, request: FastifyRequest): Promise<Actor>
  /** Throws `forbidden`, or `not_found` where the actor may not even know. */
  require(actor: Actor, action: Action, resource: { readonly project?: string | undefined }): void
}

export type HttpOptions = {
  readonly platform: Platform
  readonly clock: Clock
  readonly log: Logger
  readonly modules: readonly Module[]
  readonly gatekeeper: Gatekeeper
  readonly signal: AbortSignal
  /** Fail a request whose audit event is missing, instead of logging it: on in tests. */
  readonly strict: boolean
}

/** Builds the HTTP server: every route and face of the modules behind the same guards. It does not listen yet. */
export async function buildHttp(options: HttpOptions): Promise<FastifyInstance> {
  const server = Fastify({
    bodyLimit: JSON_BODY_BYTES,
    connectionTimeout: 0,
    requestTimeout: 0,
    keepAliveTimeout: 65_000,
    genReqId: () => newId('req'),
    routerOptions: { maxParamLength: 1024, caseSensitive: true },
    logger: false,
    forceCloseConnections: true,
    // An address that cannot be decoded is refused before any hook runs, so the guard runs here.
    frameworkErrors: (_error, request, reply) => {
      try {
        guardRequest(request, reply, options.platform.config)
        throw new AppError('bad_request', { message: 'The address is not a valid percent-encoded path.' })
      } catch (error) {
        presentError(options.log, request, reply, error)
      }
    },
  })
  server.removeAllContentTypeParsers()
  guardOrigin(server, options.platform.config)
  server.addHook('onRoute', (registered) => {
    const declared = registered.config && 'access' in registered.config
    if (!declared)
      throw new Error(`${String(registered.method)} ${registered.url} declares neither an action nor why it is public`)
  })
  server.setNotFoundHandler({ preHandler: [] }, (request, reply) =>
    presentError(
      options.log,
      request,
      reply,
      new AppError('not_found', {
        message: `There is nothing at ${request.method} ${request.url.split('?')[0]?.slice(0, 200)}.`,
      }),
    ),
  )
  server.setErrorHandler((error, request, reply) => presentError(options.log, request, reply, error))
  await server.register(async (scope) => {
    scope.addContentTypeParser(
      'application/json',
      { parseAs: 'buffer', bodyLimit: JSON_BODY_BYTES },
      (_request, body, done) => done(null, body),
    )
    for (const module of options.modules)
      for (const item of module.routes ?? []) if (item.endpoint.body !== 'bytes') addRoute(scope, options, item)
  })
  await server.register(async (scope) => {
    scope.addContentTypeParser('*', (_request, payload, done) => done(null, payload))
    for (const module of options.modules) {
      for (const item of module.routes ?? []) if (item.endpoint.body === 'bytes') addRoute(scope, options, item)
      for (const face of module.faces ?? []) if (face.body === 'stream') addFace(scope, options, face)
    }
  })
  await server.register(async (scope) => {
    scope.addContentTypeParser('*', { parseAs: 'buffer' }, (_request, body, done) => done(null, body))
    for (const module of options.modules)
      for (const face of module.faces ?? []) if (face.body !== 'stream') addFace(scope, options, face)
  })
  return server
}

function addRoute(scope: FastifyInstance, options: HttpOptions, { endpoint, handle }: Route): void {
  if (endpoint.method !== 'GET' && endpoint.audit === undefined)
    throw new Error(`${endpoint.name} changes something but declares no audit rule`)
  if (endpoint.body === 'bytes' && endpoint.maxBodyBytes === undefined)
    throw new Error(`${endpoint.name} takes bytes but declares no limit`)
  scope.route({
    method: endpoint.method,
    url: `/api/v1${endpoint.path}`,
    config: { access: endpoint.action },
    bodyLimit: endpoint.maxBodyBytes ?? JSON_BODY_BYTES,
    handler: async (request, reply) => {
      const scopeOfRequest: RequestScope = { id: request.id, face: 'api', audited: 0 }
      const { ctx, done } = await openContext(
        options,
        request,
        reply,
        scopeOfRequest,
        endpoint.response === 'events' || endpoint.body === 'bytes' || endpoint.response === 'bytes',
      )
      try {
        // Who may not is told so before anything that they sent is looked at.
        const project = paramOf(request, 'project') ?? ctx.actor.project
        if (typeof endpoint.action === 'string') options.gatekeeper.require(ctx.actor, endpoint.action, { project })
        const params = parsePart(endpoint.params, request.params, 'path')
        const query = parsePart(endpoint.query, request.query, 'query')
        const body = endpoint.body === 'bytes' ? request.body : parsePart(endpoint.body, parseJson(request), 'body')
        // The three parts were parsed by the endpoint's own schemas just above.
        const input = { params, query, body, request, reply } as Parameters<Route['handle']>[1]
        const result = await handle(ctx, input)
        checkAudit(options, endpoint, ctx, scopeOfRequest)
        if (endpoint.response === 'events' || reply.sent) return reply
        reply.status(endpoint.status ?? 200)
        if (endpoint.response === 'bytes') {
          reply.header('x-content-type-options', 'nosniff')
          if (!reply.hasHeader('content-type')) reply.type('application/octet-stream')
          return reply.send(result)
        }
        return reply.type('application/json; charset=utf-8').send(JSON.stringify(result ?? {}))
      } finally {
        done()
      }
    },
  })
}

function addFace(scope: FastifyInstance, options: HttpOptions, face: Face): void {
  if (face.method !== 'GET' && face.audit === undefined)
    throw new Error(`${face.method} ${face.url} changes something but declares no audit rule`)
  scope.route({
    method: face.method,
    url: face.url,
    config: { access: face.action },
    bodyLimit: face.maxBodyBytes,
    errorHandler: (error, request, reply) => {
      if (!face.present) return presentError(options.log, request, reply, error)
      const { status, body, headers } = face.present(toAppError(error) ?? error, request.id)
      if (status >= 500) options.log.error({ err: error, requestId: request.id }, 'request failed')
      void reply
        .status(status)
        .headers(headers ?? {})
        .send(body)
    },
    handler: async (request, reply) => {
      const scopeOfRequest: RequestScope = { id: request.id, face: face.url.split('/')[1] ?? 'face', audited: 0 }
      const { ctx, done } = await openContext(options, request, reply, scopeOfRequest, face.body === 'stream')
      try {
        const project = face.project
          ? face.project(request, ctx.actor)
          : (paramOf(request, 'project') ?? ctx.actor.project ?? 'default')
        if (typeof face.action === 'string') options.gatekeeper.require(ctx.actor, face.action, { project })
        const result = await face.handle(ctx, { request, reply, project })
        checkAudit(
          options,
          { name: `${face.method} ${face.url}`, method: face.method, audit: face.audit },
          ctx,
          scopeOfRequest,
        )
        if (reply.sent || result === reply) return reply
        return await reply.send(result)
      } finally {
        done()
      }
    },
  })
}

/** The context of one request; its signal ends with the connection, the server or the deadline. `done` must be called. */
async function openContext(
  options: HttpOptions,
  request: FastifyRequest,
  reply: FastifyReply,
  scope: RequestScope,
  long: boolean,
): Promise<{ ctx: Ctx; done: () => void }> {
  const ended = new AbortController()
  const stop = () => ended.abort()
  request.raw.socket.once('close', stop)
  const timer = long ? undefined : setTimeout(stop, HANDLER_TIMEOUT_MS)
  const base = {
    db: options.platform.database.reader,
    clock: options.clock,
    log: options.log.child({ requestId: scope.id }),
    signal: AbortSignal.any([options.signal, ended.signal]),
    platform: options.platform,
    request: scope,
  }
  reply.header('x-request-id', scope.id)
  const done = () => {
    clearTimeout(timer)
    request.raw.socket.removeListener('close', stop)
  }
  try {
    return { ctx: { ...base, actor: await options.gatekeeper.authenticate(base, request) }, done }
  } catch (error) {
    done()
    throw error
  }
}

function paramOf(request: FastifyRequest, name: string): string | undefined {
  const { params } = request
  const value: unknown = typeof params === 'object' && params !== null ? Reflect.get(params, name) : undefined
  return typeof value === 'string' ? value : undefined
}

function checkAudit(
  options: HttpOptions,
  endpoint: Pick<Endpoint, 'name' | 'method'> & { audit?: Endpoint['audit'] | undefined },
  ctx: Ctx,
  scope: RequestScope,
): void {
  if (endpoint.method === 'GET' || endpoint.audit !== 'each' || scope.audited === 1) return
  ctx.log.error({ endpoint: endpoint.name, audited: scope.audited }, 'a change must leave exactly one audit event')
  if (options.strict) throw new Error(`${endpoint.name} left ${scope.audited} audit events instead of one`)
}

function parseJson(request: FastifyRequest): unknown {
  if (request.body === undefined || request.body === null) return undefined
  const text = Buffer.isBuffer(request.body) ? request.body.toString('utf8') : String(request.body)
  if (text === '') return undefined
  if (jsonDepth(text) > MAX_JSON_DEPTH)
    throw new AppError('bad_request', {
      message: `The body nests lists and objects deeper than ${MAX_JSON_DEPTH}. Send a flatter one.`,
    })
  try {
    return JSON.parse(text, refusePrototype)
  } catch (error) {
    throw new AppError('bad_request', {
      message: `The body is not JSON: ${error instanceof Error ? error.message : 'unreadable'}.`,
    })
  }
}

function refusePrototype(key: string, value: unknown): unknown {
  return key === '__proto__' ? undefined : value
}

function parsePart(schema: z.ZodType | undefined, value: unknown, part: 'path' | 'query' | 'body'): unknown {
  if (!schema) return part === 'body' ? undefined : {}
  const parsed = schema.safeParse(value)
  if (parsed.success) return parsed.data
  const issues = parsed.error.issues
    .slice(0, 20)
    .map((issue) => ({ field: [part, ...issue.path].join('.'), problem: issue.message }))
  const first = issues[0]
  throw new AppError('bad_request', {
    message: `${first?.field}: ${first?.problem}${issues.length > 1 ? ` (and ${issues.length - 1} more)` : ''}`,
    details: { issues },
  })
}

function presentError(log: Logger, request: FastifyRequest, reply: FastifyReply, error: unknown): void {
  const known = toAppError(error)
  if (!known) log.error({ err: error, requestId: request.id, url: request.url.split('?')[0] }, 'request failed')
  const body = known
    ? {
        code: known.code,
        message: known.message,
        requestId: request.id,
        ...(known.details ? { details: known.details } : {}),
      }
    : {
        code: 'internal',
        message: `Something went wrong inside. Give the request id ${request.id} to whoever runs this server.`,
        requestId: request.id,
      }
  void reply
    .status(known?.status ?? 500)
    .type('application/json; charset=utf-8')
    .send(JSON.stringify({ error: body }))
}

/** Fastify's own refusals in our codes; undefined for what is a fault of ours. */
function toAppError(error: unknown): AppError | undefined {
  if (error instanceof AppError) return error
  if (!(error instanceof Error) || !('statusCode' in error)) return undefined
  if (error.statusCode === 413)
    return new AppError('payload_too_large', { message: 'The body is larger than this endpoint takes.' })
  if (error.statusCode === 415)
    return new AppError('unsupported_media_type', { message: 'Send the body as application/json.' })
  if (typeof error.statusCode === 'number' && error.statusCode < 500)
    return new AppError('bad_request', { message: error.message })
  return undefined
}
