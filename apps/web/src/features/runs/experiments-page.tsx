import { Link } from '@tanstack/react-router'
import { useMemo, type ReactNode } from 'react'
import type { AnswerOf } from '../../lib/api.ts'
import { useFormat } from '../../lib/format.ts'
import { useT } from '../../lib/i18n.tsx'
import { pathTo, useProject, useTitle } from '../../lib/project.tsx'
import { useRead } from '../../lib/queries.ts'
import { Actor } from '../../ui/actor.tsx'
import { DataTable, type Column } from '../../ui/data-table.tsx'
import { PageHead } from '../../ui/layout.tsx'
import { Empty, Panel } from '../../ui/panel.tsx'
import { Ago } from '../../ui/time.tsx'

type Row = AnswerOf<'listExperiments'>['items'][number]

/** Experiments, newest activity first. */
export function ExperimentsPage(): ReactNode {
  const t = useT()
  const format = useFormat()
  const project = useProject()
  useTitle(t('nav.experiments'))
  const list = useRead('listExperiments', { project, limit: 500 })
  const columns = useMemo<readonly Column<Row>[]>(
    () => [
      {
        id: 'name',
        header: t('common.name'),
        head: true,
        sort: (it) => it.name,
        cell: (it) => (
          <Link className="b" to={pathTo(project, 'experiments', it.name)}>
            {it.name}
          </Link>
        ),
      },
      {
        id: 'runs',
        header: t('experiments.runs'),
        num: true,
        sort: (it) => it.runCount,
        cell: (it) => format.count(it.runCount),
      },
      {
        id: 'last',
        header: t('experiments.last'),
        num: true,
        sort: (it) => it.lastRunAt,
        cell: (it) => <Ago at={it.lastRunAt} />,
      },
      {
        id: 'created',
        header: t('common.created'),
        num: true,
        sort: (it) => it.createdAt,
        cell: (it) => <Ago at={it.createdAt} />,
      },
      { id: 'by', header: t('dataset.author'), cell: (it) => <Actor id={it.createdBy} /> },
      { id: 'id', header: 'ID', num: true, className: 'm', cell: (it) => it.id },
    ],
    [t, format, project],
  )
  return (
    <>
      <PageHead title={t('nav.experiments')} />
      <section className="sec">
        <Panel of={list}>
          {(data) => {
            const shown = data.items.filter((it) => it.runCount > 0 || it.id !== '0')
            return shown.length === 0 ? (
              <Empty
                title={t('experiments.empty_title')}
                body={t('experiments.empty_body')}
                command={`export MLFLOW_TRACKING_URI=${new URL('.', document.baseURI).href.replace(/\/$/, '')}`}
              />
            ) : (
              <DataTable
                label={t('nav.experiments')}
                columns={columns}
                rows={shown}
                rowKey={(it) => it.id}
                rowTo={(it) => pathTo(project, 'experiments', it.name)}
              />
            )
          }}
        </Panel>
      </section>
    </>
  )
}
