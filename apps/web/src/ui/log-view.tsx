import { useVirtualizer } from '@tanstack/react-virtual'
import { useEffect, useMemo, useRef, useState, type ReactNode } from 'react'
import { addressOf, call } from '../lib/api.ts'
import { useFormat } from '../lib/format.ts'
import { useT } from '../lib/i18n.tsx'
import { Icon } from './icon.tsx'

type Piece = { readonly lines: readonly string[]; readonly nextOffset: number; readonly ended: boolean }
type Reader = (offset: number, signal: AbortSignal) => Promise<Piece>

const POLL_MS = 1_000
const PIECE_LINES = 5_000
const ERROR_LINE = /^\s*(Traceback|\w*(Error|Exception|Refused|Failure)\b.*:|error[: ]|fatal[: ]|REFUSE)/i
// oxlint-disable-next-line no-control-regex -- terminal colours are control sequences
const COLOURS = /\u001b\[[0-9;]*m/g

/** The lines of a log, read on while it grows. `key` names what is read: another key starts anew. */
function useLog(key: string, read: Reader): { lines: readonly string[]; ended: boolean } {
  const [state, setState] = useState<{ key: string; lines: string[]; ended: boolean }>({ key, lines: [], ended: false })
  const reader = useRef(read)
  useEffect(() => {
    reader.current = read
  })
  useEffect(() => {
    const abort = new AbortController()
    let offset = 0
    let timer: ReturnType<typeof setTimeout> | undefined
    const step = async () => {
      try {
        const from = offset
        const piece = await reader.current(offset, abort.signal)
        if (abort.signal.aborted) return
        const moved = piece.nextOffset > offset
        offset = piece.nextOffset
        if (piece.lines.length > 0 || piece.ended)
          setState((was) => ({
            key,
            lines: was.key === key && from > 0 ? [...was.lines, ...piece.lines] : [...piece.lines],
            ended: piece.ended,
          }))
        if (!piece.ended) timer = setTimeout(() => void step(), moved ? 50 : document.hidden ? 5 * POLL_MS : POLL_MS)
      } catch {
        if (!abort.signal.aborted) timer = setTimeout(() => void step(), 5 * POLL_MS)
      }
    }
    void step()
    return () => {
      abort.abort()
      clearTimeout(timer)
    }
  }, [key])
  return state.key === key ? state : { lines: [], ended: false }
}

/** A job's log: live, searched, with the first error one click away. Any number of lines stays smooth. */
export function JobLog({
  project,
  job,
  attempt,
  title,
  height = 220,
  extra,
}: {
  project: string
  job: string
  attempt?: number | undefined
  title?: ReactNode
  height?: number
  extra?: ReactNode
}): ReactNode {
  const log = useLog(`${project} ${job} ${attempt ?? ''}`, (offset, signal) =>
    call(
      'getJobLog',
      { project, id: job, offset, limit: PIECE_LINES, ...(attempt === undefined ? {} : { attempt }) },
      signal,
    ),
  )
  return (
    <LogView
      lines={log.lines}
      ended={log.ended}
      height={height}
      title={title}
      extra={extra}
      download={addressOf('downloadJobLog', { project, id: job, ...(attempt === undefined ? {} : { attempt }) })}
    />
  )
}

/** The build log of an environment. */
export function EnvironmentLog({
  project,
  environment,
  height = 320,
}: {
  project: string
  environment: string
  height?: number
}): ReactNode {
  const log = useLog(`${project} ${environment}`, (offset, signal) =>
    call('getEnvironmentLog', { project, id: environment, offset, limit: PIECE_LINES }, signal),
  )
  return <LogView lines={log.lines} ended={log.ended} height={height} />
}

/** Lines in a virtual list with search and the way to the first error. */
export function LogView({
  lines,
  ended = false,
  height,
  title,
  extra,
  download,
}: {
  lines: readonly string[]
  ended?: boolean
  height: number
  title?: ReactNode
  extra?: ReactNode
  download?: string
}): ReactNode {
  const t = useT()
  const format = useFormat()
  const box = useRef<HTMLDivElement>(null)
  const [query, setQuery] = useState('')
  const shown = useMemo(() => {
    const words = query.toLowerCase()
    return lines
      .map((line, index) => ({ number: index + 1, text: line.replace(COLOURS, '') }))
      .filter((line) => words === '' || line.text.toLowerCase().includes(words))
  }, [lines, query])
  const firstError = useMemo(() => shown.findIndex((line) => ERROR_LINE.test(line.text)), [shown])
  const virtual = useVirtualizer({
    count: shown.length,
    getScrollElement: () => box.current,
    estimateSize: () => 20,
    overscan: 20,
  })
  const atEnd = useRef(true)
  useEffect(() => {
    if (atEnd.current && shown.length > 0) virtual.scrollToIndex(shown.length - 1)
  }, [shown.length, virtual])
  return (
    <>
      <div className="bar0">
        {title}
        <span className="m t12">{t('log.lines', { count: lines.length })}</span>
        <span className="r">
          <input
            className="in"
            type="search"
            aria-label={t('log.search')}
            placeholder={t('log.search')}
            value={query}
            onChange={(event) => setQuery(event.currentTarget.value)}
          />
          <button
            type="button"
            className="btn"
            disabled={firstError < 0}
            onClick={() => virtual.scrollToIndex(firstError, { align: 'center' })}
          >
            {t('log.first_error')}
          </button>
          {download !== undefined && (
            <a className="btn" href={download} download>
              <Icon name="download" />
              {t('common.download')}
            </a>
          )}
          {extra}
        </span>
      </div>
      {lines.length === 0 ? (
        <p className="m t13 pad0">{ended ? t('log.none') : t('log.empty')}</p>
      ) : (
        <div
          ref={box}
          className="log"
          style={{ height: Math.min(height, Math.max(40, shown.length * 20 + 8)) }}
          tabIndex={0}
          role="log"
          aria-label={t('log.title')}
          onScroll={(event) => {
            const it = event.currentTarget
            atEnd.current = it.scrollHeight - it.scrollTop - it.clientHeight < 24
          }}
        >
          <div style={{ height: virtual.getTotalSize(), position: 'relative' }}>
            {virtual.getVirtualItems().map((item) => {
              const line = shown[item.index]!
              return (
                <div
                  key={item.key}
                  className={ERROR_LINE.test(line.text) ? 'ln0 hit' : 'ln0'}
                  style={{
                    position: 'absolute',
                    top: 0,
                    left: 0,
                    right: 0,
                    transform: `translateY(${item.start}px)`,
                    height: 20,
                  }}
                >
                  <span className="no0">{format.count(line.number)}</span>
                  <span>{line.text}</span>
                </div>
              )
            })}
          </div>
        </div>
      )}
    </>
  )
}
