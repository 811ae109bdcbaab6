import { useEffect, useState, type ReactNode } from 'react'
import { useFormat } from '../lib/format.ts'

/** An instant: relative below 24 hours, else absolute; both and UTC on hover. */
export function Ago({ at }: { at: number | null | undefined }): ReactNode {
  const format = useFormat()
  const now = useNow(30_000)
  if (at === null || at === undefined) return '–'
  return (
    <time dateTime={new Date(at).toISOString()} title={`${format.full(at)} · ${new Date(at).toISOString()}`}>
      {format.ago(at, now)}
    </time>
  )
}

/** An instant, always absolute. */
export function At({ at }: { at: number | null | undefined }): ReactNode {
  const format = useFormat()
  if (at === null || at === undefined) return '–'
  return (
    <time dateTime={new Date(at).toISOString()} title={`${format.full(at)} · ${new Date(at).toISOString()}`}>
      {format.time(at)}
    </time>
  )
}

/** How long something took, or has taken so far. */
export function Took({ from, to }: { from: number | null; to: number | null }): ReactNode {
  const format = useFormat()
  const now = useNow(from !== null && to === null ? 1_000 : 3_600_000)
  if (from === null) return '–'
  return format.duration((to ?? now) - from)
}

/** The wall clock, refreshed every so often. */
export function useNow(everyMs: number): number {
  const [now, setNow] = useState(() => Date.now())
  useEffect(() => {
    const timer = setInterval(() => {
      if (!document.hidden) setNow(Date.now())
    }, everyMs)
    return () => clearInterval(timer)
  }, [everyMs])
  return now
}
