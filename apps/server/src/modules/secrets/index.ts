/** Owns secret values, encrypted at rest. It never gives a value to anything but a job that asks by name. */
export { openSecrets } from './open-secrets.ts'
export { secrets } from './secrets.module.ts'
