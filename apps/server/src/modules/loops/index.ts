/**
 * Owns closed loops and their firings: alert, training, gate, roll-out, watch, keep or go back. It never trains, judges or deploys by
 * itself: it starts pipelines and follows what gate and roll-out decide.
 */
export { loopsModule } from './loops.module.ts'
export { loopSearch } from './loops.search.ts'
export { loopLineage } from './loops.lineage.ts'
export { platformParts } from './platform-parts.ts'
export type { LoopParts } from './loop-parts.ts'
