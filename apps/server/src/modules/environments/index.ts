/**
 * Owns environments: what a project asks for, its builds under KIBAN_HOME/environments, the interpreters and tools they are made with.
 * It never runs a user's command.
 */
export { environments } from './environments.module.ts'
export { environmentLineage } from './environments.lineage.ts'
export { isHere as environmentIsHere } from './environments.worker.ts'
export { requestEnvironment } from './request-environment.ts'
export { getEnvironment } from './get-environment.ts'
export type { EnvironmentView } from './get-environment.ts'
export { machinePythonBin } from './find-python.ts'
