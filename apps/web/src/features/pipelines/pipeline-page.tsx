import { Link } from '@tanstack/react-router'
import { lazy, Suspense, useMemo, useState, type ReactNode } from 'react'
import type { AnswerOf } from '../../lib/api.ts'
import { useFormat } from '../../lib/format.ts'
import { useT } from '../../lib/i18n.tsx'
import { pathTo, useAddress, useProject, useTitle } from '../../lib/project.tsx'
import { useRead } from '../../lib/queries.ts'
import { Actor } from '../../ui/actor.tsx'
import { DataTable, type Column } from '../../ui/data-table.tsx'
import { Icon } from '../../ui/icon.tsx'
import { PageHead, Section } from '../../ui/layout.tsx'
import { Failure, Nothing, Panel, Skeleton } from '../../ui/panel.tsx'
import { stateWord, Status } from '../../ui/status.tsx'
import { Ago, Took } from '../../ui/time.tsx'
import { StartDialog } from './start-dialog.tsx'

const StepGraph = lazy(() => import('./step-graph.tsx'))
type Run = AnswerOf<'listPipelineRuns'>['runs'][number]

/** One pipeline: its graph, its runs, and the form that starts one. */
export function PipelinePage(): ReactNode {
  const t = useT()
  const format = useFormat()
  const project = useProject()
  const pipeline = useAddress('pipeline')
  const [starting, setStarting] = useState(false)
  useTitle(pipeline)
  const one = useRead('getPipeline', { project, pipeline })
  const runs = useRead('listPipelineRuns', { project, pipeline, limit: 100 }, { refetchMs: 10_000 })
  const columns = useMemo<readonly Column<Run>[]>(
    () => [
      {
        id: 'run',
        header: t('pipeline.number'),
        head: true,
        sort: (it) => it.number,
        cell: (it) => (
          <Link className="b" to={pathTo(project, 'pipelines', pipeline, 'runs', it.id)}>{`#${it.number}`}</Link>
        ),
      },
      { id: 'state', header: t('common.state'), sort: (it) => it.state, cell: (it) => <Status state={it.state} /> },
      {
        id: 'why',
        header: t('run.why'),
        className: 'clip',
        width: '30%',
        cell: (it) =>
          it.message ??
          Object.entries(it.stepCounts)
            .map(([state, count]) => `${count} ${stateWord(t, state)}`)
            .join(', '),
      },
      {
        id: 'trigger',
        header: t('pipeline.trigger'),
        className: 'm',
        cell: (it) => (it.trigger.kind === 'api' ? <Actor id={it.createdBy} /> : it.trigger.kind),
      },
      {
        id: 'params',
        header: t('pipeline.params'),
        className: 'clip m',
        width: '22%',
        cell: (it) =>
          Object.entries(it.params)
            .map(([key, value]) => `${key} ${typeof value === 'object' ? JSON.stringify(value) : String(value)}`)
            .join(', '),
      },
      {
        id: 'took',
        header: t('common.duration'),
        num: true,
        cell: (it) => <Took from={it.startedAt} to={it.endedAt} />,
      },
      {
        id: 'at',
        header: t('common.created'),
        num: true,
        sort: (it) => it.createdAt,
        cell: (it) => <Ago at={it.createdAt} />,
      },
    ],
    [t, project, pipeline],
  )
  if (one.error !== null && one.data === undefined)
    return <Failure error={one.error} onRetry={() => void one.refetch()} />
  if (one.data === undefined) return <Skeleton rows={8} />
  const it = one.data
  return (
    <>
      <PageHead
        title={it.name}
        meta={
          <>
            {it.description !== null && <span>{it.description}</span>}
            <span>{`${format.count(it.steps.length)} ${t('pipelines.steps')}`}</span>
          </>
        }
        actions={
          <button type="button" className="btn p" onClick={() => setStarting(true)}>
            <Icon name="plus" />
            {t('pipeline.run')}
          </button>
        }
      />
      <Section title={t('pipeline.graph')}>
        <Suspense fallback={<Skeleton rows={5} />}>
          <StepGraph
            steps={it.steps.map((step) => ({
              id: step.name,
              name: step.name,
              needs: step.needs,
              state: '',
              note: step.summary,
              time: '',
            }))}
            selected={null}
            onSelect={() => undefined}
          />
        </Suspense>
      </Section>
      <Section title={t('pipeline.runs')}>
        <Panel of={runs}>
          {(data) =>
            data.runs.length === 0 ? (
              <Nothing>{t('pipeline.no_runs')}</Nothing>
            ) : (
              <DataTable
                compact
                label={t('pipeline.runs')}
                columns={columns}
                rows={data.runs}
                rowKey={(row) => row.id}
                rowTo={(row) => pathTo(project, 'pipelines', pipeline, 'runs', row.id)}
              />
            )
          }
        </Panel>
      </Section>
      <StartDialog project={project} pipeline={it} opened={starting} onClose={() => setStarting(false)} />
    </>
  )
}
