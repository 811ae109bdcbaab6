import { Link } from '@tanstack/react-router'
import type { ReactNode } from 'react'
import { useT } from '../../lib/i18n.tsx'
import { pathTo } from '../../lib/project.tsx'
import { useRead } from '../../lib/queries.ts'
import { Actor } from '../../ui/actor.tsx'
import { Nothing, Panel } from '../../ui/panel.tsx'
import { Ago } from '../../ui/time.tsx'
import { resourceText } from '../lineage/audit-page.tsx'

/** What happens inside of runs is on their pages. */
const NOISE = new Set([
  'run.create',
  'run.update',
  'run.end',
  'run.log',
  'experiment.create',
  'project.clock',
  'project.set_clock',
])

/** The newest changes of the project, as the audit log has them. */
export function Activity({ project }: { project: string }): ReactNode {
  const t = useT()
  const events = useRead('listAuditEvents', { project, limit: 60 })
  return (
    <Panel of={events} rows={6}>
      {(data) =>
        data.events.length === 0 ? (
          <Nothing>{t('overview.activity_none')}</Nothing>
        ) : (
          <>
            <ul className="act">
              {data.events
                .filter((event) => !NOISE.has(event.action))
                .slice(0, 8)
                .map((event) => (
                  <li key={event.id}>
                    <span className="m">
                      <Ago at={event.time} />
                    </span>
                    <span className="nowrap">
                      <Actor id={event.actor} /> <span className="m">{event.action}</span> {resourceText(event)}
                    </span>
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
