import { Popover } from '@mantine/core'
import { Link } from '@tanstack/react-router'
import { useState, type ReactNode } from 'react'
import { useT } from '../lib/i18n.tsx'
import { pathTo } from '../lib/project.tsx'
import { useChange, useRead } from '../lib/queries.ts'
import { Icon } from '../ui/icon.tsx'
import { Ago } from '../ui/time.tsx'

/** The bell: what happened and needs a look, newest first. */
export function Notifications({ project }: { project: string }): ReactNode {
  const t = useT()
  const [open, setOpen] = useState(false)
  const list = useRead('listNotifications', { project, limit: 20 })
  const acknowledge = useChange('acknowledgeNotification')
  const unread = list.data?.unread ?? 0
  return (
    <Popover opened={open} onChange={setOpen} position="bottom-end" width={380} trapFocus withRoles={false}>
      <Popover.Target>
        <button
          type="button"
          className="ib"
          aria-expanded={open}
          aria-label={unread === 0 ? t('app.notifications') : t('app.notifications_count', { count: unread })}
          onClick={() => setOpen(!open)}
        >
          <Icon name="bell" />
          {unread > 0 && <b />}
        </button>
      </Popover.Target>
      <Popover.Dropdown role="dialog" aria-label={t('app.notifications')}>
        <div className="sh">
          <h2>{t('app.notifications')}</h2>
          {unread > 0 && (
            <button
              type="button"
              className="btn q r"
              onClick={() => acknowledge.mutate({ project, notification: 'all' })}
            >
              {t('notifications.read_all')}
            </button>
          )}
        </div>
        {(list.data?.notifications.length ?? 0) === 0 && <p className="m t13">{t('notifications.none')}</p>}
        <ul className="lines">
          {list.data?.notifications.map((it) => (
            <li key={it.id}>
              <p className="t13">
                <Link
                  to={targetPath(project, it.target)}
                  onClick={() => setOpen(false)}
                  className={it.acknowledgedAt === null ? 'b' : undefined}
                >
                  {it.title}
                </Link>
              </p>
              <p className="m t12">
                {it.body} <Ago at={it.createdAt} />
              </p>
            </li>
          ))}
        </ul>
      </Popover.Dropdown>
    </Popover>
  )
}

/** The page of what a notification or search hit is about. */
export function targetPath(
  project: string,
  target: { readonly kind: string; readonly id: string; readonly name: string },
): string {
  switch (target.kind) {
    case 'monitor':
    case 'alert':
      return pathTo(project, 'monitors', target.name)
    case 'loop':
    case 'loop_run':
      return pathTo(project, 'monitors')
    case 'dataset':
      return pathTo(project, 'datasets', target.name)
    case 'model':
      return pathTo(project, 'models', target.name)
    case 'endpoint':
      return pathTo(project, 'endpoints', target.name)
    case 'experiment':
      return pathTo(project, 'experiments', target.name)
    case 'pipeline':
      return pathTo(project, 'pipelines', target.name)
    default:
      return `/go/${encodeURIComponent(target.id)}`
  }
}
