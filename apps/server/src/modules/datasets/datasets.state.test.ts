import { expect, test } from 'vitest'
import { stateAfterChecks } from './datasets.state.ts'
import type { Outcome } from './datasets.state.ts'

const outcome = (result: Outcome['result'], onFail: Outcome['onFail'], quarantined = false): Outcome => ({
  result,
  onFail,
  quarantined,
})

test.each([
  ['nothing broken', [outcome('holds', 'block')], 'usable'],
  ['a note changes nothing', [outcome('noted', 'warn')], 'usable'],
  ['a warning warns', [outcome('warns', 'warn')], 'warned'],
  ['a broken error blocks', [outcome('warns', 'warn'), outcome('broken', 'block')], 'blocked'],
  ['a rule that could not run blocks', [outcome('error', 'block')], 'blocked'],
  ['what was set aside does not block', [outcome('broken', 'quarantine', true)], 'quarantined'],
  ['what could not be set aside blocks', [outcome('broken', 'quarantine', false)], 'blocked'],
  ['an error that may pass warns', [outcome('broken', 'warn')], 'warned'],
  ['one block outweighs a quarantine', [outcome('broken', 'quarantine', true), outcome('broken', 'block')], 'blocked'],
] as const)('%s', (_what, outcomes, state) => {
  expect(stateAfterChecks(outcomes)).toBe(state)
})
