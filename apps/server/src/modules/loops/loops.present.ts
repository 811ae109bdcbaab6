import { durationMs } from '@kiban/contract/project-file'
import type { Json } from '@kiban/contract/primitives'
import type { Loop, LoopFiring } from '@kiban/contract/loops'
import { blockedReason, firingsInMonth } from './loop-limits.ts'
import { linksOf, specOf, triggerOf } from './loop-spec.ts'
import type { FiringRow, LoopRow } from './loops.store.ts'

export function presentFiring(row: FiringRow): LoopFiring {
  const { kind, monitor, signal, windowStartAt, windowEndAt } = triggerOf(row)
  return {
    id: row.id,
    loop: row.loop,
    number: row.number,
    state: row.state,
    reason: row.reason,
    alertId: row.alert_id,
    trigger: { kind, monitor, signal, windowStartAt, windowEndAt },
    params: JSON.parse(row.params_json) as Record<string, Json>, // written by run-loops.worker.ts
    pipelineRunId: row.pipeline_run_id,
    modelVersionId: row.model_version_id,
    modelVersionNumber: row.model_version_number,
    deploymentId: row.rollout_id,
    links: linksOf(row),
    createdAt: row.created_at,
    updatedAt: row.updated_at,
    endedAt: row.ended_at,
  }
}

export function presentLoop(row: LoopRow, firings: readonly FiringRow[], nowMs: number): Loop {
  const spec = specOf(row)
  const [last] = firings
  return {
    id: row.id,
    name: row.name,
    description: spec.description ?? null,
    when: spec.when.map((trigger) => ({
      monitor: trigger.monitor ?? '',
      signal: trigger.signal ?? 'any',
      severity: trigger.severity ?? 'error',
    })),
    pipeline: spec.pipeline,
    params: spec.params,
    model: spec.model,
    endpoint: spec.endpoint ?? null,
    limits: {
      cooldownMs: spec.limits?.cooldown === undefined ? null : durationMs(spec.limits.cooldown),
      perMonth: spec.limits?.perMonth ?? null,
    },
    enabled: row.enabled === 1,
    blockedReason:
      row.archived_at !== null
        ? 'it left the project file'
        : row.enabled === 0
          ? 'it is disabled'
          : blockedReason(spec, firings, nowMs),
    firingsThisMonth: firingsInMonth(firings, nowMs),
    lastFiring: last ? presentFiring(last) : null,
    createdAt: row.created_at,
    createdBy: row.created_by,
  }
}
