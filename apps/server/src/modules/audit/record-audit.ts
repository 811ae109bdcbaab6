import { randomBytes } from 'node:crypto'
import type { Json } from '@kiban/contract/primitives'
import { canonicalJson, sha256 } from '@kiban/kit/canonical-json'
import { wake } from '@kiban/kit/context'
import type { Ctx } from '@kiban/kit/context'
import { newId } from '@kiban/kit/ids'
import { insertEvent } from './audit.store.ts'

export type AuditInput = {
  readonly action: string
  readonly resource: { readonly kind: string; readonly id: string }
  readonly project?: string
  readonly before?: Json
  readonly after?: Json
  readonly details?: Json
  readonly outcome?: 'done' | 'denied'
}

/**
 * Records one change, in the transaction that makes it: both commit or neither does. Never give it secrets, bodies, rows or metric
 * values. The event itself holds salted digests; what they are of lies beside it and can be erased without breaking the chain.
 */
export async function recordAudit(ctx: Ctx, input: AuditInput): Promise<void> {
  const id = newId('aud')
  const salt = randomBytes(16).toString('hex')
  const text = (value: Json | undefined) => (value === undefined ? null : canonicalJson(value))
  const digest = (json: string | null) => (json === null ? null : sha256(salt + json))
  const [before, after, details] = [text(input.before), text(input.after), text(input.details)]
  await insertEvent(
    ctx,
    {
      id,
      organisation_id: 'org_local',
      time: ctx.clock.now(),
      project: input.project ?? null,
      actor: ctx.actor.id,
      on_behalf_of: ctx.actor.onBehalfOf ?? null,
      action: input.action,
      resource_kind: input.resource.kind,
      resource_id: input.resource.id,
      before_digest: digest(before),
      after_digest: digest(after),
      details_digest: digest(details),
      request_id: ctx.request?.id ?? null,
      face: ctx.request?.face ?? 'system',
      outcome: input.outcome ?? 'done',
      seq: null,
      hash: null,
    },
    { event_id: id, salt, before_json: before, after_json: after, details_json: details },
  )
  if (ctx.request) ctx.request.audited += 1
  wake(ctx, 'audit-sealer')
}
