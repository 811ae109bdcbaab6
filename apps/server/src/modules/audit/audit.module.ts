import { Readable } from 'node:stream'
import { audit as contract } from '@kiban/contract'
import type { Json } from '@kiban/contract/primitives'
import type { Ctx } from '@kiban/kit/context'
import { route } from '@kiban/kit/module'
import type { Module } from '@kiban/kit/module'
import { migrations } from './audit.migrations.ts'
import { listCheckpoints, listEvents, listSealed } from './audit.store.ts'
import { sealer } from './seal-events.worker.ts'
import { verifyChain } from './verify-chain.ts'

export const audit: Module = {
  name: 'audit',
  migrations,
  loops: [sealer],
  routes: [
    route(contract.listAuditEvents, async (ctx, { params, query }) => {
      const rows = await listEvents(ctx, {
        project: params.project,
        actor: query.actor,
        action: query.action,
        resource: query.resource,
        before: query.cursor,
        limit: query.limit,
      })
      return { events: rows.map(presentEvent), cursor: rows.length === query.limit ? (rows.at(-1)?.id ?? null) : null }
    }),
    route(contract.verifyAudit, async (ctx) => verifyChain(ctx)),
    route(contract.exportAudit, async (ctx, { reply }) => {
      reply
        .header('content-type', 'application/x-ndjson')
        .header('content-disposition', 'attachment; filename="audit.jsonl"')
      return Readable.from(exportLines(ctx))
    }),
  ],
}

async function* exportLines(ctx: Ctx): AsyncGenerator<string> {
  let seq = 0
  for (;;) {
    const events = await listSealed(ctx, seq, 1000)
    if (events.length === 0) break
    for (const event of events) yield `${JSON.stringify({ event })}\n`
    seq = events.at(-1)?.seq ?? seq
  }
  for (const checkpoint of await listCheckpoints(ctx)) yield `${JSON.stringify({ checkpoint })}\n`
}

function presentEvent(row: Awaited<ReturnType<typeof listEvents>>[number]) {
  const json = (text: string | null): Json => (text === null ? null : (JSON.parse(text) as Json)) // written by recordAudit as JSON
  return {
    id: row.id,
    seq: row.seq,
    time: row.time,
    actor: row.actor,
    onBehalfOf: row.on_behalf_of,
    action: row.action,
    resource: { kind: row.resource_kind, id: row.resource_id },
    project: row.project,
    before: json(row.before_json),
    after: json(row.after_json),
    details: json(row.details_json),
    requestId: row.request_id,
    face: row.face,
    outcome: row.outcome,
    hash: row.hash,
  }
}
