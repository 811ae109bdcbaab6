/** Owns the edges between things: what used, made, served what. It never knows more of a thing than its kind, id and label. */
export { recordEdges } from './record-edges.ts'
export type { LineageEnd } from './record-edges.ts'
export type { LineageSource } from './lineage-source.ts'
export { lineageModule } from './lineage.module.ts'
