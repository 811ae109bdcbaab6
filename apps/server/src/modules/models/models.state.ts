import type { ModelVersionState } from '@kiban/contract/models'

export type VersionEvent =
  | 'passed'
  | 'failed'
  | 'needs_approval'
  | 'approved'
  | 'refused'
  | 'promoted'
  | 'taken_back'
  | 'archived'

const NEXT: Readonly<Record<VersionEvent, Partial<Record<ModelVersionState, ModelVersionState>>>> = {
  passed: { pending: 'ready' },
  failed: { pending: 'refused' },
  needs_approval: { pending: 'awaiting_approval' },
  approved: { awaiting_approval: 'ready' },
  refused: { awaiting_approval: 'refused' },
  // An override promotes from any state that is not gone.
  promoted: {
    pending: 'released',
    ready: 'released',
    refused: 'released',
    awaiting_approval: 'released',
    rolled_back: 'released',
    released: 'released',
  },
  taken_back: { released: 'rolled_back', ready: 'rolled_back', rolled_back: 'rolled_back' },
  archived: {
    pending: 'archived',
    ready: 'archived',
    refused: 'archived',
    awaiting_approval: 'archived',
    released: 'archived',
    rolled_back: 'archived',
    archived: 'archived',
  },
}

/** The state after an event; undefined when the event has no meaning there. */
export function nextState(state: ModelVersionState, event: VersionEvent): ModelVersionState | undefined {
  return NEXT[event][state]
}
