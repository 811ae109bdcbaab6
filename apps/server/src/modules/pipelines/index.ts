/**
 * Owns pipelines, their runs and steps, and the cache of what steps gave: it decides what is computed, when, and from which versions.
 * It never runs a user's command (jobs do) and never judges a model.
 */
export { pipelinesModule } from './pipelines.module.ts'
export type { PipelineParts } from './parts.ts'
export { pipelineLineage } from './pipelines.lineage.ts'
export { pipelineSearch } from './pipelines.search.ts'
export { startPipelineRun } from './start-pipeline-run.ts'
export { findRunById as findPipelineRun } from './pipelines.store.ts'
export { findStepRun } from './find-step-run.ts'
