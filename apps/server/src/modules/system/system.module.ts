import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { collectDefaultMetrics, register } from 'prom-client'
import { system as contract } from '@kiban/contract'
import type { Ctx } from '@kiban/kit/context'
import { route } from '@kiban/kit/module'
import type { Face, Module } from '@kiban/kit/module'
import { openApi } from './openapi.ts'
import { searchObjects } from './search-objects.ts'
import type { SearchSource } from './search-objects.ts'
import { streamEvents } from './stream-events.ts'
import { sendAsset, sendPage } from './web-files.ts'

const VERSION: string = JSON.parse(
  readFileSync(join(import.meta.dirname, '..', '..', '..', 'package.json'), 'utf8'),
).version
const STARTED_AT = Date.now()

/** Health, events, search, metrics, OpenAPI and the UI's files. `sources` are what can be searched. */
export function systemModule(sources: readonly SearchSource[]): Module {
  return {
    name: 'system',
    migrations: [],
    start: async () => {
      if (!register.getSingleMetric('process_cpu_user_seconds_total')) collectDefaultMetrics()
    },
    routes: [
      route(contract.getServer, async (ctx) => describeServer(ctx)),
      route(contract.streamEvents, async (ctx, { query, request, reply }) =>
        streamEvents(ctx, query.topics, request, reply),
      ),
      route(contract.search, async (ctx, { query }) => ({
        hits: await searchObjects(ctx, sources, query.q, ctx.actor.project ?? query.project),
      })),
    ],
    faces: [
      probe('/livez', async () => 'ok'),
      probe('/readyz', async (ctx) => {
        await ctx.db.selectNoFrom((e) => e.lit(1).as('one')).execute()
        return 'ok'
      }),
      {
        method: 'GET',
        url: '/metrics',
        action: 'fleet.read',
        maxBodyBytes: 1024,
        handle: async (_ctx, { reply }) => reply.type(register.contentType).send(await register.metrics()),
      },
      {
        method: 'GET',
        url: '/api/v1/openapi.json',
        action: { public: 'the description of the API holds no data' },
        maxBodyBytes: 1024,
        handle: async () => openApi(VERSION),
      },
      {
        method: 'GET',
        url: '/assets/*',
        action: { public: 'the files of the UI hold no data' },
        maxBodyBytes: 1024,
        handle: async (_ctx, { request, reply }) => sendAsset(request, reply, wildcard(request.params)),
      },
      page('/'),
      page('/p'),
      page('/p/*'),
      page('/o/*'),
      page('/go/*'),
    ],
  }
}

function page(url: string): Face {
  return {
    method: 'GET',
    url,
    action: { public: 'the shell of the UI holds no data' },
    maxBodyBytes: 1024,
    handle: async (_ctx, { reply }) => sendPage(reply),
  }
}

function probe(url: string, check: (ctx: Ctx) => Promise<string>): Face {
  return {
    method: 'GET',
    url,
    action: { public: 'probes of an orchestrator' },
    maxBodyBytes: 1024,
    handle: async (ctx, { reply }) => reply.type('text/plain').send(await check(ctx)),
  }
}

function wildcard(params: unknown): string {
  return typeof params === 'object' && params !== null && '*' in params ? String(params['*']) : ''
}

function describeServer(ctx: Ctx) {
  const { config } = ctx.platform
  return {
    version: VERSION,
    startedAt: STARTED_AT,
    now: ctx.clock.now(),
    auth: config.auth,
    database: ctx.platform.database.kind,
    home: config.home,
    ports: { http: config.port, grpc: config.grpcPort, inference: config.inferencePort },
    actor: { id: ctx.actor.id, name: ctx.actor.name, kind: ctx.actor.kind },
  }
}
