/** Owns who may do what: actors, tokens, the matrix of roles. It never knows what the things are that it guards. */
export { issueJobToken, revokeJobToken } from './job-tokens.ts'
export { gatekeeper } from './gatekeeper.ts'
export { authorize } from './access.policy.ts'
export { access } from './access.module.ts'
