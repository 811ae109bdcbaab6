/** Owns projects and their clocks. It never touches what lives inside a project. */
export { getProject, projectNow, updateRevision } from './projects.store.ts'
export { createProject } from './create-project.ts'
export { projects } from './projects.module.ts'
