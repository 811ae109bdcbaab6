import type { AnswerOf } from '../../lib/api.ts'
import type { Translate } from '../../lib/i18n.tsx'

/** One step of a run, as the server tells it. */
export type Step = AnswerOf<'getPipelineRun'>['steps'][number]

/** A step with its item, when it is fanned out. */
export function labelOf(step: Step): string {
  return step.item === '' ? step.name : `${step.name}[${step.item}]`
}

/** The state as shown: a hit of the cache is its own. */
export function shownState(step: Step): string {
  return step.state === 'succeeded' && step.cache?.result === 'hit' ? 'cached' : step.state
}

/** Why a step is as it is: what it waits for, why it failed, or why it was computed. */
export function noteOf(step: Step, t: Translate): string {
  if (step.message !== null) return step.message.split('\n')[0] ?? ''
  if (step.reason !== null) return step.reason
  const cache = step.cache
  if (cache === null) return step.summary
  if (cache.result === 'not_cacheable') return t('run.not_cacheable')
  switch (cache.reason) {
    case 'same':
      return t('run.hit')
    case 'first_run':
      return t('run.miss_first')
    case 'changed':
      return t('run.miss_changed', {
        parts: [...new Set(cache.differences.map((it) => it.name || it.part))].join(', '),
      })
    case 'ttl':
      return t('run.miss_ttl')
    case 'output_gone':
      return t('run.miss_gone')
    case 'disabled':
      return t('run.miss_disabled')
  }
}

/** The step that a reader wants first: what failed, what runs, what ended last. */
export function firstToSee(steps: readonly Step[]): Step | undefined {
  return (
    steps.find((step) => step.state === 'failed') ??
    steps.find((step) => step.state === 'running' || step.state === 'preparing') ??
    steps.findLast((step) => step.state === 'succeeded') ??
    steps[0]
  )
}

/** Steps so that each stands after all it needs. */
export function inOrder(steps: readonly Step[]): Step[] {
  const left = [...steps].sort((a, b) => (a.startedAt ?? Infinity) - (b.startedAt ?? Infinity))
  const done: Step[] = []
  while (left.length > 0) {
    const next = left.findIndex((step) => step.needs.every((need) => !left.some((other) => other.name === need)))
    done.push(...left.splice(Math.max(0, next), 1))
  }
  return done
}

/** The ids of the steps that a step needs. */
export function needIds(step: Step, steps: readonly Step[]): string[] {
  return steps
    .filter((other) => step.needs.includes(other.name) || step.needs.includes(other.id))
    .map((other) => other.id)
}

/** When a step could have begun: the end of the last it needs, or the run's beginning. */
export function waitFrom(step: Step, steps: readonly Step[], createdAt: number): number {
  const ends = steps.filter((other) => step.needs.includes(other.name)).map((other) => other.endedAt ?? createdAt)
  return Math.max(createdAt, ...ends)
}
