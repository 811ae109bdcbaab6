import type { Module } from '@kiban/kit/module'
import { applyPipelines } from './apply-pipelines.ts'
import { setParts } from './parts.ts'
import type { PipelineParts } from './parts.ts'
import { migrations } from './pipelines.migrations.ts'
import { routes } from './pipelines.routes.ts'
import { pipelinesLoop } from './run-pipelines.worker.ts'

/** The pipelines module. `parts` gives what modules after it lend, once all are known. */
export function pipelinesModule(parts: () => PipelineParts): Module {
  return {
    name: 'pipelines',
    migrations,
    routes,
    loops: [pipelinesLoop],
    apply: applyPipelines,
    start: async (ctx) => setParts(ctx, parts()),
  }
}
