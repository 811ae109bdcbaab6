import { Link } from '@tanstack/react-router'
import { useState, type ReactNode } from 'react'
import type { AnswerOf } from '../../lib/api.ts'
import { useFormat } from '../../lib/format.ts'
import { useT } from '../../lib/i18n.tsx'
import { pathTo, useAddress, useProject, useSearchPart, useTitle } from '../../lib/project.tsx'
import { useChange, useRead } from '../../lib/queries.ts'
import { ConfirmDialog } from '../../ui/confirm.tsx'
import { Copy } from '../../ui/copy.tsx'
import { Figures, PageHead, Section, Tabs } from '../../ui/layout.tsx'
import { Failure, Nothing, Panel, Skeleton } from '../../ui/panel.tsx'
import { Status } from '../../ui/status.tsx'
import { LiveCharts } from './live-charts.tsx'
import { PredictionsTable, RolloutsTable } from './endpoint-tables.tsx'
import { RolloutView } from './rollout-view.tsx'
import { Traffic } from './endpoints-page.tsx'
import { TryIt } from './try-it.tsx'

export type EndpointDetail = AnswerOf<'getEndpoint'>
const ACTIVE = new Set(['loading', 'baking', 'paused', 'promoting', 'rolling_back'])

/** One endpoint: live numbers, the roll-out with the rules that abort it, a console to call it, its log. */
export function EndpointPage(): ReactNode {
  const t = useT()
  const format = useFormat()
  const project = useProject()
  const name = useAddress('endpoint')
  const tab = useSearchPart()['tab'] ?? 'live'
  useTitle(name)
  const one = useRead('getEndpoint', { project, endpoint: name }, { refetchMs: 3_000 })
  const rollouts = useRead('listRollouts', { project, endpoint: name, limit: 1 })
  const pause = useChange('pauseRollout')
  const resume = useChange('resumeRollout')
  const promote = useChange('promoteRollout')
  const rollback = useChange('rollbackEndpoint')
  const [asking, setAsking] = useState(false)
  if (one.error !== null && one.data === undefined)
    return <Failure error={one.error} onRetry={() => void one.refetch()} />
  if (one.data === undefined) return <Skeleton rows={10} />
  const it = one.data
  const rollout = it.rollout ?? rollouts.data?.items[0] ?? null
  const active = rollout !== null && ACTIVE.has(rollout.state)
  const failed = pause.error ?? resume.error ?? promote.error ?? rollback.error
  const serving = it.traffic.filter((part) => part.weight > 0)
  const live = it.live
  // After a roll-back the version before already serves: there is nothing to go back from.
  const back = active || rollout?.state === 'done' ? (rollout?.from ?? null) : null
  return (
    <>
      <PageHead
        title={it.name}
        status={<Status state={it.state === 'ready' ? 'serving' : it.state} label={it.reason ?? undefined} />}
        sub={
          <div className="url">
            <span className="m t12">{METHOD}</span>
            <code>{new URL(it.urls.rest, document.baseURI).pathname}</code>
            <Copy text={new URL(it.urls.rest, document.baseURI).href} />
            <span className="m t13 links">
              {t('endpoint.versions')}{' '}
              {serving.map((part, index) => (
                <span key={part.version.id}>
                  {index > 0 && ', '}
                  <Link
                    to={pathTo(project, 'models', part.version.model, 'versions', part.version.number)}
                  >{`v${part.version.number}`}</Link>
                </span>
              ))}
            </span>
            <Traffic endpoint={it} />
          </div>
        }
        actions={
          <>
            {back !== null && (active || it.state === 'ready' || it.state === 'degraded') && (
              <button type="button" className="btn d" disabled={rollback.isPending} onClick={() => setAsking(true)}>
                {t('endpoint.rollback_to', { number: back.number })}
              </button>
            )}
            {active && rollout.state === 'paused' && (
              <button
                type="button"
                className="btn"
                disabled={resume.isPending}
                onClick={() => resume.mutate({ project, endpoint: name })}
              >
                {t('endpoint.resume')}
              </button>
            )}
            {active && rollout.state === 'baking' && (
              <button
                type="button"
                className="btn"
                disabled={pause.isPending}
                onClick={() => pause.mutate({ project, endpoint: name })}
              >
                {t('endpoint.pause')}
              </button>
            )}
            {active && (rollout.state === 'paused' || rollout.state === 'baking') && (
              <button
                type="button"
                className="btn"
                disabled={promote.isPending}
                onClick={() => promote.mutate({ project, endpoint: name })}
              >
                {t('endpoint.promote')}
              </button>
            )}
          </>
        }
      />
      {failed !== null && <Failure error={failed} />}
      {live !== null && (
        <Figures
          items={[
            {
              label: t('endpoint.requests'),
              value: format.number(live.requestsPerSecond),
              note: t('endpoint.total', { count: format.short(live.totalRequests) }),
            },
            { label: t('endpoint.p50'), ...latency(live.p50Ms) },
            { label: t('endpoint.p95'), ...latency(live.p95Ms) },
            { label: t('endpoint.p99'), ...latency(live.p99Ms) },
            {
              label: t('endpoint.errors'),
              value: format.percent(live.errorRate, 2),
              note: t('endpoint.in_window', { window: format.duration(live.windowMs) }),
            },
            { label: t('endpoint.fallbacks'), value: format.count(live.fallbacks) },
            { label: t('endpoint.in_flight'), value: format.count(live.inFlight) },
          ]}
        />
      )}
      <Tabs
        label={it.name}
        current={tab}
        items={[
          { id: 'live', label: t('endpoint.tab_live') },
          { id: 'predictions', label: t('endpoint.tab_predictions') },
          { id: 'rollouts', label: t('endpoint.tab_rollouts') },
          { id: 'openapi', label: t('endpoint.tab_openapi') },
        ]}
      />
      {tab === 'predictions' ? (
        <PredictionsTable project={project} endpoint={name} />
      ) : tab === 'rollouts' ? (
        <RolloutsTable project={project} endpoint={name} />
      ) : tab === 'openapi' ? (
        <Openapi project={project} endpoint={name} />
      ) : (
        <div className="cols" style={{ gridTemplateColumns: 'minmax(0, 736fr) minmax(0, 416fr)', gap: 32 }}>
          <div>
            {rollout === null ? (
              <Section title={t('endpoint.tab_rollouts')}>
                <Nothing>{t('endpoint.rollout_none')}</Nothing>
              </Section>
            ) : (
              <RolloutView project={project} rollout={rollout} active={active} />
            )}
            <LiveCharts project={project} endpoint={name} />
          </div>
          <div className="try">
            <TryIt project={project} endpoint={it} />
          </div>
        </div>
      )}
      {back !== null && (
        <ConfirmDialog
          opened={asking}
          title={t('endpoint.rollback_to', { number: back.number })}
          body={t('endpoint.confirm_rollback')}
          action={t('endpoint.rollback')}
          danger
          onClose={() => setAsking(false)}
          onConfirm={(reason) => rollback.mutate({ project, endpoint: name, ...(reason === '' ? {} : { reason }) })}
        />
      )}
    </>
  )
}

const METHOD = 'POST'

function latency(ms: number | null): { value: string; unit?: string } {
  if (ms === null) return { value: '–' }
  return ms >= 1000
    ? { value: (ms / 1000).toPrecision(3), unit: 's' }
    : { value: String(Number(ms.toPrecision(ms < 1 ? 2 : 3))), unit: 'ms' }
}

function Openapi({ project, endpoint }: { project: string; endpoint: string }): ReactNode {
  const t = useT()
  const openapi = useRead('getEndpointOpenapi', { project, endpoint })
  return (
    <Section title={t('endpoint.tab_openapi')}>
      <Panel of={openapi} rows={12}>
        {(data) => <pre tabIndex={0}>{JSON.stringify(data, null, 2)}</pre>}
      </Panel>
    </Section>
  )
}
