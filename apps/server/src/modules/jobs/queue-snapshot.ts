import type { JobCapacity } from '@kiban/contract/jobs'
import type { Ctx } from '@kiban/kit/context'
import { getEnvironment } from '../environments/index.ts'
import { machineCapacity } from './capacity.ts'
import { countBefore, listHeld } from './jobs.store.ts'
import type { JobRow } from './jobs.store.ts'
import { capacityReason } from './queue-order.ts'
import type { Holder } from './queue-order.ts'

export type QueueSnapshot = {
  readonly capacity: JobCapacity
  /** Where a queued job stands (from 1) and the sentence on what it waits for. */
  placeOf(job: JobRow): Promise<{ position: number; reason: string }>
}

/** What runs now, to say of queued jobs why they wait. */
export async function queueSnapshot(ctx: Ctx): Promise<QueueSnapshot> {
  const machine = machineCapacity()
  const held = await listHeld(ctx.db)
  const holders: Holder[] = held.map((row) => ({
    name: row.job.name,
    resources: { cpu: row.cpu, memoryBytes: row.memory_bytes },
  }))
  const used = { cpu: sum(holders, (h) => h.resources.cpu), memoryBytes: sum(holders, (h) => h.resources.memoryBytes) }
  return {
    capacity: {
      cpu: machine.cpu,
      cpuUsed: used.cpu,
      memoryBytes: machine.memoryBytes,
      memoryUsedBytes: used.memoryBytes,
    },
    placeOf: async (job) => {
      const before = await countBefore(ctx.db, job)
      const job_ = { cpu: job.cpu, memoryBytes: job.memory_bytes }
      const reason =
        retryReason(job, ctx.clock.now()) ??
        (await environmentReason(ctx, job)) ??
        capacityReason({ capacity: machine, holders, job: job_, before })
      return { position: before + 1, reason }
    },
  }
}

function retryReason(job: JobRow, now: number): string | undefined {
  if (job.retry_at === null || job.retry_at <= now) return undefined
  return `waits ${Math.ceil((job.retry_at - now) / 1000)} s before attempt ${job.attempt + 1} (attempt ${job.attempt}: ${job.cause ?? 'failed'})`
}

async function environmentReason(ctx: Ctx, job: JobRow): Promise<string | undefined> {
  if (job.environment_id === null) return undefined
  const environment = await getEnvironment(ctx, job.environment_id)
  return environment.state === 'ready'
    ? undefined
    : `waits for its environment ${environment.name}: ${environment.state}`
}

function sum<T>(items: readonly T[], of: (item: T) => number): number {
  return items.reduce((total, item) => total + of(item), 0)
}
