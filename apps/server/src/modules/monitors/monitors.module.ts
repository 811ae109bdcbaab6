import type { Module } from '@kiban/kit/module'
import { applyMonitors } from './apply-monitors.ts'
import type { MonitorSources } from './monitor-sources.ts'
import { migrations } from './monitors.migrations.ts'
import { routes } from './monitors.routes.ts'
import { monitorsLoop } from './reconcile-monitors.worker.ts'

/** The monitors module over what it reads from. */
export function monitorsModule(sources: MonitorSources): Module {
  return { name: 'monitors', migrations, routes, loops: [monitorsLoop(sources)], apply: applyMonitors }
}
