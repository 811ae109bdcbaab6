import type { Ctx, Platform } from '@kiban/kit/context'
import { emit, inTransaction } from '@kiban/kit/context'
import type { Loop } from '@kiban/kit/module'
import { environmentIsHere, getEnvironment } from '../environments/index.ts'
import { machineCapacity } from './capacity.ts'
import { WAKES } from './job-events.ts'
import { listHeld, listQueuedByEnvironment, listQueuedEnvironments, listStartable, updateJob } from './jobs.store.ts'
import { LocalRuntime } from './local-runtime.ts'
import { planStarts } from './queue-order.ts'
import type { Holder } from './queue-order.ts'

const runtimes = new WeakMap<Platform, LocalRuntime>()
/** How much of the queue one pass looks at; a pass that starts jobs is followed by another. */
const HEAD = 100

export function runtimeOf(platform: Platform): LocalRuntime {
  const known = runtimes.get(platform)
  if (known) return known
  const made = new LocalRuntime()
  runtimes.set(platform, made)
  return made
}

/** Moves every job: looks after the attempts that run, then starts what fits. */
export const jobsLoop: Loop = {
  name: 'jobs',
  everyMs: 1000,
  run: async (ctx) => {
    const runtime = runtimeOf(ctx.platform)
    await runtime.reconcile(ctx, await listHeld(ctx.db))
    await schedule(ctx, runtime)
  },
}

async function schedule(ctx: Ctx, runtime: LocalRuntime): Promise<void> {
  const ready: string[] = []
  for (const id of await listQueuedEnvironments(ctx.db)) {
    const environment = await getEnvironment(ctx, id)
    if (environment.state === 'ready') {
      if (environment.specHash === null || (await environmentIsHere(ctx, environment.specHash))) ready.push(id)
    } else if (environment.state === 'failed') await failWaiting(ctx, id, environment)
  }
  const waiting = await listStartable(ctx.db, ctx.clock.now(), ready, HEAD)
  if (waiting.length === 0) return
  const holders: Holder[] = (await listHeld(ctx.db)).map((row) => ({
    name: row.job.name,
    resources: { cpu: row.cpu, memoryBytes: row.memory_bytes },
  }))
  const starts = planStarts(
    machineCapacity(),
    holders,
    waiting.map((row) => ({ id: row.id, name: row.name, resources: { cpu: row.cpu, memoryBytes: row.memory_bytes } })),
  )
  const chosen = new Set(starts.map((start) => start.id))
  for (const row of waiting) if (chosen.has(row.id)) await runtime.start(ctx, row)
}

/** Jobs whose environment can't be built end with its reason: trying them again would change nothing. */
async function failWaiting(
  ctx: Ctx,
  environmentId: string,
  environment: { name: string; error: { cause: string; message: string } | null },
): Promise<void> {
  await inTransaction(ctx, async (ctx) => {
    for (const job of await listQueuedByEnvironment(ctx.db, environmentId)) {
      const message = `Its environment ${environment.name} could not be built: ${environment.error?.message ?? 'see its build log'}`
      const cause = environment.error?.cause === 'start_failed' ? 'start_failed' : 'user_error'
      await updateJob(ctx.db, job.id, 'queued', { state: 'failed', cause, message, ended_at: ctx.clock.now() })
      emit(ctx, { topic: `projects/${job.project}/jobs`, kind: 'job.failed', id: job.id })
    }
  })
  for (const loop of WAKES) ctx.platform.wake(loop)
}
