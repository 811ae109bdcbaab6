/** Owns the applied states of a project file. It never interprets a section: each noun's module makes its own so. */
export { revisionsModule } from './revisions.module.ts'
