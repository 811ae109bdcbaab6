import type { LineageEnd } from '../lineage/index.ts'
import type { PreparedStep } from './prepare-step.ts'
import type { StepRunRow } from './steps.store.ts'

/** What a step used and what was started for it. */
export function stepEdges(
  row: StepRunRow,
  prepared: PreparedStep,
  made: { jobId: string | null; runId: string | null },
): { from: LineageEnd; relation: 'used' | 'generated'; to: LineageEnd }[] {
  const from: LineageEnd = { kind: 'step_run', id: row.id }
  const used: LineageEnd[] = Object.values(prepared.inputs).flatMap((input): LineageEnd[] => {
    if (!('tree' in input)) return []
    if (input.versionId === undefined) return []
    return [{ kind: input.type === 'model' ? 'model_version' : 'dataset_version', id: input.versionId }]
  })
  used.push(...prepared.reads.map((id): LineageEnd => ({ kind: 'step_run', id })))
  if (prepared.environment) used.push({ kind: 'environment', id: prepared.environment.id })
  if (prepared.code) used.push({ kind: 'code', id: prepared.code.hash })
  const generated: LineageEnd[] = []
  if (made.jobId !== null) generated.push({ kind: 'job', id: made.jobId })
  if (made.runId !== null) generated.push({ kind: 'run', id: made.runId })
  return [
    ...used.map((to) => ({ from, relation: 'used' as const, to })),
    ...generated.map((to) => ({ from, relation: 'generated' as const, to })),
  ]
}
