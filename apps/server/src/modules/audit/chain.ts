import { createPublicKey, sign, verify } from 'node:crypto'
import type { KeyObject } from 'node:crypto'
import { canonicalJson, sha256 } from '@kiban/kit/canonical-json'
import type { AuditDetailsRow, AuditEventRow, CheckpointRow } from './audit.store.ts'

export const GENESIS = '0'.repeat(64)

/** The link of an event: SHA-256 over its place, the link before it and its canonical JSON (RFC 8785). */
export function linkHash(seq: number, previous: string, event: AuditEventRow): string {
  const { seq: _seq, hash: _hash, ...sealed } = event
  return sha256(`${seq}\n${previous}\n${canonicalJson({ v: 1, ...sealed })}`)
}

/** An Ed25519 signature over the chain up to `seq`. */
export function signCheckpoint(key: KeyObject, at: { seq: number; hash: string; time: number }): CheckpointRow {
  const publicKey = createPublicKey(key).export({ type: 'spki', format: 'pem' }).toString()
  return { ...at, public_key: publicKey, signature: sign(null, Buffer.from(canonicalJson(at)), key).toString('base64') }
}

export type ChainCheck = { last: { seq: number; hash: string }; faults: string[]; events: number }

/** Checks the next events of a chain; call it page by page with the result of the page before. */
export function checkLinks(
  before: ChainCheck,
  events: readonly AuditEventRow[],
  details: ReadonlyMap<string, AuditDetailsRow>,
): ChainCheck {
  let { last } = before
  const faults = [...before.faults]
  for (const event of events) {
    const seq = last.seq + 1
    if (event.seq !== seq) faults.push(`event ${event.id} stands at ${event.seq}, expected ${seq}: an event is missing`)
    if (event.hash !== linkHash(event.seq ?? seq, last.hash, event))
      faults.push(`event ${event.id} at ${event.seq} was changed after it was sealed`)
    const detail = details.get(event.id)
    if (detail)
      for (const [json, digest] of [
        [detail.before_json, event.before_digest],
        [detail.after_json, event.after_digest],
        [detail.details_json, event.details_digest],
      ] as const)
        if (json !== null && sha256(detail.salt + json) !== digest)
          faults.push(`the details of event ${event.id} at ${event.seq} were changed`)
    last = { seq: event.seq ?? seq, hash: event.hash ?? '' }
  }
  return { last, faults, events: before.events + events.length }
}

/** Whether a checkpoint's signature holds; the caller compares its hash with the chain. */
export function checkpointHolds(row: CheckpointRow): boolean {
  const at = { seq: row.seq, hash: row.hash, time: row.time }
  return verify(
    null,
    Buffer.from(canonicalJson(at)),
    createPublicKey(row.public_key),
    Buffer.from(row.signature, 'base64'),
  )
}
