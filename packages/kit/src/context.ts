import type { Json } from '@kiban/contract/primitives'
import type { BlobStore } from './blobs.ts'
import type { Clock } from './clock.ts'
import type { Config } from './config.ts'
import type { DatabasePair, Db } from './database.ts'
import type { EventBus } from './events.ts'
import type { Logger } from './log.ts'

/** Who acts. `roles` are the letters of contract/actions.ts; `project`, where set, is the only project the actor may touch. */
export type Actor = {
  readonly id: string
  readonly kind: 'person' | 'service' | 'job' | 'endpoint_key' | 'system'
  readonly name: string
  readonly roles: string
  readonly project?: string
  /** For a job: its job, its MLflow run and the person it works for. */
  readonly jobId?: string
  readonly runId?: string
  readonly onBehalfOf?: string
}

/** What one server process shares: configuration, stores and buses. Set up once at start. */
export type Platform = {
  readonly config: Config
  /** KIBAN_HOME, absolute. */
  readonly home: string
  readonly database: DatabasePair
  readonly blobs: BlobStore
  readonly events: EventBus
  /** Wakes a loop by name; a wake-up may be lost, polling is the truth. */
  wake(loop: string): void
}

export type Ctx = {
  readonly db: Db
  readonly actor: Actor
  readonly clock: Clock
  readonly log: Logger
  readonly signal: AbortSignal
  readonly platform: Platform
  /** The HTTP request that is being answered, if any. */
  readonly request?: RequestScope
  readonly transaction?: TransactionScope
}

export type RequestScope = { readonly id: string; readonly face: string; audited: number }
export type TransactionScope = { readonly after: (() => void)[] }

export const SYSTEM: Actor = { id: 'system', kind: 'system', name: 'Kiban', roles: 'APTOSMDVRU' }

/**
 * Runs `work` in one transaction; its `ctx` shadows the outer one, so no query escapes. Nested calls join. Only SQL belongs inside:
 * no file, network or model call. What `afterCommit` and `emit` were given happens once the commit is durable.
 */
export async function inTransaction<T>(ctx: Ctx, work: (ctx: Ctx) => Promise<T>): Promise<T> {
  if (ctx.transaction) return work(ctx)
  const after: (() => void)[] = []
  const result = await ctx.platform.database.writer
    .transaction()
    .execute((db) => work({ ...ctx, db, transaction: { after } }))
  for (const action of after) action()
  return result
}

/** Does `action` after the transaction has committed, or at once outside one. */
export function afterCommit(ctx: Ctx, action: () => void): void {
  if (ctx.transaction) ctx.transaction.after.push(action)
  else action()
}

export type PlatformEvent = { readonly topic: string; readonly kind: string; readonly id: string; readonly data?: Json }

/** Tells the browsers that listen to `topic`, after the commit. */
export function emit(ctx: Ctx, event: PlatformEvent): void {
  afterCommit(ctx, () => ctx.platform.events.publish(event))
}

/** Wakes a loop after the commit. */
export function wake(ctx: Ctx, loop: string): void {
  afterCommit(ctx, () => ctx.platform.wake(loop))
}
