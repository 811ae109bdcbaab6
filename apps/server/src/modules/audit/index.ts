/** Owns the record of who changed what, sealed into a chain. It never decides anything and never deletes an event. */
export { recordAudit } from './record-audit.ts'
export { audit } from './audit.module.ts'
