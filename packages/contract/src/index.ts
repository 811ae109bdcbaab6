/** Everything the clients and the server agree on. One namespace a noun; add yours. */
export * as actions from './actions.ts'
export * as errors from './errors.ts'
export * as environments from './environments.ts'
export * as jobs from './jobs.ts'
export * as primitives from './primitives.ts'
export { defineEndpoint } from './endpoint.ts'
export type { AuditRule, CallerInput, Endpoint, Method, ParsedInput, ResponseOf } from './endpoint.ts'
