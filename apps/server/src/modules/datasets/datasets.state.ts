import type { CheckSummary, DatasetVersionState, OnFail } from '@kiban/contract/datasets'

/** What became of one rule: pure input of the state of a version. */
export type Outcome = {
  readonly result: 'holds' | 'broken' | 'warns' | 'noted' | 'error'
  readonly onFail: OnFail
  readonly quarantined: boolean
}

/** The state of a version whose contract has run. An error that neither was set aside nor may pass blocks it. */
export function stateAfterChecks(outcomes: readonly Outcome[]): DatasetVersionState {
  if (outcomes.some(blocks)) return 'blocked'
  if (outcomes.some((outcome) => outcome.quarantined)) return 'quarantined'
  if (
    outcomes.some((outcome) => outcome.result === 'broken' || outcome.result === 'warns' || outcome.result === 'error')
  )
    return 'warned'
  return 'usable'
}

/** Whether this rule alone keeps the version from being used. */
export function blocks(outcome: Outcome): boolean {
  return (
    (outcome.result === 'broken' || outcome.result === 'error') && outcome.onFail !== 'warn' && !outcome.quarantined
  )
}

export function summarize(outcomes: readonly Outcome[]): CheckSummary {
  const count = (...results: Outcome['result'][]) =>
    outcomes.filter((outcome) => results.includes(outcome.result)).length
  return { rules: outcomes.length, broken: count('broken', 'error'), warned: count('warns'), noted: count('noted') }
}
