import { Link } from '@tanstack/react-router'
import { useMemo, type ReactNode } from 'react'
import type { AnswerOf } from '../../lib/api.ts'
import { useFormat } from '../../lib/format.ts'
import { useT } from '../../lib/i18n.tsx'
import { pathTo, useProject, useTitle } from '../../lib/project.tsx'
import { useRead } from '../../lib/queries.ts'
import { DataTable, type Column } from '../../ui/data-table.tsx'
import { PageHead } from '../../ui/layout.tsx'
import { Empty, Panel } from '../../ui/panel.tsx'
import { Status } from '../../ui/status.tsx'
import { LoopStrip } from './loop-strip.tsx'

type Row = AnswerOf<'listMonitors'>['monitors'][number]

/** Monitors with why they are as they are, and the closed loops that act on them. */
export function MonitorsPage(): ReactNode {
  const t = useT()
  const format = useFormat()
  const project = useProject()
  useTitle(t('nav.monitors'))
  const list = useRead('listMonitors', { project }, { refetchMs: 10_000 })
  const loops = useRead('listLoops', { project }, { refetchMs: 10_000 })
  const columns = useMemo<readonly Column<Row>[]>(
    () => [
      {
        id: 'name',
        header: t('common.name'),
        head: true,
        sort: (it) => it.name,
        cell: (it) => (
          <Link className="b" to={pathTo(project, 'monitors', it.name)}>
            {it.name}
          </Link>
        ),
      },
      { id: 'state', header: t('common.state'), cell: (it) => <Status state={it.state} /> },
      { id: 'why', header: t('monitors.why'), className: 'clip', width: '38%', cell: (it) => it.reason },
      {
        id: 'endpoint',
        header: t('monitors.endpoint'),
        cell: (it) => <Link to={pathTo(project, 'endpoints', it.endpoint)}>{it.endpoint}</Link>,
      },
      { id: 'window', header: t('monitors.window'), cell: (it) => it.lastWindow?.label ?? '–' },
      { id: 'rows', header: t('monitors.rows'), num: true, cell: (it) => format.count(it.lastWindow?.rows) },
      {
        id: 'coverage',
        header: t('monitors.coverage'),
        num: true,
        cell: (it) => format.percent(it.lastWindow?.labelCoverage),
      },
      {
        id: 'alerts',
        header: t('monitors.alerts'),
        num: true,
        sort: (it) => it.openAlerts,
        cell: (it) => (it.openAlerts === 0 ? '0' : <span className="badc b">{it.openAlerts}</span>),
      },
    ],
    [t, format, project],
  )
  return (
    <>
      <PageHead title={t('nav.monitors')} />
      <section className="sec">
        <Panel of={list}>
          {(data) =>
            data.monitors.length === 0 ? (
              <Empty
                title={t('monitors.empty_title')}
                body={t('monitors.empty_body')}
                command={
                  'monitors:\n  delays:\n    endpoint: delay\n    window: 1mo\n    signals: [data_drift, performance]'
                }
              />
            ) : (
              <DataTable
                label={t('nav.monitors')}
                columns={columns}
                rows={data.monitors}
                rowKey={(it) => it.id}
                rowTo={(it) => pathTo(project, 'monitors', it.name)}
              />
            )
          }
        </Panel>
      </section>
      {loops.data?.loops.map((loop) => (
        <LoopStrip key={loop.id} project={project} loop={loop} history />
      ))}
    </>
  )
}
