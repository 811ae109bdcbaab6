import { canonicalJson } from '@kiban/kit/canonical-json'
import { emit } from '@kiban/kit/context'
import { newId } from '@kiban/kit/ids'
import type { ApplySection, Change } from '@kiban/kit/module'
import { monitorSettings } from './monitor-settings.ts'
import { findMonitorByName, insertMonitor, listMonitorRows, updateMonitor } from './monitors.store.ts'

/** Makes the monitors of a project as its file says. What left the file stops and keeps its windows and alerts. */
export const applyMonitors: ApplySection = async (ctx, { project, file }) => {
  const changes: Change[] = []
  const seen = new Set<string>()
  for (const [name, spec] of Object.entries(file.monitors)) {
    monitorSettings(name, spec) // refuses what cannot be computed
    const specJson = canonicalJson(spec)
    const row =
      (await findMonitorByName(ctx, project, name)) ??
      (spec.renamedFrom === undefined ? undefined : await findMonitorByName(ctx, project, spec.renamedFrom))
    if (row === undefined) {
      const id = newId('mon')
      await insertMonitor(ctx, {
        id,
        project,
        name,
        spec_json: specJson,
        state_reason: null,
        archived_at: null,
        created_at: ctx.clock.now(),
        created_by: ctx.actor.id,
      })
      changes.push({ kind: 'create', noun: 'monitor', name })
      seen.add(id)
      continue
    }
    seen.add(row.id)
    if (row.spec_json === specJson && row.archived_at === null && row.name === name) continue
    await updateMonitor(ctx, row.id, { name, spec_json: specJson, archived_at: null, state_reason: null })
    changes.push({
      kind: 'update',
      noun: 'monitor',
      name,
      detail: row.archived_at === null ? 'windows that close from now on follow it' : 'watches again',
    })
  }
  for (const row of await listMonitorRows(ctx, project)) {
    if (seen.has(row.id)) continue
    await updateMonitor(ctx, row.id, { archived_at: ctx.clock.now() })
    changes.push({ kind: 'archive', noun: 'monitor', name: row.name })
  }
  if (changes.length > 0) emit(ctx, { topic: `projects/${project}/monitors`, kind: 'monitors.changed', id: project })
  return changes
}
