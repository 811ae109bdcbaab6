import type { Module } from '@kiban/kit/module'
import { endpointsLoop } from './advance-endpoints.ts'
import { applyEndpoints } from './apply-endpoints.ts'
import { predictionsLoop } from './compact-predictions.ts'
import { migrations } from './endpoints.migrations.ts'
import { routes } from './endpoints.routes.ts'
import { inferenceFaces } from './forward-inference.ts'
import { planeOf } from './inference-plane.ts'
import { useModelRegistry } from './model-versions.ts'
import type { ModelRegistry } from './model-versions.ts'

/** The endpoints module over a model registry. An orderly end of the server ends the data plane too; a kill leaves it serving. */
export function endpointsModule(registry: ModelRegistry): Module {
  return {
    name: 'endpoints',
    migrations,
    routes,
    faces: inferenceFaces,
    loops: [endpointsLoop, predictionsLoop],
    apply: applyEndpoints,
    start: async (ctx) => useModelRegistry(ctx.platform, registry),
    stop: (ctx) => planeOf(ctx.platform).stop(),
  }
}
