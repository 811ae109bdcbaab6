import { useNavigate } from '@tanstack/react-router'
import { useEffect, type ReactNode } from 'react'
import { NotFound } from '../../app/not-found.tsx'
import { targetPath } from '../../app/notifications.tsx'
import { useAddress } from '../../lib/project.tsx'
import { useRead } from '../../lib/queries.ts'
import { Failure, Skeleton } from '../../ui/panel.tsx'

/** `/go/:anyId`: looks an id up and goes to its page. */
export function Go(): ReactNode {
  const id = useAddress('id')
  const navigate = useNavigate()
  const found = useRead('search', { q: id })
  const hit = found.data?.hits.find((it) => it.id === id) ?? found.data?.hits[0]
  useEffect(() => {
    if (hit === undefined) return
    const fallback = targetPath(hit.project, hit)
    void navigate({ to: hit.path.startsWith('/') ? hit.path : fallback, replace: true })
  }, [hit, navigate])
  if (found.error !== null) return <Failure error={found.error} onRetry={() => void found.refetch()} />
  return found.data !== undefined && hit === undefined ? <NotFound /> : <Skeleton rows={3} />
}
