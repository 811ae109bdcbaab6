import { Link } from '@tanstack/react-router'
import type { ReactNode } from 'react'
import { useT } from '../../lib/i18n.tsx'
import { pathTo } from '../../lib/project.tsx'
import { useRead } from '../../lib/queries.ts'
import { Nothing, Panel } from '../../ui/panel.tsx'
import { Ago } from '../../ui/time.tsx'

/** The newest changes of the project, as the audit log has them. */
export function Activity({ project }: { project: string }): ReactNode {
  const t = useT()
  const events = useRead('listAuditEvents', { project, limit: 12 })
  return (
    <Panel of={events} rows={6}>
      {(data) =>
        data.events.length === 0 ? (
          <Nothing>{t('overview.activity_none')}</Nothing>
        ) : (
          <>
            <ul className="act">
              {data.events.slice(0, 8).map((event) => (
                <li key={event.id}>
                  <span className="m">
                    <Ago at={event.time} />
                  </span>
                  <span className="nowrap">{`${event.actor} ${event.action} ${event.resource.kind.replaceAll('_', ' ')} ${event.resource.id}`}</span>
                </li>
              ))}
            </ul>
            <p className="t13">
              <Link to={pathTo(project, 'audit')}>{t('nav.audit')}</Link>
            </p>
          </>
        )
      }
    </Panel>
  )
}
