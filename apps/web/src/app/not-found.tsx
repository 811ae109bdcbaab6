import { Link, useRouterState } from '@tanstack/react-router'
import type { ReactNode } from 'react'
import { useT } from '../lib/i18n.tsx'

/** An address without a page. */
export function NotFound(): ReactNode {
  const t = useT()
  const path = useRouterState({ select: (state) => state.location.pathname })
  return (
    <div className="hero">
      <div>
        <h1>{t('app.not_found')}</h1>
        <p>{t('app.not_found_body', { path })}</p>
        <div className="do">
          <Link to="/" className="btn">
            {t('app.home')}
          </Link>
        </div>
      </div>
    </div>
  )
}
