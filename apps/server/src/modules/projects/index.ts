/** Owns projects and their clocks. It never touches what lives inside a project. */
export { getProject, projectNow, listProjectNames, updateRevision } from './projects.store.ts'
export { projects } from './projects.module.ts'
