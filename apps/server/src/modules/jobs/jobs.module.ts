import type { Module } from '@kiban/kit/module'
import { migrations } from './jobs.migrations.ts'
import { routes } from './jobs.routes.ts'
import { jobsLoop, runtimeOf } from './jobs.worker.ts'

export const jobs: Module = {
  name: 'jobs',
  migrations,
  routes,
  loops: [jobsLoop],
  stop: (ctx) => runtimeOf(ctx.platform).stop(),
}
