/**
 * Owns monitors: calendar windows of event time, the signals computed in them, alerts and the inbox. It never changes what is served or
 * trained: it says what it saw, and loops act on it.
 */
export { monitorsModule } from './monitors.module.ts'
export type { MonitorSources, WatchedEndpoint, WatchedVersion } from './monitor-sources.ts'
export { listAlertsForLoops, findWindowsAfter } from './monitors.face.ts'
export type { FiredAlert } from './monitors.face.ts'
export { notify } from './notify.ts'
