import { useQueryClient } from '@tanstack/react-query'
import { createContext, use, useEffect, useState, type ReactNode } from 'react'

/** `live`: the stream is open. `asOf`: since when nothing has come, for "not live, as of 14:02". */
export type Liveness = { readonly live: boolean; readonly asOf: number | null; readonly reconnect: () => void }

const LivenessContext = createContext<Liveness>({ live: false, asOf: null, reconnect: () => undefined })

const POLL_MS = 15_000
const REFRESH_MS = 1_000

/**
 * Opens one stream of server events for the project and asks anew for what is on the page when something changed: at most once a
 * second, never while the tab is hidden. Without a stream it polls every 15 s. The browser sends Last-Event-ID by itself.
 */
export function EventsProvider({ project, children }: { project: string | null; children: ReactNode }): ReactNode {
  const client = useQueryClient()
  const [state, setState] = useState<{ live: boolean; asOf: number | null }>({ live: false, asOf: null })
  const [round, setRound] = useState(0)

  useEffect(() => {
    let timer: ReturnType<typeof setTimeout> | undefined
    let dirty = false
    const refresh = () => {
      if (document.hidden) {
        dirty = true
        return
      }
      timer ??= setTimeout(() => {
        timer = undefined
        void client.invalidateQueries({ refetchType: 'active' })
      }, REFRESH_MS)
    }
    const onVisible = () => {
      if (document.hidden || !dirty) return
      dirty = false
      refresh()
    }
    const topic = project === null ? 'projects' : `projects/${project}`
    const source = new EventSource(new URL(`api/v1/events?topics=${encodeURIComponent(topic)}`, document.baseURI))
    source.addEventListener('open', () => setState({ live: true, asOf: null }))
    source.addEventListener('message', refresh)
    source.addEventListener('change', refresh)
    source.addEventListener('error', () =>
      setState((was) => (was.live || was.asOf === null ? { live: false, asOf: Date.now() } : was)),
    )
    const poll = setInterval(() => {
      if (source.readyState !== EventSource.OPEN) refresh()
    }, POLL_MS)
    document.addEventListener('visibilitychange', onVisible)
    return () => {
      source.close()
      clearInterval(poll)
      clearTimeout(timer)
      document.removeEventListener('visibilitychange', onVisible)
    }
  }, [client, project, round])

  return <LivenessContext value={{ ...state, reconnect: () => setRound((it) => it + 1) }}>{children}</LivenessContext>
}

/** Whether the page is live. */
export function useLiveness(): Liveness {
  return use(LivenessContext)
}
