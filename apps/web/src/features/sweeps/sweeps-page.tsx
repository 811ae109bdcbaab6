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
import { Ago, Took } from '../../ui/time.tsx'

type Row = AnswerOf<'listSweeps'>['sweeps'][number]

/** Sweeps of the project with their best trial. */
export function SweepsPage(): ReactNode {
  const t = useT()
  const format = useFormat()
  const project = useProject()
  useTitle(t('nav.sweeps'))
  const list = useRead('listSweeps', { project }, { refetchMs: 10_000 })
  const columns = useMemo<readonly Column<Row>[]>(
    () => [
      {
        id: 'name',
        header: t('common.name'),
        head: true,
        sort: (it) => it.createdAt,
        cell: (it) => (
          <Link className="b" to={pathTo(project, 'sweeps', it.id)}>
            {it.name}
          </Link>
        ),
      },
      { id: 'state', header: t('common.state'), cell: (it) => <Status state={it.state} /> },
      {
        id: 'trials',
        header: t('sweeps.trials'),
        num: true,
        cell: (it) =>
          t('sweep.budget', {
            done: Object.values(it.trialCounts).reduce((sum, n) => sum + n, 0),
            total: it.budget.trials,
          }),
      },
      {
        id: 'objective',
        header: t('sweeps.objective'),
        cell: (it) =>
          t(it.objective.direction === 'minimize' ? 'sweep.minimize' : 'sweep.maximize', {
            metric: it.objective.metric,
          }),
      },
      {
        id: 'best',
        header: t('sweeps.best'),
        num: true,
        className: 'b',
        cell: (it) => format.number(it.best?.objective),
      },
      { id: 'sampler', header: t('sweeps.sampler'), className: 'm', cell: (it) => it.sampler },
      {
        id: 'took',
        header: t('common.duration'),
        num: true,
        cell: (it) => <Took from={it.createdAt} to={it.endedAt} />,
      },
      {
        id: 'created',
        header: t('common.created'),
        num: true,
        sort: (it) => it.createdAt,
        cell: (it) => <Ago at={it.createdAt} />,
      },
    ],
    [t, format, project],
  )
  return (
    <>
      <PageHead title={t('nav.sweeps')} />
      <section className="sec">
        <Panel of={list}>
          {(data) =>
            data.sweeps.length === 0 ? (
              <Empty
                title={t('sweeps.empty_title')}
                body={t('sweeps.empty_body')}
                command={
                  'sweep:\n  space: { rate: { low: 0.01, high: 0.3 } }\n  objective: { metric: log_loss, direction: minimize }\n  budget: { trials: 8 }'
                }
              />
            ) : (
              <DataTable
                label={t('nav.sweeps')}
                columns={columns}
                rows={data.sweeps}
                rowKey={(it) => it.id}
                rowTo={(it) => pathTo(project, 'sweeps', it.id)}
              />
            )
          }
        </Panel>
      </section>
    </>
  )
}
