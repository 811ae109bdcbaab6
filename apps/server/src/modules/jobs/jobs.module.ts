import type { Module } from '@kiban/kit/module'
import { removeLeftWork } from './finish-attempt.ts'
import { migrations } from './jobs.migrations.ts'
import { routes } from './jobs.routes.ts'
import { jobsLoop, runtimeOf } from './jobs.worker.ts'

export const jobs: Module = {
  name: 'jobs',
  migrations,
  routes,
  loops: [jobsLoop],
  start: async (ctx) => {
    // Behind the start, not in it: it may be long after many jobs, and nothing waits for it.
    removeLeftWork(ctx).catch((error: unknown) => ctx.log.warn({ err: error }, 'old work folders could not be removed'))
  },
  stop: (ctx) => runtimeOf(ctx.platform).stop(ctx),
}
