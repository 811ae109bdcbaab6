import { Link } from '@tanstack/react-router'
import { useMemo, type ReactNode } from 'react'
import type { AnswerOf } from '../../lib/api.ts'
import { useFormat } from '../../lib/format.ts'
import { useT } from '../../lib/i18n.tsx'
import { pathTo, useProject, useTitle } from '../../lib/project.tsx'
import { useRead } from '../../lib/queries.ts'
import { TrafficBar } from '../../ui/charts/small.tsx'
import { DataTable, type Column } from '../../ui/data-table.tsx'
import { PageHead } from '../../ui/layout.tsx'
import { Empty, Panel } from '../../ui/panel.tsx'
import { Status } from '../../ui/status.tsx'

export type EndpointRow = AnswerOf<'listEndpoints'>['items'][number]

/** Endpoints with their traffic by version and what they meet now. */
export function EndpointsPage(): ReactNode {
  const t = useT()
  const format = useFormat()
  const project = useProject()
  useTitle(t('nav.endpoints'))
  const list = useRead('listEndpoints', { project }, { refetchMs: 5_000 })
  const columns = useMemo<readonly Column<EndpointRow>[]>(
    () => [
      {
        id: 'name',
        header: t('common.name'),
        head: true,
        sort: (it) => it.name,
        cell: (it) => (
          <Link className="b" to={pathTo(project, 'endpoints', it.name)}>
            {it.name}
          </Link>
        ),
      },
      {
        id: 'state',
        header: t('common.state'),
        cell: (it) => <Status state={it.state === 'ready' ? 'serving' : it.state} />,
      },
      { id: 'model', header: t('endpoints.model'), className: 'mono', cell: (it) => it.model },
      { id: 'traffic', header: t('endpoints.traffic'), width: 220, cell: (it) => <Traffic endpoint={it} /> },
      {
        id: 'rate',
        header: t('endpoints.rate'),
        num: true,
        sort: (it) => it.live?.requestsPerSecond ?? null,
        cell: (it) => format.number(it.live?.requestsPerSecond),
      },
      {
        id: 'p95',
        header: t('endpoints.p95'),
        num: true,
        sort: (it) => it.live?.p95Ms ?? null,
        cell: (it) => format.latency(it.live?.p95Ms),
      },
      { id: 'errors', header: t('endpoints.errors'), num: true, cell: (it) => format.percent(it.live?.errorRate, 2) },
    ],
    [t, format, project],
  )
  return (
    <>
      <PageHead title={t('nav.endpoints')} />
      <section className="sec">
        <Panel of={list}>
          {(data) =>
            data.items.length === 0 ? (
              <Empty
                title={t('endpoints.empty_title')}
                body={t('endpoints.empty_body')}
                command={'endpoints:\n  delay: { model: models:/delay@production, rollout: { strategy: canary } }'}
              />
            ) : (
              <DataTable
                label={t('nav.endpoints')}
                columns={columns}
                rows={data.items}
                rowKey={(it) => it.id}
                rowTo={(it) => pathTo(project, 'endpoints', it.name)}
              />
            )
          }
        </Panel>
      </section>
    </>
  )
}

/** The traffic bar with its versions named. */
export function Traffic({ endpoint }: { endpoint: Pick<EndpointRow, 'traffic'> }): ReactNode {
  const t = useT()
  const format = useFormat()
  const parts = endpoint.traffic
    .filter((it) => it.weight > 0 && it.state !== 'released')
    .map((it) => ({
      name: `v${it.version.number}`,
      weight: it.weight,
      candidate: it.role !== 'running' || endpoint.traffic.filter((other) => other.weight > 0).length === 1,
    }))
  const label = t('endpoints.traffic_label', {
    parts: parts.map((part) => `${part.name} ${format.percent(part.weight / 100, 0)}`).join(', '),
  })
  return (
    <span className="tr0">
      <TrafficBar parts={parts} label={label} />
      <span className="m t12">
        {parts.map((part) => `${part.name} ${format.percent(part.weight / 100, 0)}`).join(' · ') || '–'}
      </span>
    </span>
  )
}
