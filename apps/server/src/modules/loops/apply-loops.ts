import { canonicalJson } from '@kiban/kit/canonical-json'
import { emit } from '@kiban/kit/context'
import { AppError } from '@kiban/kit/errors'
import { newId } from '@kiban/kit/ids'
import type { ApplySection, Change } from '@kiban/kit/module'
import { findLoopRow, insertLoop, listLoopRows, updateLoop } from './loops.store.ts'

/** Makes the loops of a project as its file says. A loop that left the file fires no more; what it started goes on. */
export const applyLoops: ApplySection = async (ctx, { project, file }) => {
  const changes: Change[] = []
  for (const [name, spec] of Object.entries(file.loops)) {
    const refuse = (key: string, message: string): never => {
      throw new AppError('project_file_invalid', { message: `loops.${name}.${key}: ${message}` })
    }
    if (spec.when.length === 0) refuse('when', 'name what fires it: [{ monitor: …, signal: performance }].')
    for (const trigger of spec.when) {
      if (trigger.monitor === undefined)
        refuse('when', 'a loop can be fired by a monitor only: { monitor, signal, severity }.')
      const monitor = trigger.monitor === undefined ? undefined : file.monitors[trigger.monitor]
      const signals =
        monitor === undefined ? [] : Array.isArray(monitor.signals) ? monitor.signals : Object.keys(monitor.signals)
      if (trigger.signal !== undefined && !signals.some((signal) => signal === trigger.signal))
        refuse(
          'when',
          `monitor ${trigger.monitor} has no signal ${trigger.signal}; it has ${signals.join(', ') || 'none'}.`,
        )
    }
    if (spec.notify !== undefined && spec.notify.length > 0)
      refuse('notify', 'there are no receivers yet; the inbox is always told.')
    if (spec.watch !== undefined && typeof spec.watch !== 'string')
      refuse('watch', 'write a duration, such as 7d; without it the next window decides.')
    const specJson = canonicalJson(spec)
    const scopeJson = canonicalJson({
      vars: file.vars,
      project: { name: file.project.name, title: file.project.title ?? null },
      stage: { name: 'production' },
    })
    const row = await findLoopRow(ctx, project, name)
    if (row === undefined) {
      await insertLoop(ctx, {
        id: newId('loop'),
        project,
        name,
        spec_json: specJson,
        scope_json: scopeJson,
        enabled: spec.enabled ? 1 : 0,
        armed_after: newId('alr'),
        archived_at: null,
        created_at: ctx.clock.now(),
        created_by: ctx.actor.id,
      })
      changes.push({ kind: 'create', noun: 'loop', name })
    } else if (row.spec_json !== specJson || row.scope_json !== scopeJson || row.archived_at !== null) {
      const before = JSON.parse(row.spec_json) as { enabled?: boolean } // written here from a parsed project file
      // The switch in the UI holds until the file itself says something else.
      const enabled = before.enabled === spec.enabled ? row.enabled : spec.enabled ? 1 : 0
      const rearm = row.archived_at !== null || (enabled === 1 && row.enabled === 0)
      await updateLoop(ctx, row.id, {
        spec_json: specJson,
        scope_json: scopeJson,
        enabled,
        archived_at: null,
        ...(rearm ? { armed_after: newId('alr') } : {}),
      })
      changes.push({ kind: 'update', noun: 'loop', name })
    }
  }
  for (const row of await listLoopRows(ctx, project)) {
    if (Object.hasOwn(file.loops, row.name)) continue
    await updateLoop(ctx, row.id, { archived_at: ctx.clock.now() })
    changes.push({ kind: 'archive', noun: 'loop', name: row.name })
  }
  if (changes.length > 0) emit(ctx, { topic: `projects/${project}/loops`, kind: 'loops.changed', id: project })
  return changes
}
