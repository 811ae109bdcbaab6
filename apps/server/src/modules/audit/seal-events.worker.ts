import { createPrivateKey, generateKeyPairSync } from 'node:crypto'
import type { KeyObject } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { inTransaction } from '@kiban/kit/context'
import type { Ctx } from '@kiban/kit/context'
import type { Loop } from '@kiban/kit/module'
import { GENESIS, linkHash, signCheckpoint } from './chain.ts'
import {
  findLastCheckpoint,
  findLastSealed,
  insertCheckpoint,
  listUnsealed,
  lockChain,
  updateSeal,
} from './audit.store.ts'

const BATCH = 500
const CHECKPOINT_EVENTS = 1000
const CHECKPOINT_MS = 10 * 60_000

/** Gives new events their place in the chain, at most a second after they were recorded, and signs checkpoints. */
export const sealer: Loop = {
  name: 'audit-sealer',
  everyMs: 1000,
  run: async (ctx) => {
    while ((await sealBatch(ctx)) === BATCH && !ctx.signal.aborted);
    await checkpoint(ctx)
  },
}

async function sealBatch(ctx: Ctx): Promise<number> {
  if ((await listUnsealed(ctx, 1)).length === 0) return 0
  return inTransaction(ctx, async (ctx) => {
    await lockChain(ctx)
    const events = await listUnsealed(ctx, BATCH)
    let last = (await findLastSealed(ctx)) ?? { seq: 0, hash: GENESIS }
    for (const event of events) {
      const seq = last.seq + 1
      const hash = linkHash(seq, last.hash, event)
      if (!(await updateSeal(ctx, event.id, { seq, hash })))
        throw new Error(`event ${event.id} was sealed by somebody else`)
      last = { seq, hash }
    }
    return events.length
  })
}

async function checkpoint(ctx: Ctx): Promise<void> {
  const last = await findLastSealed(ctx)
  if (!last) return
  const previous = await findLastCheckpoint(ctx)
  const newEvents = last.seq - (previous?.seq ?? 0)
  const due =
    newEvents >= CHECKPOINT_EVENTS || (newEvents > 0 && ctx.clock.now() - (previous?.time ?? 0) >= CHECKPOINT_MS)
  if (!due) return
  const row = signCheckpoint(auditKey(ctx.platform.home), { ...last, time: ctx.clock.now() })
  await inTransaction(ctx, (ctx) => insertCheckpoint(ctx, row))
}

function auditKey(home: string): KeyObject {
  const file = join(home, 'secrets', 'audit-key.pem')
  if (!existsSync(file)) {
    mkdirSync(join(home, 'secrets'), { recursive: true, mode: 0o700 })
    const { privateKey } = generateKeyPairSync('ed25519')
    writeFileSync(file, privateKey.export({ type: 'pkcs8', format: 'pem' }), { mode: 0o600, flag: 'wx' })
  }
  return createPrivateKey(readFileSync(file))
}
