import { useState, type ReactNode } from 'react'
import { useFormat } from '../../lib/format.ts'
import { useT } from '../../lib/i18n.tsx'
import { useProject, useTitle } from '../../lib/project.tsx'
import { useRead } from '../../lib/queries.ts'
import { Icon } from '../../ui/icon.tsx'
import { PageHead, Section } from '../../ui/layout.tsx'
import { Empty, Failure, Skeleton } from '../../ui/panel.tsx'
import { LoopStrip } from '../monitors/loop-strip.tsx'
import { StartDialog } from '../pipelines/start-dialog.tsx'
import { Activity } from './activity.tsx'
import { NeedsYou } from './needs-you.tsx'
import { StageLines } from './stage-lines.tsx'
import { TimeLanes } from './time-lanes.tsx'

/** The project's home: is it healthy, what needs me, where is each model between data and production. */
export function Overview(): ReactNode {
  const t = useT()
  const format = useFormat()
  const name = useProject()
  const [starting, setStarting] = useState(false)
  useTitle(t('nav.overview'))
  const project = useRead('getProject', { project: name })
  const datasets = useRead('listDatasets', { project: name })
  const pipelines = useRead('listPipelines', { project: name })
  const models = useRead('listModels', { project: name, limit: 20 })
  const loops = useRead('listLoops', { project: name })
  if (project.error !== null && project.data === undefined)
    return <Failure error={project.error} onRetry={() => void project.refetch()} />
  if (project.data === undefined) return <Skeleton rows={10} />
  const it = project.data
  const first = pipelines.data?.pipelines.find((pipeline) => pipeline.archivedAt === null)
  const empty =
    datasets.data?.datasets.length === 0 && pipelines.data?.pipelines.length === 0 && models.data?.items.length === 0
  return (
    <>
      <PageHead
        title={it.title || it.name}
        meta={
          it.description !== '' ? (
            <span className="desc0">{it.description}</span>
          ) : (
            <span>{`${t('home.revision')} ${format.count(it.revision)}`}</span>
          )
        }
        actions={
          first !== undefined && (
            <button type="button" className="btn" onClick={() => setStarting(true)}>
              <Icon name="plus" />
              {t('pipeline.run')}
            </button>
          )
        }
      />
      {empty ? (
        <Empty title={t('overview.empty_title')} body={t('overview.empty_body')} command="kiban apply" />
      ) : (
        <>
          <NeedsYou project={name} />
          {models.data?.items.map((model) => (
            <StageLines key={model.id} project={name} model={model.name} />
          ))}
          <TimeLanes project={name} clock={it.clock} />
          <div className="cols" style={{ gridTemplateColumns: 'minmax(0, 1fr) minmax(0, 1.3fr)', gap: 40 }}>
            <Section title={t('overview.activity')}>
              <Activity project={name} />
            </Section>
            <div>
              {loops.data?.loops.map((loop) => (
                <LoopStrip key={loop.id} project={name} loop={loop} />
              ))}
            </div>
          </div>
        </>
      )}
      {first !== undefined && (
        <StartDialog project={name} pipeline={first} opened={starting} onClose={() => setStarting(false)} />
      )}
    </>
  )
}
