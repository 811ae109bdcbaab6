import { Link } from '@tanstack/react-router'
import { useMemo, type ReactNode } from 'react'
import type { AnswerOf } from '../../lib/api.ts'
import { useFormat } from '../../lib/format.ts'
import { useT } from '../../lib/i18n.tsx'
import { pathTo } from '../../lib/project.tsx'
import { useRead } from '../../lib/queries.ts'
import { DataTable, type Column } from '../../ui/data-table.tsx'
import { Section } from '../../ui/layout.tsx'
import { Nothing, Panel } from '../../ui/panel.tsx'
import { Status } from '../../ui/status.tsx'
import { Ago, Took } from '../../ui/time.tsx'

type Prediction = AnswerOf<'listPredictions'>['items'][number]
type Rollout = AnswerOf<'listRollouts'>['items'][number]

/** The prediction log, newest first; each leads to where it comes from. */
export function PredictionsTable({ project, endpoint }: { project: string; endpoint: string }): ReactNode {
  const t = useT()
  const format = useFormat('UTC')
  const list = useRead('listPredictions', { project, endpoint, limit: 100 }, { refetchMs: 10_000 })
  const columns = useMemo<readonly Column<Prediction>[]>(
    () => [
      {
        id: 'id',
        header: t('endpoint.p_id'),
        head: true,
        className: 'id',
        cell: (it) => <Link to={pathTo(project, 'predictions', it.id)}>{it.id}</Link>,
      },
      { id: 'time', header: t('endpoint.p_time'), sort: (it) => it.eventTime, cell: (it) => format.time(it.eventTime) },
      { id: 'key', header: t('endpoint.p_key'), className: 'mono', cell: (it) => it.key ?? '–' },
      {
        id: 'version',
        header: t('endpoint.p_version'),
        sort: (it) => it.version.number,
        cell: (it) => (
          <Link
            to={pathTo(project, 'models', it.version.model, 'versions', it.version.number)}
          >{`v${it.version.number}`}</Link>
        ),
      },
      {
        id: 'status',
        header: t('common.state'),
        cell: (it) => <Status state={it.status === 'ok' ? 'succeeded' : it.status} />,
      },
      {
        id: 'score',
        header: t('endpoint.p_score'),
        num: true,
        sort: (it) => it.prediction,
        cell: (it) => format.number(it.prediction),
      },
      {
        id: 'latency',
        header: t('endpoint.p_latency'),
        num: true,
        sort: (it) => it.latencyMs,
        cell: (it) => format.latency(it.latencyMs),
      },
      {
        id: 'received',
        header: t('endpoint.p_received'),
        num: true,
        sort: (it) => it.receivedAt,
        cell: (it) => <Ago at={it.receivedAt} />,
      },
    ],
    [t, format, project],
  )
  return (
    <Section title={t('endpoint.tab_predictions')}>
      <Panel of={list} rows={10}>
        {(data) =>
          data.items.length === 0 ? (
            <Nothing>{t('endpoint.p_none')}</Nothing>
          ) : (
            <DataTable
              compact
              label={t('endpoint.tab_predictions')}
              columns={columns}
              rows={data.items}
              rowKey={(it) => it.id}
              rowTo={(it) => pathTo(project, 'predictions', it.id)}
            />
          )
        }
      </Panel>
    </Section>
  )
}

/** Roll-outs of an endpoint, newest first. */
export function RolloutsTable({ project, endpoint }: { project: string; endpoint: string }): ReactNode {
  const t = useT()
  const list = useRead('listRollouts', { project, endpoint, limit: 100 })
  const columns = useMemo<readonly Column<Rollout>[]>(
    () => [
      {
        id: 'change',
        header: t('endpoint.r_change'),
        head: true,
        className: 'b',
        cell: (it) => `${it.from === null ? '–' : `v${it.from.number}`} → v${it.to.number}`,
      },
      { id: 'state', header: t('endpoint.r_state'), cell: (it) => <Status state={it.state} /> },
      { id: 'message', header: t('endpoint.r_message'), className: 'clip', width: '50%', cell: (it) => it.message },
      {
        id: 'took',
        header: t('common.duration'),
        num: true,
        cell: (it) => <Took from={it.createdAt} to={it.endedAt} />,
      },
      {
        id: 'at',
        header: t('common.created'),
        num: true,
        sort: (it) => it.createdAt,
        cell: (it) => <Ago at={it.createdAt} />,
      },
    ],
    [t],
  )
  return (
    <Section title={t('endpoint.tab_rollouts')}>
      <Panel of={list}>
        {(data) =>
          data.items.length === 0 ? (
            <Nothing>{t('endpoint.rollout_none')}</Nothing>
          ) : (
            <DataTable label={t('endpoint.tab_rollouts')} columns={columns} rows={data.items} rowKey={(it) => it.id} />
          )
        }
      </Panel>
    </Section>
  )
}
