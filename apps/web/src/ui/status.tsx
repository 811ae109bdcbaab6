import type { ReactNode } from 'react'
import { useT, type Translate } from '../lib/i18n.tsx'
import type { MessageKey } from '../messages/index.ts'

const GLYPHS = {
  archived: <path d="M2 4h10M3 4v7h8V4M5.500 6.500h3" />,
  awaiting: <path d="M7 1.500 12.500 7 7 12.500 1.500 7z" />,
  cached: <path d="M2 4c5 0 5 6 10 6M9.500 7.700 12 10l-2.500 2.300" />,
  cancelled: (
    <>
      <circle cx="7" cy="7" r="5" />
      <path d="M3.500 10.500l7-7" />
    </>
  ),
  degraded: <path d="M7 2 13 12H1z" fill="currentColor" stroke="none" />,
  failed: <path d="M3 3l8 8M11 3l-8 8" />,
  info: (
    <>
      <circle cx="7" cy="7" r="5" />
      <path d="M7 6.500V10M7 4.200v.1" />
    </>
  ),
  ok: <path d="M2.500 7.500l3 3 6-7" />,
  paused: <path d="M5 3v8M9 3v8" />,
  preparing: <circle cx="7" cy="7" r="5" strokeDasharray="2.200 2" />,
  queued: (
    <>
      <circle cx="7" cy="7" r="5" />
      <path d="M7 4.300V7l1.800 1.200" />
    </>
  ),
  rollback: <path d="M2.500 7a4.500 4.500 0 1 0 1.400-3.200M2.500 2v2.600H5" />,
  running: <path d="M4 2.500v9L11.500 7z" fill="currentColor" />,
  skipped: <path d="M3 7h8" />,
  unknown: <path d="M4.800 4.800a2.200 2.200 0 1 1 3.100 2c-.6.300-.9.700-.9 1.400M7 11v.1" />,
} as const

type Glyph = keyof typeof GLYPHS
export type Tone = 'ok' | 'warn' | 'bad' | 'info' | 'mute'

const STATES = {
  abort: ['failed', 'bad'],
  acknowledged: ['info', 'mute'],
  active: ['running', 'info'],
  approving: ['awaiting', 'info'],
  archived: ['archived', 'mute'],
  awaiting_approval: ['awaiting', 'info'],
  baking: ['running', 'info'],
  blocked: ['failed', 'bad'],
  broken: ['failed', 'bad'],
  building: ['preparing', 'info'],
  cached: ['cached', 'mute'],
  cancelled: ['cancelled', 'mute'],
  cancelling: ['cancelled', 'mute'],
  checking: ['preparing', 'info'],
  computing: ['preparing', 'info'],
  degraded: ['degraded', 'warn'],
  done: ['ok', 'ok'],
  draining: ['preparing', 'mute'],
  empty: ['skipped', 'mute'],
  error: ['failed', 'bad'],
  fail: ['failed', 'bad'],
  failed: ['failed', 'bad'],
  fallback: ['degraded', 'warn'],
  finished: ['ok', 'ok'],
  firing: ['failed', 'bad'],
  holds: ['ok', 'ok'],
  kept: ['ok', 'ok'],
  killed: ['cancelled', 'mute'],
  loading: ['preparing', 'info'],
  no_data: ['unknown', 'mute'],
  no_limit: ['info', 'mute'],
  not_applicable: ['skipped', 'mute'],
  not_enough: ['queued', 'mute'],
  noted: ['info', 'mute'],
  ok: ['ok', 'ok'],
  open: ['degraded', 'warn'],
  passed: ['ok', 'ok'],
  paused: ['paused', 'mute'],
  pending: ['queued', 'mute'],
  preparing: ['preparing', 'info'],
  promoting: ['running', 'info'],
  quarantined: ['degraded', 'warn'],
  queued: ['queued', 'mute'],
  ready: ['ok', 'ok'],
  refused: ['failed', 'bad'],
  released: ['ok', 'ok'],
  resolved: ['ok', 'ok'],
  rolled_back: ['rollback', 'warn'],
  rolling_back: ['rollback', 'warn'],
  rolling_out: ['running', 'info'],
  running: ['running', 'info'],
  scheduled: ['queued', 'mute'],
  serving: ['running', 'info'],
  shadow: ['info', 'mute'],
  skipped: ['skipped', 'mute'],
  starting: ['preparing', 'info'],
  stopped: ['cancelled', 'mute'],
  succeeded: ['ok', 'ok'],
  superseded: ['skipped', 'mute'],
  suppressed: ['skipped', 'mute'],
  training: ['running', 'info'],
  unspecified: ['unknown', 'mute'],
  upstream_failed: ['skipped', 'mute'],
  usable: ['ok', 'ok'],
  waiting: ['queued', 'mute'],
  warn: ['degraded', 'warn'],
  warned: ['degraded', 'warn'],
  warning: ['degraded', 'warn'],
  warns: ['degraded', 'warn'],
  watching: ['running', 'info'],
  worse: ['failed', 'bad'],
} as const satisfies Record<string, readonly [Glyph, Tone]>

/** Every state that any noun can be in. */
export type StateName = keyof typeof STATES

type StatusProps = {
  readonly state: string
  /** Says more than the state's own word: "awaiting approval for 12 min". */
  readonly label?: string | undefined
  /** The icon alone, its word for screen readers. */
  readonly bare?: boolean
}

/** A state: icon, word and colour together. Unknown states are shown as they are named, with a question mark. */
export function Status({ state, label, bare = false }: StatusProps): ReactNode {
  const t = useT()
  const known = STATES[state as StateName] as readonly [Glyph, Tone] | undefined
  const [glyph, tone] = known ?? (['unknown', 'mute'] as const)
  const word = label ?? stateWord(t, state)
  return (
    <span className={`st ${tone}`}>
      <StatusGlyph state={state} glyph={glyph} />
      {bare ? <span className="sr">{word}</span> : word}
    </span>
  )
}

/** The word of a state; a state without one is named as it is. */
export function stateWord(t: Translate, state: string): string {
  return state in STATES ? t(`state.${state}` as MessageKey) : state // a message exists for each key of STATES: i18n.test.ts
}

/** The icon of a state alone, for drawings that say the word elsewhere. */
export function StatusGlyph({ state, glyph }: { state: string; glyph?: Glyph }): ReactNode {
  const name = glyph ?? (STATES[state as StateName] ?? ['unknown'])[0]
  return (
    <svg viewBox="0 0 14 14" aria-hidden="true">
      {GLYPHS[name]}
    </svg>
  )
}

/** The names of all states; each needs a message `state.<name>`. */
export const STATE_NAMES = Object.keys(STATES)
