/** Owns registered models, their versions, aliases, gate evidence and approvals. It never runs a model's own code in the server and never changes a version's contents. */
export { modelLineage } from './models.lineage.ts'
export { modelSearch } from './models.search.ts'
export { models } from './models.module.ts'
export { getVersion, modelSpecOf, onnxFileOf, resolveModel } from './resolve-model.ts'
export type { ModelVersion } from './resolve-model.ts'
export { markRolledBack, setAlias } from './set-alias.ts'
