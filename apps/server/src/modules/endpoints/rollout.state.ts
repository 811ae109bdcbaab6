import type { RolloutState, RolloutStrategyName } from '@kiban/contract/endpoints'

/** The settings of a roll-out, durations in ms (project-file §8). */
export type RolloutPlan = {
  readonly strategy: RolloutStrategyName
  readonly steps: readonly number[]
  readonly bakeMs: number
  readonly maxBakeMs: number
  readonly minRequests: number
  readonly onNotEnough: 'pause' | 'promote' | 'rollback'
  readonly manual: boolean
}

/** Where a roll-out stands. `step` counts from 1; `pausedBy` says why it stands still: a person, or the end of a step. */
export type RolloutPosition = {
  readonly state: RolloutState
  readonly step: number
  readonly pausedBy: 'person' | 'step_end' | null
  /** Nothing ran before, so there is nothing to compare with or to go back to. */
  readonly isFirst: boolean
}

/** What can happen to a roll-out. `tick` tells the time and traffic of the present step. */
export type RolloutEvent =
  | { readonly kind: 'loaded' }
  | { readonly kind: 'load_failed'; readonly message: string }
  | { readonly kind: 'worse'; readonly message: string }
  | { readonly kind: 'unhealthy'; readonly message: string }
  | { readonly kind: 'tick'; readonly elapsedMs: number; readonly requests: number }
  | { readonly kind: 'pause' | 'resume' | 'promote' | 'abort'; readonly message: string }
  | { readonly kind: 'superseded'; readonly message: string }
  | { readonly kind: 'drained' }

export type RolloutMove = RolloutPosition & { readonly message: string; readonly cause: string | null }

const ACTIVE: ReadonlySet<RolloutState> = new Set(['loading', 'baking', 'paused'])

/** The states that no event leaves. */
export const ENDED_STATES: readonly RolloutState[] = ['done', 'rolled_back', 'failed']

/** The steps that a strategy really takes: shares of the traffic in percent; 0 is mirrored only. */
export function stepsOf(plan: Pick<RolloutPlan, 'strategy' | 'steps'>): readonly number[] {
  if (plan.strategy === 'canary') return plan.steps
  if (plan.strategy === 'blue_green') return [100]
  return plan.strategy === 'shadow' ? [0] : []
}

/** The new version's share of the answers, in percent. */
export function weightOf(
  plan: Pick<RolloutPlan, 'strategy' | 'steps'>,
  at: Pick<RolloutPosition, 'state' | 'step'>,
): number {
  if (at.state === 'promoting' || at.state === 'done') return 100
  if (at.state !== 'baking' && at.state !== 'paused') return 0
  return stepsOf(plan)[at.step - 1] ?? 0
}

/** The state machine of project-file §8. Undefined: the event changes nothing here. */
export function next(plan: RolloutPlan, at: RolloutPosition, event: RolloutEvent): RolloutMove | undefined {
  switch (event.kind) {
    case 'loaded':
      return at.state === 'loading' ? afterLoading(plan, at) : undefined
    case 'load_failed':
      return at.state === 'loading'
        ? { ...at, state: 'failed', pausedBy: null, message: event.message, cause: 'load_failed' }
        : undefined
    case 'worse':
    case 'unhealthy':
      return at.state === 'baking' || at.state === 'paused' ? rollBack(at, event.kind, event.message) : undefined
    case 'tick':
      return at.state === 'baking' ? afterTick(plan, at, event) : undefined
    case 'pause':
      return at.state === 'loading' || at.state === 'baking'
        ? { ...at, state: 'paused', pausedBy: 'person', message: event.message, cause: null }
        : undefined
    case 'resume':
      return at.state === 'paused' ? afterResume(plan, at, event.message) : undefined
    case 'promote':
      // What is not loaded yet cannot take traffic.
      return ACTIVE.has(at.state) && at.step > 0 ? promote(at, event.message) : undefined
    case 'abort':
    case 'superseded':
      return ACTIVE.has(at.state) ? rollBack(at, event.kind, event.message) : undefined
    case 'drained':
      if (at.state === 'promoting')
        return { ...at, state: 'done', message: 'All traffic is on the new version.', cause: null }
      return at.state === 'rolling_back'
        ? { ...at, state: 'rolled_back', message: 'All traffic is on the old version.', cause: null }
        : undefined
  }
}

function afterLoading(plan: RolloutPlan, at: RolloutPosition): RolloutMove {
  if (at.isFirst || stepsOf(plan).length === 0)
    return promote({ ...at, step: 1 }, at.isFirst ? 'First version: nothing to compare with.' : 'All at once.')
  return { ...at, state: 'baking', step: 1, pausedBy: null, message: `Step 1: ${shareText(plan, 1)}.`, cause: null }
}

function afterTick(
  plan: RolloutPlan,
  at: RolloutPosition,
  tick: { elapsedMs: number; requests: number },
): RolloutMove | undefined {
  if (tick.elapsedMs < plan.bakeMs) return undefined
  const isEnough = tick.requests >= plan.minRequests
  if (!isEnough && tick.elapsedMs < plan.maxBakeMs) return undefined
  const seen = `${tick.requests} of ${plan.minRequests} requests`
  if (!isEnough && plan.onNotEnough === 'rollback')
    return rollBack(at, 'not_enough', `Only ${seen} within the longest bake.`)
  if (!isEnough && plan.onNotEnough === 'pause')
    return {
      ...at,
      state: 'paused',
      pausedBy: 'step_end',
      message: `Only ${seen} within the longest bake; a person decides.`,
      cause: 'not_enough',
    }
  if (plan.manual)
    return {
      ...at,
      state: 'paused',
      pausedBy: 'step_end',
      message: `Step ${at.step} is baked (${seen}); a person decides.`,
      cause: 'manual',
    }
  return forward(plan, at, `Step ${at.step} is baked with ${seen}`)
}

function afterResume(plan: RolloutPlan, at: RolloutPosition, message: string): RolloutMove {
  if (at.pausedBy === 'step_end') return forward(plan, at, message)
  if (at.step === 0) return { ...at, state: 'loading', pausedBy: null, message, cause: null }
  return { ...at, state: 'baking', pausedBy: null, message, cause: null }
}

function forward(plan: RolloutPlan, at: RolloutPosition, why: string): RolloutMove {
  const step = at.step + 1
  if (step > stepsOf(plan).length) return promote(at, `${why}; that was the last step.`)
  return {
    ...at,
    state: 'baking',
    step,
    pausedBy: null,
    message: `${why}; step ${step}: ${shareText(plan, step)}.`,
    cause: null,
  }
}

function promote(at: RolloutPosition, message: string): RolloutMove {
  return { ...at, state: 'promoting', pausedBy: null, message, cause: null }
}

function rollBack(at: RolloutPosition, cause: string, message: string): RolloutMove {
  return { ...at, state: 'rolling_back', pausedBy: null, message, cause }
}

function shareText(plan: RolloutPlan, step: number): string {
  const share = stepsOf(plan)[step - 1] ?? 0
  return share === 0 ? 'mirrored requests only' : `${share} % of the traffic`
}
