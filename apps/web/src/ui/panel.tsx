import type { UseQueryResult } from '@tanstack/react-query'
import { useEffect, useState, type ReactNode } from 'react'
import { ApiError } from '../lib/api.ts'
import { useT } from '../lib/i18n.tsx'
import { Icon } from './icon.tsx'
import { Status } from './status.tsx'

/**
 * Shows a reading's data, or its loading, failure or refusal, in the panel's own place; other panels go on. A failure of a refresh keeps
 * the old data in sight.
 */
export function Panel<T>({
  of,
  rows = 4,
  children,
}: {
  of: UseQueryResult<T, Error>
  rows?: number
  children: (data: T) => ReactNode
}): ReactNode {
  if (of.data !== undefined) return children(of.data)
  if (of.error !== null) return <Failure error={of.error} onRetry={() => void of.refetch()} />
  return <Skeleton rows={rows} />
}

const WIDTHS = ['92%', '78%', '85%', '61%', '70%']

/** Grey bars of the final size, after 150 ms. */
export function Skeleton({ rows }: { rows: number }): ReactNode {
  const t = useT()
  const [late, setLate] = useState(false)
  useEffect(() => {
    const timer = setTimeout(() => setLate(true), 150)
    return () => clearTimeout(timer)
  }, [])
  return (
    <div aria-busy="true" className="skeleton" style={{ visibility: late ? 'visible' : 'hidden' }}>
      <span className="sr">{t('panel.loading')}</span>
      {Array.from({ length: rows }, (_, row) => (
        <div key={row} className="sk" style={{ width: WIDTHS[row % WIDTHS.length] }} />
      ))}
    </div>
  )
}

/** A sentence, the code and request id, and Retry. A refusal says who can grant instead. */
export function Failure({ error, onRetry }: { error: Error; onRetry?: () => void }): ReactNode {
  const t = useT()
  const known = error instanceof ApiError ? error : null
  if (known?.status === 403) {
    const grantable = known.details['grantableBy']
    return (
      <div className="pn" role="status">
        <p className="st mute">
          <Icon name="lock" className="lk" />
          {known.message}
        </p>
        {Array.isArray(grantable) && <p className="m t13">{t('panel.grantable', { who: grantable.join(', ') })}</p>}
      </div>
    )
  }
  return (
    <div className="pn" role="alert">
      <p>
        <Status state="failed" label={known?.code === 'network' ? t('panel.network') : error.message} />
      </p>
      <p className="m t12 mono">
        {known?.code ?? error.name}
        {known?.requestId != null && ` · ${t('panel.request', { id: known.requestId })}`}
      </p>
      {onRetry !== undefined && (
        <p className="do">
          <button type="button" className="btn" onClick={onRetry}>
            <Icon name="retry" />
            {t('panel.retry')}
          </button>
        </p>
      )}
    </div>
  )
}

/** Nothing there yet: what this is, the command that makes one. */
export function Empty({
  title,
  body,
  command,
  action,
}: {
  title: string
  body: string
  command?: string
  action?: ReactNode
}): ReactNode {
  return (
    <div className="hero">
      <div>
        <h2>{title}</h2>
        <p>{body}</p>
        {action !== undefined && <div className="do">{action}</div>}
      </div>
      {command !== undefined && (
        <pre tabIndex={0}>
          <code>{command}</code>
        </pre>
      )}
    </div>
  )
}

/** A muted line for a list without entries inside a page that has other content. */
export function Nothing({ children }: { children: ReactNode }): ReactNode {
  return <p className="m t13">{children}</p>
}
