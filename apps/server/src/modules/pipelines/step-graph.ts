import type { StepState } from '@kiban/contract/pipelines'
import { stepNeeds } from '@kiban/contract/project-file'
import type { PipelineSpec } from '@kiban/contract/project-file'

export const ENDED: readonly StepState[] = ['succeeded', 'failed', 'skipped', 'upstream_failed', 'cancelled']

export type Readiness =
  | { readonly verdict: 'wait' | 'skipped' | 'upstream_failed' }
  | { readonly verdict: 'ready'; readonly failed: boolean }

/** Everything a step waits for, directly. */
export function needsOf(spec: PipelineSpec, name: string): string[] {
  const needs = stepNeeds(spec.steps[name])
  return [...needs.required, ...needs.optional]
}

/**
 * Whether a step may go (project-file §3): when all it needs succeeded; after a failure it is upstream_failed, after a skip skipped. What
 * stands inside `default()` must only have ended; with `always()` or `failed()` in its `if` so must everything.
 */
export function readiness(spec: PipelineSpec, name: string, states: ReadonlyMap<string, StepState>): Readiness {
  const needs = stepNeeds(spec.steps[name])
  const stateOf = (need: string): StepState => states.get(need) ?? 'skipped'
  const all = [...needs.required, ...needs.optional].map(stateOf)
  if (all.some((state) => !ENDED.includes(state))) return { verdict: 'wait' }
  const failed = all.some((state) => state === 'failed' || state === 'upstream_failed')
  if (needs.anyway) return { verdict: 'ready', failed }
  const required = needs.required.map(stateOf)
  if (required.some((state) => state === 'failed' || state === 'upstream_failed' || state === 'cancelled'))
    return { verdict: 'upstream_failed' }
  if (required.includes('skipped')) return { verdict: 'skipped' }
  return { verdict: 'ready', failed }
}

/** A step and all that come after it, by needs and references. */
export function downstreamOf(spec: PipelineSpec, from: string): string[] {
  const found = new Set([from])
  for (;;) {
    const more = Object.keys(spec.steps).filter(
      (name) => !found.has(name) && needsOf(spec, name).some((need) => found.has(need)),
    )
    if (more.length === 0) return [...found]
    for (const name of more) found.add(name)
  }
}
