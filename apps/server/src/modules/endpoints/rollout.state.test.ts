import { describe, expect, test } from 'vitest'
import { next, stepsOf, weightOf } from './rollout.state.ts'
import type { RolloutEvent, RolloutPlan, RolloutPosition } from './rollout.state.ts'

const plan: RolloutPlan = {
  strategy: 'canary',
  steps: [10, 50, 100],
  bakeMs: 600_000,
  maxBakeMs: 3_600_000,
  minRequests: 200,
  onNotEnough: 'pause',
  manual: false,
}
const at = (state: RolloutPosition['state'], step = 1, more: Partial<RolloutPosition> = {}): RolloutPosition => ({
  state,
  step,
  pausedBy: null,
  isFirst: false,
  ...more,
})
const tick = (minutes: number, requests: number): RolloutEvent => ({
  kind: 'tick',
  elapsedMs: minutes * 60_000,
  requests,
})
const say = (kind: 'pause' | 'resume' | 'promote' | 'abort'): RolloutEvent => ({ kind, message: 'asked' })

const MOVES: [string, RolloutPlan, RolloutPosition, RolloutEvent, string | undefined][] = [
  ['a warm version begins to bake at the first step', plan, at('loading', 0), { kind: 'loaded' }, 'baking 1'],
  [
    'all at once goes straight to all traffic',
    { ...plan, strategy: 'all_at_once' },
    at('loading', 0),
    { kind: 'loaded' },
    'promoting 1',
  ],
  [
    'the first version of an endpoint has nothing to be compared with',
    plan,
    at('loading', 0, { isFirst: true }),
    { kind: 'loaded' },
    'promoting 1',
  ],
  [
    'a version that cannot be loaded fails the roll-out',
    plan,
    at('loading', 0),
    { kind: 'load_failed', message: 'x' },
    'failed 0',
  ],
  ['a step bakes its time', plan, at('baking'), tick(9, 5000), undefined],
  ['with time and requests the next step comes', plan, at('baking'), tick(10, 200), 'baking 2'],
  ['after the last step it is promoted', plan, at('baking', 3), tick(10, 200), 'promoting 3'],
  ['with too few requests it bakes on', plan, at('baking'), tick(59, 199), undefined],
  ['too few requests within the longest bake: pause', plan, at('baking'), tick(60, 199), 'paused 1'],
  [
    'too few requests within the longest bake: go on',
    { ...plan, onNotEnough: 'promote' },
    at('baking'),
    tick(60, 0),
    'baking 2',
  ],
  [
    'too few requests within the longest bake: back',
    { ...plan, onNotEnough: 'rollback' },
    at('baking'),
    tick(60, 0),
    'rolling_back 1',
  ],
  [
    'a manual roll-out waits for a person after each step',
    { ...plan, manual: true },
    at('baking'),
    tick(10, 200),
    'paused 1',
  ],
  [
    'resuming a step that a person stopped goes on with it',
    plan,
    at('paused', 2, { pausedBy: 'person' }),
    say('resume'),
    'baking 2',
  ],
  [
    'resuming at the end of a step takes the next',
    plan,
    at('paused', 1, { pausedBy: 'step_end' }),
    say('resume'),
    'baking 2',
  ],
  [
    'resuming at the end of the last step promotes',
    plan,
    at('paused', 3, { pausedBy: 'step_end' }),
    say('resume'),
    'promoting 3',
  ],
  ['a pause while loading goes on loading', plan, at('paused', 0, { pausedBy: 'person' }), say('resume'), 'loading 0'],
  ['worse goes back', plan, at('baking', 2), { kind: 'worse', message: 'x' }, 'rolling_back 2'],
  [
    'worse goes back from a pause too',
    plan,
    at('paused', 2, { pausedBy: 'person' }),
    { kind: 'worse', message: 'x' },
    'rolling_back 2',
  ],
  ['unhealthy goes back', plan, at('baking'), { kind: 'unhealthy', message: 'x' }, 'rolling_back 1'],
  ['pause', plan, at('baking', 2), say('pause'), 'paused 2'],
  ['promote at once', plan, at('baking'), say('promote'), 'promoting 1'],
  ['what is not loaded is not promoted', plan, at('loading', 0), say('promote'), undefined],
  ['abort', plan, at('paused', 2, { pausedBy: 'person' }), say('abort'), 'rolling_back 2'],
  ['a newer target takes its place', plan, at('baking', 2), { kind: 'superseded', message: 'x' }, 'rolling_back 2'],
  ['promoted and drained is done', plan, at('promoting', 3), { kind: 'drained' }, 'done 3'],
  ['rolled back and drained is rolled back', plan, at('rolling_back', 2), { kind: 'drained' }, 'rolled_back 2'],
  ['a paused roll-out does not age', plan, at('paused', 1, { pausedBy: 'person' }), tick(100, 5000), undefined],
  ['once going back, nothing changes its mind', plan, at('rolling_back', 2), say('promote'), undefined],
  ['once promoting, worse comes too late', plan, at('promoting', 3), { kind: 'worse', message: 'x' }, undefined],
]

describe('the state machine of a roll-out', () => {
  test.each(MOVES)('%s', (_, planned, position, event, expected) => {
    const move = next(planned, position, event)
    expect(move && `${move.state} ${move.step}`).toBe(expected)
  })

  test('no event leaves an ended roll-out', () => {
    const events: RolloutEvent[] = [
      { kind: 'loaded' },
      { kind: 'load_failed', message: '' },
      { kind: 'worse', message: '' },
      { kind: 'drained' },
      tick(1000, 1e6),
      say('pause'),
      say('resume'),
      say('promote'),
      say('abort'),
      { kind: 'superseded', message: '' },
    ]
    for (const state of ['done', 'rolled_back', 'failed'] as const)
      for (const event of events) expect(next(plan, at(state, 2), event)).toBeUndefined()
  })
})

describe('steps and weights', () => {
  test('each strategy takes its own steps', () => {
    expect(stepsOf(plan)).toEqual([10, 50, 100])
    expect(stepsOf({ ...plan, strategy: 'blue_green' })).toEqual([100])
    expect(stepsOf({ ...plan, strategy: 'shadow' })).toEqual([0])
    expect(stepsOf({ ...plan, strategy: 'all_at_once' })).toEqual([])
  })

  test('the share is the step while baking and paused, all once promoting, none once going back', () => {
    expect(weightOf(plan, at('baking', 2))).toBe(50)
    expect(weightOf(plan, at('paused', 2))).toBe(50)
    expect(weightOf(plan, at('promoting', 2))).toBe(100)
    expect(weightOf(plan, at('rolling_back', 2))).toBe(0)
    expect(weightOf({ ...plan, strategy: 'shadow' }, at('baking', 1))).toBe(0)
  })
})
