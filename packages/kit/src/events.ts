import type { PlatformEvent } from './context.ts'

export type SentEvent = PlatformEvent & { readonly seq: number }
type Listener = (event: SentEvent) => void

const KEPT = 2000

/** Events of this process, with the newest few kept so that a browser that lost its line can go on from `Last-Event-ID`. */
export type EventBus = {
  publish(event: PlatformEvent): void
  /** Calls `listener` with every later event; returns the way to stop. */
  subscribe(listener: Listener): () => void
  /** The kept events after `seq`; undefined when some of them are gone, so the caller must reload. */
  since(seq: number): readonly SentEvent[] | undefined
}

export function createEventBus(startSeq: number = Date.now()): EventBus {
  const listeners = new Set<Listener>()
  const kept: SentEvent[] = []
  let seq = startSeq
  return {
    publish: (event) => {
      const sent = { ...event, seq: ++seq }
      kept.push(sent)
      if (kept.length > KEPT) kept.shift()
      for (const listener of listeners) listener(sent)
    },
    subscribe: (listener) => {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
    since: (after) => {
      if (after === seq) return []
      if (after > seq || (kept[0]?.seq ?? seq + 1) > after + 1) return undefined
      return kept.filter((event) => event.seq > after)
    },
  }
}
