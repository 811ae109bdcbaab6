import { Link } from '@tanstack/react-router'
import type { ReactNode } from 'react'
import { useFormat } from '../../lib/format.ts'
import { useT } from '../../lib/i18n.tsx'
import { pathTo, useAddress, useProject, useTitle } from '../../lib/project.tsx'
import { useRead } from '../../lib/queries.ts'
import { Copy } from '../../ui/copy.tsx'
import { KeyValues, PageHead, Section } from '../../ui/layout.tsx'
import { Failure, Skeleton } from '../../ui/panel.tsx'
import { Status } from '../../ui/status.tsx'
import { LineageView } from './lineage-view.tsx'

/** One prediction: the answer, what was asked, and everything it comes from. */
export function PredictionPage(): ReactNode {
  const t = useT()
  const format = useFormat('UTC')
  const project = useProject()
  const id = useAddress('prediction')
  useTitle(`${id.slice(0, 16)}…`)
  const one = useRead('getPrediction', { project, prediction: id })
  if (one.error !== null && one.data === undefined)
    return <Failure error={one.error} onRetry={() => void one.refetch()} />
  if (one.data === undefined) return <Skeleton rows={8} />
  const it = one.data
  const output =
    it.output !== null && typeof it.output === 'object' && !Array.isArray(it.output)
      ? Object.entries(it.output)
      : [['output', it.output] as const]
  return (
    <>
      <PageHead
        title={`${t('prediction.title')} ${it.key ?? ''}`.trim()}
        status={<Status state={it.status === 'ok' ? 'succeeded' : it.status} />}
        meta={
          <>
            <span>
              <Link to={pathTo(project, 'endpoints', it.endpoint)}>{it.endpoint}</Link>{' '}
              <Link
                to={pathTo(project, 'models', it.version.model, 'versions', it.version.number)}
              >{`${it.version.model} v${it.version.number}`}</Link>
            </span>
            <span>{format.latency(it.latencyMs)}</span>
            <span>{`${t('prediction.event_time')} ${format.full(it.eventTime)}`}</span>
            <span>{`${t('prediction.received')} ${format.full(it.receivedAt)}`}</span>
            <span className="id">
              {it.id}
              <Copy text={it.id} />
            </span>
          </>
        }
      />
      <div className="cols" style={{ gridTemplateColumns: 'minmax(0, 1fr) minmax(0, 2fr)', gap: 40 }}>
        <Section title={t('prediction.output')}>
          <p className="huge">{format.number(it.prediction)}</p>
          <KeyValues
            rows={output.map(([name, value]) => [
              name,
              typeof value === 'number' ? format.number(value) : JSON.stringify(value),
            ])}
          />
        </Section>
        <Section title={t('prediction.features')}>
          <div className="columns3">
            <KeyValues
              rows={Object.entries(it.features).map(([name, value]) => [
                name,
                value === null ? '–' : typeof value === 'number' ? format.number(value) : String(value),
              ])}
            />
          </div>
        </Section>
      </div>
      <LineageView project={project} kind="prediction" id={it.id} compact />
    </>
  )
}
