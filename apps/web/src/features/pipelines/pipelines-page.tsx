import { Link } from '@tanstack/react-router'
import { useMemo, type ReactNode } from 'react'
import type { AnswerOf } from '../../lib/api.ts'
import { useT } from '../../lib/i18n.tsx'
import { pathTo, useProject, useTitle } from '../../lib/project.tsx'
import { useRead } from '../../lib/queries.ts'
import { DataTable, type Column } from '../../ui/data-table.tsx'
import { PageHead } from '../../ui/layout.tsx'
import { Empty, Panel } from '../../ui/panel.tsx'
import { Status } from '../../ui/status.tsx'
import { Ago, Took } from '../../ui/time.tsx'

type Row = AnswerOf<'listPipelines'>['pipelines'][number]

/** Pipelines with the newest run of each. */
export function PipelinesPage(): ReactNode {
  const t = useT()
  const project = useProject()
  useTitle(t('nav.pipelines'))
  const list = useRead('listPipelines', { project }, { refetchMs: 10_000 })
  const columns = useMemo<readonly Column<Row>[]>(
    () => [
      {
        id: 'name',
        header: t('common.name'),
        head: true,
        sort: (it) => it.name,
        cell: (it) => (
          <Link className="b" to={pathTo(project, 'pipelines', it.name)}>
            {it.name}
          </Link>
        ),
      },
      {
        id: 'steps',
        header: t('pipelines.steps'),
        className: 'clip m',
        width: '34%',
        cell: (it) => it.steps.map((step) => step.name).join(' → '),
      },
      {
        id: 'run',
        header: t('pipelines.last_run'),
        cell: (it) =>
          it.lastRun !== null && (
            <Link to={pathTo(project, 'pipelines', it.name, 'runs', it.lastRun.id)}>{it.lastRun.name}</Link>
          ),
      },
      {
        id: 'state',
        header: t('common.state'),
        cell: (it) => it.lastRun !== null && <Status state={it.lastRun.state} />,
      },
      {
        id: 'took',
        header: t('common.duration'),
        num: true,
        cell: (it) => it.lastRun !== null && <Took from={it.lastRun.startedAt} to={it.lastRun.endedAt} />,
      },
      {
        id: 'when',
        header: t('pipelines.when'),
        num: true,
        sort: (it) => it.lastRun?.createdAt ?? null,
        cell: (it) => <Ago at={it.lastRun?.createdAt} />,
      },
    ],
    [t, project],
  )
  return (
    <>
      <PageHead title={t('nav.pipelines')} />
      <section className="sec">
        <Panel of={list}>
          {(data) =>
            data.pipelines.length === 0 ? (
              <Empty title={t('pipelines.empty_title')} body={t('pipelines.empty_body')} command="kiban apply" />
            ) : (
              <DataTable
                label={t('nav.pipelines')}
                columns={columns}
                rows={data.pipelines}
                rowKey={(it) => it.id}
                rowTo={(it) => pathTo(project, 'pipelines', it.name)}
              />
            )
          }
        </Panel>
      </section>
    </>
  )
}
