import type { LoopLink } from '@kiban/contract/loops'
import type { LoopSpec, Scope } from '@kiban/contract/project-file'
import type { FiringRow, LoopRow } from './loops.store.ts'

export type FiringTrigger = {
  readonly kind: string
  readonly monitor: string
  readonly signal: string
  readonly metric: string
  readonly value: number | null
  readonly windowStartAt: number
  readonly windowEndAt: number
  readonly windowId: string
  readonly reason: string
}

export function specOf(row: LoopRow): LoopSpec {
  return JSON.parse(row.spec_json) as LoopSpec // written by apply-loops.ts from a parsed project file
}

export function scopeOf(row: LoopRow): Scope {
  return JSON.parse(row.scope_json) as Scope // written by apply-loops.ts
}

export function triggerOf(row: FiringRow): FiringTrigger {
  return JSON.parse(row.trigger_json) as FiringTrigger // written by fire-loops.ts
}

export function linksOf(row: FiringRow): LoopLink[] {
  return JSON.parse(row.links_json) as LoopLink[] // written with loop-links.ts
}
