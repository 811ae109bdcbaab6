import type { Module } from '@kiban/kit/module'
import { applyEnvironments } from './apply-environments.ts'
import { migrations } from './environments.migrations.ts'
import { routes } from './environments.routes.ts'
import { environmentsLoop, stopBuilds } from './environments.worker.ts'

export const environments: Module = {
  name: 'environments',
  migrations,
  routes,
  loops: [environmentsLoop],
  apply: applyEnvironments,
  stop: stopBuilds,
}
