import { inTransaction } from '@kiban/kit/context'
import type { Ctx } from '@kiban/kit/context'
import type { Loop } from '@kiban/kit/module'
import { projectNow } from '../projects/index.ts'
import { computeWindow } from './compute-window.ts'
import { withDuckdb } from '../datasets/index.ts'
import { settingsOf } from './monitor-spec.ts'
import type { MonitorSources } from './monitor-sources.ts'
import { claimDueWindow, listActiveMonitors, listRecomputable, updateMonitor, updateWindow } from './monitors.store.ts'
import type { WindowRow } from './monitors.store.ts'
import { planWindows } from './plan-windows.ts'
import type { Planning } from './plan-windows.ts'
import { openTables } from './window-tables.ts'
import { gatherInputs } from './window-inputs.ts'

/** How often (machine time) a window is asked for late labels, at most. */
const RECHECK_MS = 5_000

/**
 * Closes windows as the project's clock passes their end and lateness, asks closed ones whether late labels have changed them, and
 * computes what is due, oldest first.
 */
export function monitorsLoop(sources: MonitorSources): Loop {
  const checkedAt = new Map<string, number>()
  const firstEvents: Planning['firstEvents'] = new Map()
  return {
    name: 'monitors',
    everyMs: 2000,
    run: async (ctx) => {
      for (const monitor of await listActiveMonitors(ctx)) {
        if (ctx.signal.aborted) return
        try {
          const settings = settingsOf(monitor)
          const endpoint = await sources.findEndpoint(ctx, monitor.project, settings.endpoint)
          if (!endpoint) {
            await say(ctx, monitor, `endpoint ${settings.endpoint} does not exist (yet)`)
            continue
          }
          const planning: Planning = {
            monitor,
            settings,
            endpoint,
            sources,
            nowMs: await projectNow(ctx, monitor.project),
            firstEvents,
          }
          await planWindows(ctx, planning)
          await markChanged(ctx, planning, checkedAt)
          await say(ctx, monitor, null)
        } catch (error) {
          ctx.log.warn({ err: error, monitor: monitor.id }, `monitor ${monitor.name} could not plan its windows`)
          await say(ctx, monitor, error instanceof Error ? error.message : String(error))
        }
      }
      for (let window = await claimDueWindow(ctx); window && !ctx.signal.aborted; window = await claimDueWindow(ctx))
        await computeWindow(ctx, sources, window)
    },
  }
}

async function say(
  ctx: Ctx,
  monitor: { id: string; state_reason: string | null },
  reason: string | null,
): Promise<void> {
  if (monitor.state_reason !== reason)
    await inTransaction(ctx, (ctx) => updateMonitor(ctx, monitor.id, { state_reason: reason }))
}

/** Marks closed windows that new labels (or late rows) have changed; counting is cheap, computing anew is not. */
async function markChanged(ctx: Ctx, planning: Planning, checkedAt: Map<string, number>): Promise<void> {
  const { monitor, settings, sources, nowMs } = planning
  if (!settings.labels) return
  const labels = await sources.datasetFiles(ctx, monitor.project, settings.labels.dataset)
  if (!labels) return
  for (const window of await listRecomputable(ctx, monitor.id, nowMs - settings.recomputeForMs)) {
    if (window.label_version_id === labels.versionId) continue
    const known = checkedAt.get(window.id) ?? 0
    if (ctx.clock.now() - known < RECHECK_MS) continue
    checkedAt.set(window.id, ctx.clock.now())
    const changed = await hasChanged(ctx, planning, window)
    await inTransaction(ctx, (ctx) =>
      updateWindow(
        ctx,
        window.id,
        changed
          ? { due: 1, reason: 'late labels have arrived, it is computed again' }
          : { label_version_id: labels.versionId },
      ),
    )
  }
}

async function hasChanged(ctx: Ctx, planning: Planning, window: WindowRow): Promise<boolean> {
  const inputs = await gatherInputs(ctx, { ...planning, window })
  if (inputs === null) return false
  const { task } = inputs
  const paths = [...task.predictionPaths, ...(task.labels?.paths ?? [])]
  const [row] = await withDuckdb({ readable: [...new Set(paths)], signal: ctx.signal }, async (duckdb) => {
    await openTables(duckdb, { ...task, reference: null })
    return duckdb.rows('SELECT count(*) AS total, count(label) AS labelled FROM win')
  })
  return Number(row?.['labelled'] ?? 0) !== window.labelled || Number(row?.['total'] ?? 0) !== window.rows
}
