import { z } from 'zod'
import { defineEndpoint } from './endpoint.ts'
import { Instant, Json, PageQuery, ProjectParams } from './primitives.ts'

export const AuditEvent = z.object({
  id: z.string(),
  /** Place in the sealed chain; null for the moment before the sealer has come by. */
  seq: z.number().int().nullable(),
  time: Instant,
  actor: z.string(),
  onBehalfOf: z.string().nullable(),
  action: z.string(),
  resource: z.object({ kind: z.string(), id: z.string() }),
  project: z.string().nullable(),
  before: Json.nullable(),
  after: Json.nullable(),
  details: Json.nullable(),
  requestId: z.string().nullable(),
  face: z.string(),
  outcome: z.enum(['done', 'denied']),
  hash: z.string().nullable(),
})
export type AuditEvent = z.infer<typeof AuditEvent>

export const listAuditEvents = defineEndpoint({
  name: 'listAuditEvents',
  method: 'GET',
  path: '/projects/:project/audit',
  summary: 'Who changed what, newest first',
  action: 'audit.read',
  params: ProjectParams,
  query: PageQuery.extend({
    actor: z.string().optional(),
    action: z.string().optional(),
    resource: z.string().optional(),
  }),
  response: z.object({ events: z.array(AuditEvent), cursor: z.string().nullable() }),
  errors: [],
})

export const AuditVerification = z.object({
  verified: z.boolean(),
  events: z.number().int(),
  checkpoints: z.number().int(),
  /** What does not hold, with the place in the chain. */
  faults: z.array(z.string()),
})

export const verifyAudit = defineEndpoint({
  name: 'verifyAudit',
  method: 'GET',
  path: '/audit/verification',
  summary: 'Recomputes the whole chain of audit events and its signed checkpoints',
  action: 'audit.read',
  response: AuditVerification,
  errors: [],
})

export const exportAudit = defineEndpoint({
  name: 'exportAudit',
  method: 'GET',
  path: '/audit/export',
  summary: 'The sealed events and checkpoints as JSON lines, for verification elsewhere',
  action: 'audit.read',
  response: 'bytes',
  errors: [],
})
