import type { Module } from '@kiban/kit/module'
import { applyLoops } from './apply-loops.ts'
import type { LoopParts } from './loop-parts.ts'
import { migrations } from './loops.migrations.ts'
import { routes } from './loops.routes.ts'
import { loopsLoop } from './run-loops.worker.ts'

/** The loops module over what it sets in motion. */
export function loopsModule(parts: LoopParts): Module {
  return { name: 'loops', migrations, routes, loops: [loopsLoop(parts)], apply: applyLoops }
}
