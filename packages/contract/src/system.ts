import { z } from 'zod'
import { defineEndpoint } from './endpoint.ts'
import { Instant, Name } from './primitives.ts'

export const getServer = defineEndpoint({
  name: 'getServer',
  method: 'GET',
  path: '/server',
  summary: 'This server: version, mode, addresses, who you are',
  action: 'catalogue.read',
  response: z.object({
    version: z.string(),
    startedAt: Instant,
    now: Instant,
    auth: z.enum(['off', 'on']),
    database: z.enum(['sqlite', 'postgres']),
    home: z.string(),
    ports: z.object({ http: z.number(), grpc: z.number(), inference: z.number() }),
    actor: z.object({ id: z.string(), name: z.string(), kind: z.string() }),
  }),
  errors: [],
})

export const streamEvents = defineEndpoint({
  name: 'streamEvents',
  method: 'GET',
  path: '/events',
  summary: 'Server-sent events of the given topics (comma-separated prefixes); goes on from Last-Event-ID',
  action: 'catalogue.read',
  query: z.object({ topics: z.string().max(4000).default('') }),
  response: 'events',
  errors: [],
})

export const SearchHit = z.object({
  kind: z.string(),
  id: z.string(),
  name: z.string(),
  project: Name,
  path: z.string(),
})

export const search = defineEndpoint({
  name: 'search',
  method: 'GET',
  path: '/search',
  summary: 'Objects whose name or id begins with or contains the text',
  action: 'catalogue.read',
  query: z.object({ q: z.string().min(1).max(200), project: Name.optional() }),
  response: z.object({ hits: z.array(SearchHit) }),
  errors: [],
})
