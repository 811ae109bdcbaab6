import { Link } from '@tanstack/react-router'
import type { ReactNode } from 'react'
import { useT } from '../../lib/i18n.tsx'
import { pathTo } from '../../lib/project.tsx'
import { useRead } from '../../lib/queries.ts'
import type { MessageKey } from '../../messages/index.ts'
import { Section } from '../../ui/layout.tsx'
import { Nothing } from '../../ui/panel.tsx'
import { Status } from '../../ui/status.tsx'
import { Ago, useNow } from '../../ui/time.tsx'

type Need = {
  readonly key: string
  readonly state: string
  readonly title: string
  readonly what: string
  readonly at: number
  readonly to: string
  readonly action: string
  readonly rank: number
}
const MOST = 6
const RECENT_MS = 7 * 86_400_000

/** What waits for a person: approvals, alerts, paused roll-outs, blocked data, failed runs; each with its reason and the way there. */
export function NeedsYou({ project }: { project: string }): ReactNode {
  const t = useT()
  const models = useRead('listModels', { project, limit: 50 })
  const alerts = useRead('listAlerts', { project, limit: 50 })
  const endpoints = useRead('listEndpoints', { project })
  const datasets = useRead('listDatasets', { project })
  const pipelines = useRead('listPipelines', { project })
  const now = useNow(60_000)
  const model = models.data?.items.toSorted((a, b) => b.updatedAt - a.updatedAt)[0]?.name ?? ''
  const newest = useRead('listModelVersions', { project, model, limit: 1 }, { enabled: model !== '' }).data?.items[0]
  const endpoint = endpoints.data?.items[0]?.name ?? ''
  const rollout = useRead('listRollouts', { project, endpoint, limit: 1 }, { enabled: endpoint !== '' }).data?.items[0]
  const needs: Need[] = [
    ...(models.data?.items ?? []).flatMap((model) =>
      model.waiting.map((number): Need => ({
        key: `approve ${model.name} ${number}`,
        state: 'awaiting_approval',
        title: t('overview.approval_title', { name: model.name, number }),
        what: t('version.if_approved_body', { number }),
        at: model.updatedAt,
        to: pathTo(project, 'models', model.name, 'versions', number),
        action: t('overview.review'),
        rank: 0,
      })),
    ),
    ...(endpoints.data?.items ?? []).flatMap((endpoint): Need[] => {
      const rollout = endpoint.rollout
      if (rollout?.state === 'paused')
        return [
          {
            key: `paused ${endpoint.name}`,
            state: 'paused',
            title: t('overview.paused_title', { endpoint: endpoint.name }),
            what: rollout.message,
            at: rollout.createdAt,
            to: pathTo(project, 'endpoints', endpoint.name),
            action: t('overview.review'),
            rank: 1,
          },
        ]
      if (endpoint.state === 'failed' || endpoint.state === 'degraded')
        return [
          {
            key: `endpoint ${endpoint.name}`,
            state: endpoint.state,
            title: endpoint.name,
            what: endpoint.reason ?? '',
            at: endpoint.updatedAt,
            to: pathTo(project, 'endpoints', endpoint.name),
            action: t('overview.open'),
            rank: 1,
          },
        ]
      return []
    }),
    ...(newest?.state === 'refused'
      ? [
          {
            key: `refused ${newest.id}`,
            state: 'refused',
            title: t('overview.refused_title', { name: newest.name, number: newest.number }),
            what: newest.stateReason,
            at: newest.createdAt,
            to: pathTo(project, 'models', newest.name, 'versions', newest.number),
            action: t('overview.look'),
            rank: 3,
          },
        ]
      : []),
    ...(rollout?.state === 'rolled_back' && now - (rollout.endedAt ?? 0) < RECENT_MS
      ? [
          {
            key: `back ${rollout.id}`,
            state: 'rolled_back',
            title: t('overview.rollback_title', { endpoint: rollout.endpoint, number: rollout.to.number }),
            what: rollout.message,
            at: rollout.endedAt ?? rollout.createdAt,
            to: pathTo(project, 'endpoints', rollout.endpoint),
            action: t('overview.look'),
            rank: 3,
          },
        ]
      : []),
    ...(alerts.data?.alerts ?? [])
      .filter((alert) => alert.state === 'open')
      .map((alert): Need => ({
        key: alert.id,
        state: alert.severity === 'error' ? 'firing' : 'warning',
        title: t('overview.alert_title', {
          monitor: alert.monitor,
          signal: `${t(`signal.${alert.signal}` as MessageKey)} ${alert.windowLabel}`,
        }),
        what: alert.reason,
        at: alert.lastSeenAt,
        to: pathTo(project, 'monitors', alert.monitor),
        action: t('overview.look'),
        rank: alert.severity === 'error' ? 1 : 4,
      })), // one message for each member of the contract's enum
    ...(datasets.data?.datasets ?? []).flatMap((dataset): Need[] =>
      dataset.latest?.state === 'blocked'
        ? [
            {
              key: `data ${dataset.name}`,
              state: 'blocked',
              title: t('overview.blocked_title', { name: dataset.name, number: dataset.latest.number }),
              what: dataset.latest.stateReason ?? '',
              at: dataset.latest.createdAt,
              to: pathTo(project, 'datasets', dataset.name),
              action: t('overview.look'),
              rank: 2,
            },
          ]
        : [],
    ),
    ...(pipelines.data?.pipelines ?? []).flatMap((pipeline): Need[] =>
      pipeline.lastRun?.state === 'failed'
        ? [
            {
              key: pipeline.lastRun.id,
              state: 'failed',
              title: t('overview.failed_title', { name: pipeline.lastRun.name }),
              what: pipeline.lastRun.message ?? '',
              at: pipeline.lastRun.endedAt ?? pipeline.lastRun.createdAt,
              to: pathTo(project, 'pipelines', pipeline.name, 'runs', pipeline.lastRun.id),
              action: t('overview.open'),
              rank: 2,
            },
          ]
        : [],
    ),
  ].sort((a, b) => a.rank - b.rank || b.at - a.at)
  return (
    <Section title={t('overview.needs')} note={needs.length > 0 && <span className="badc b t14">{needs.length}</span>}>
      {needs.length === 0 ? (
        <Nothing>{t('overview.needs_none')}</Nothing>
      ) : (
        <ul className="need">
          {needs.slice(0, MOST).map((need) => (
            <li key={need.key}>
              <Status state={need.state} bare />
              <p>
                <b className="b">{need.title}</b>
                <span className="m t13 block clip2">
                  {need.what} · <Ago at={need.at} />
                </span>
              </p>
              <span className="a">
                <Link className="btn" to={need.to} aria-label={`${need.action}: ${need.title}`}>
                  {need.action}
                </Link>
              </span>
            </li>
          ))}
        </ul>
      )}
    </Section>
  )
}
