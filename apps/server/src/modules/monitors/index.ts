/**
 * Owns monitors: calendar windows of event time, the signals computed in them, alerts and the inbox. It never changes what is served or
 * trained: it says what it saw, and loops act on it.
 */
export { monitorsModule } from './monitors.module.ts'
export { monitorSearch } from './monitors.search.ts'
export { monitorLineage } from './monitors.lineage.ts'
export type { MonitorSources } from './monitor-sources.ts'
export { listAlertRows as listAlerts } from './alerts.store.ts'
export type { AlertRow } from './alerts.store.ts'
export { listWindowsOfMonitor } from './watch-windows.ts'
export { notify } from './notify.ts'
export { platformSources } from './platform-sources.ts'
