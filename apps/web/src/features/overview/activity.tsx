import { Link } from '@tanstack/react-router'
import type { ReactNode } from 'react'
import type { AnswerOf } from '../../lib/api.ts'
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

type Event = AnswerOf<'listAuditEvents'>['events'][number]

/** Events of the same actor, action and thing in a row count as one: a replay commits labels day by day. */
function grouped(events: readonly Event[]): { event: Event; count: number }[] {
  const groups: { event: Event; count: number; name: string }[] = []
  for (const event of events) {
    if (NOISE.has(event.action)) continue
    const name = `${event.actor} ${event.action} ${resourceText(event).replace(/ [v#]\d+$/, '')}`
    const same = groups.slice(-3).find((group) => group.name === name)
    if (same === undefined) groups.push({ event, count: 1, name })
    else same.count += 1
  }
  return groups
}

/** The newest changes of the project, as the audit log has them. */
export function Activity({ project }: { project: string }): ReactNode {
  const t = useT()
  const events = useRead('listAuditEvents', { project, limit: 400 })
  return (
    <Panel of={events} rows={6}>
      {(data) =>
        data.events.length === 0 ? (
          <Nothing>{t('overview.activity_none')}</Nothing>
        ) : (
          <>
            <ul className="act">
              {grouped(data.events)
                .slice(0, 8)
                .map(({ event, count }) => (
                  <li key={event.id}>
                    <span className="m">
                      <Ago at={event.time} />
                    </span>
                    <span className="nowrap">
                      <Actor id={event.actor} /> <span className="m">{event.action}</span> {resourceText(event)}
                      {count > 1 && <span className="m"> {t('overview.times', { count: count - 1 })}</span>}
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
