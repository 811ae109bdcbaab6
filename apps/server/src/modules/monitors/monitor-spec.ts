import type { MonitorSpec } from '@kiban/contract/project-file'
import { monitorSettings } from './monitor-settings.ts'
import type { MonitorSettings } from './monitor-settings.ts'
import type { MonitorRow } from './monitors.store.ts'

/** The project file's words for a monitor, as they were applied. */
export function specOf(row: MonitorRow): MonitorSpec {
  return JSON.parse(row.spec_json) as MonitorSpec // written by apply-monitors.ts from a parsed project file
}

export function settingsOf(row: MonitorRow): MonitorSettings {
  return monitorSettings(row.name, specOf(row))
}
