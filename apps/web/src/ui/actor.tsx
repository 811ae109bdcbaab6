import { Link } from '@tanstack/react-router'
import type { ReactNode } from 'react'
import { useT } from '../lib/i18n.tsx'
import { pathTo, useProject } from '../lib/project.tsx'
import { useRead } from '../lib/queries.ts'

/** How an actor is called on the page: oneself is "you", a job leads to its page, all others by their id. */
export function useActorName(): (id: string) => string {
  const t = useT()
  const server = useRead('getServer', {})
  return (id) =>
    id === server.data?.actor.id
      ? t('common.you')
      : id === 'system'
        ? t('common.platform')
        : id.startsWith('job_')
          ? t('common.job', { id: id.slice(-6) })
          : id
}

/** Who did it: "by you", in the words of the language. */
export function By({ id }: { id: string }): ReactNode {
  const t = useT()
  const name = useActorName()
  return t('common.by', { name: name(id) })
}

/** Who it was, a job as a link. */
export function Actor({ id }: { id: string }): ReactNode {
  const name = useActorName()
  const project = useProject()
  return id.startsWith('job_') ? <Link to={pathTo(project, 'jobs', id)}>{name(id)}</Link> : name(id)
}
