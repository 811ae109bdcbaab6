import type { Ctx } from '@kiban/kit/context'
import { GENESIS, checkLinks, checkpointHolds } from './chain.ts'
import type { ChainCheck } from './chain.ts'
import { listCheckpoints, listDetails, listSealed } from './audit.store.ts'

const PAGE = 2000

/** Recomputes every link and checkpoint. `faults` says what does not hold. */
export async function verifyChain(
  ctx: Ctx,
): Promise<{ verified: boolean; events: number; checkpoints: number; faults: string[] }> {
  const checkpoints = await listCheckpoints(ctx)
  const expected = new Map(checkpoints.map((row) => [row.seq, row.hash]))
  let check: ChainCheck = { last: { seq: 0, hash: GENESIS }, faults: [], events: 0 }
  for (;;) {
    const events = await listSealed(ctx, check.last.seq, PAGE)
    if (events.length === 0) break
    const details = new Map(
      (
        await listDetails(
          ctx,
          events.map((event) => event.id),
        )
      ).map((row) => [row.event_id, row]),
    )
    check = checkLinks(check, events, details)
    for (const event of events) {
      const hash = event.seq === null ? undefined : expected.get(event.seq)
      if (hash !== undefined && hash !== event.hash)
        check.faults.push(`the checkpoint at ${event.seq} does not match the chain`)
    }
  }
  for (const row of checkpoints) {
    if (!checkpointHolds(row)) check.faults.push(`the signature of the checkpoint at ${row.seq} does not hold`)
    if (row.seq > check.last.seq)
      check.faults.push(
        `the chain ends at ${check.last.seq}, but a checkpoint was signed at ${row.seq}: its tail is lost`,
      )
  }
  return {
    verified: check.faults.length === 0,
    events: check.events,
    checkpoints: checkpoints.length,
    faults: check.faults.slice(0, 100),
  }
}
