/** Owns nothing: health, events, search, metrics, the API's description and the web UI's files. */
export type { SearchSource } from './search-objects.ts'
export { systemModule } from './system.module.ts'
