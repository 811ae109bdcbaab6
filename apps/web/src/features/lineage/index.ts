/** Pages of lineage, the trace of a prediction, and audit. */
export { AuditPage } from './audit-page.tsx'
export { LineagePage } from './lineage-page.tsx'
export { PredictionPage } from './prediction-page.tsx'
