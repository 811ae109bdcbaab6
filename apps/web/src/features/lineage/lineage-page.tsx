import type { ReactNode } from 'react'
import { useT } from '../../lib/i18n.tsx'
import { useProject, useSearchPart, useTitle } from '../../lib/project.tsx'
import { LineageView, type NodeKind } from './lineage-view.tsx'

/** `/p/:project/lineage?kind=&id=`: the lineage of any object. */
export function LineagePage(): ReactNode {
  const t = useT()
  const project = useProject()
  const search = useSearchPart()
  useTitle(t('nav.lineage'))
  return (
    <>
      <h1>{t('nav.lineage')}</h1>
      <LineageView
        project={project}
        kind={(search['kind'] ?? 'model_version') as NodeKind /* the server refuses a kind it does not know */}
        id={search['id'] ?? ''}
      />
    </>
  )
}
