import { Link, useNavigate } from '@tanstack/react-router'
import { lazy, Suspense, useMemo, type ReactNode } from 'react'
import { useFormat } from '../../lib/format.ts'
import { useT } from '../../lib/i18n.tsx'
import { pathTo, useAddress, useProject, useSearchPart, useTitle } from '../../lib/project.tsx'
import { useChange, useRead } from '../../lib/queries.ts'
import { ShortHash } from '../../ui/copy.tsx'
import { By } from '../../ui/actor.tsx'
import { DataTable, type Column } from '../../ui/data-table.tsx'
import { Icon } from '../../ui/icon.tsx'
import { JobLog } from '../../ui/log-view.tsx'
import { PageHead, Section, Segmented } from '../../ui/layout.tsx'
import { Failure, Skeleton } from '../../ui/panel.tsx'
import { Status } from '../../ui/status.tsx'
import { Ago, Took, useNow } from '../../ui/time.tsx'
import { Gantt } from './gantt.tsx'
import { StepPanel } from './step-panel.tsx'
import { firstToSee, inOrder, labelOf, needIds, noteOf, shownState, waitFrom, type Step } from './steps.ts'

const StepGraph = lazy(() => import('./step-graph.tsx'))

/** One run: graph, gantt and table with one selection; the failed step first; its log docked below. */
export function PipelineRunPage(): ReactNode {
  const t = useT()
  const format = useFormat()
  const project = useProject()
  const navigate = useNavigate()
  const id = useAddress('run')
  const search = useSearchPart()
  const view = search['view'] === 'table' ? 'table' : 'graph'
  const run = useRead('getPipelineRun', { project, run: id }, { refetchMs: 3_000 })
  const rerun = useChange('rerunPipelineRun')
  const resume = useChange('resumePipelineRun')
  const cancel = useChange('cancelPipelineRun')
  useTitle(run.data === undefined ? undefined : `#${run.data.number}`)
  const steps = useMemo(() => inOrder(run.data?.steps ?? NO_STEPS), [run.data])
  const chosen = steps.find((step) => step.id === search['step']) ?? firstToSee(steps)
  const select = (stepId: string) => {
    if (stepId !== chosen?.id) void navigate({ to: '.', search: { ...search, step: stepId }, replace: true })
  }
  const now = useNow(2_000)
  const graphSteps = useMemo(
    () =>
      steps.map((step) => ({
        id: step.id,
        name: labelOf(step),
        needs: needIds(step, steps),
        state: shownState(step),
        note: noteOf(step, t),
        time: step.startedAt === null ? '' : format.duration((step.endedAt ?? now) - step.startedAt),
      })),
    [steps, t, format, now],
  )
  const columns = useMemo<readonly Column<Step>[]>(
    () => [
      {
        id: 'step',
        header: t('run.step'),
        head: true,
        className: 'b',
        sort: (it) => labelOf(it),
        cell: (it) => labelOf(it),
      },
      {
        id: 'state',
        header: t('common.state'),
        sort: (it) => it.state,
        cell: (it) => <Status state={shownState(it)} />,
      },
      { id: 'note', header: t('run.why'), className: 'clip', width: '40%', cell: (it) => noteOf(it, t) },
      { id: 'attempts', header: t('run.attempt'), num: true, cell: (it) => it.attempts.length || '–' },
      {
        id: 'started',
        header: t('run.started'),
        num: true,
        sort: (it) => it.startedAt,
        cell: (it) => <Ago at={it.startedAt} />,
      },
      {
        id: 'took',
        header: t('common.duration'),
        num: true,
        cell: (it) => <Took from={it.startedAt} to={it.endedAt} />,
      },
    ],
    [t],
  )
  if (run.error !== null && run.data === undefined)
    return <Failure error={run.error} onRetry={() => void run.refetch()} />
  if (run.data === undefined) return <Skeleton rows={10} />
  const it = run.data
  const ended = it.endedAt !== null
  const goTo = (next: { id: string }) =>
    void navigate({ to: pathTo(project, 'pipelines', it.pipeline, 'runs', next.id) })
  const cached = steps.filter((step) => step.cache?.result === 'hit').length
  return (
    <div className="column">
      <PageHead
        title={it.name}
        status={<Status state={it.state} label={it.message ?? undefined} />}
        meta={
          <>
            <span>
              <Took from={it.startedAt} to={it.endedAt} />
              {', '}
              <Ago at={it.createdAt} />
            </span>
            <span>
              {it.trigger.kind === 'api' ? <By id={it.createdBy} /> : t('common.by', { name: it.trigger.kind })}
            </span>
            {Object.entries(it.pins).map(([uri, pin]) => (
              <span key={uri}>
                <Link
                  to={pinPath(project, uri, pin)}
                >{`${uri.replace(/^\w+:\/*/, '').replace(/[@/].*$/, '')} v${pin.number}`}</Link>
              </span>
            ))}
            <span>
              <ShortHash hash={it.code} />
            </span>
          </>
        }
        actions={
          <>
            <Segmented
              label={t('run.view')}
              value={view}
              onChange={(next) =>
                void navigate({
                  to: '.',
                  search: { ...search, view: next === 'graph' ? undefined : next },
                  replace: true,
                })
              }
              options={[
                ['graph', t('run.dag_gantt')],
                ['table', t('run.table')],
              ]}
            />
            {!ended ? (
              <button
                type="button"
                className="btn d"
                disabled={cancel.isPending || it.state === 'cancelling'}
                onClick={() => cancel.mutate({ project, run: it.id })}
              >
                {t('run.cancel')}
              </button>
            ) : (
              <>
                {it.state !== 'succeeded' && (
                  <button
                    type="button"
                    className="btn"
                    disabled={resume.isPending}
                    onClick={() => resume.mutate({ project, run: it.id })}
                  >
                    {t('run.resume')}
                  </button>
                )}
                <button
                  type="button"
                  className="btn"
                  disabled={rerun.isPending}
                  onClick={() =>
                    rerun.mutate(
                      { project, run: it.id, ...(chosen === undefined ? {} : { from: chosen.name }) },
                      { onSuccess: goTo },
                    )
                  }
                >
                  <Icon name="retry" />
                  {chosen === undefined ? t('run.rerun') : t('run.rerun_from', { step: chosen.name })}
                </button>
              </>
            )}
          </>
        }
      />
      {(rerun.error ?? resume.error ?? cancel.error) !== null && (
        <Failure error={(rerun.error ?? resume.error ?? cancel.error)!} />
      )}
      {view === 'table' ? (
        <section className="sec">
          <DataTable
            compact
            label={t('run.table')}
            columns={columns}
            rows={steps}
            rowKey={(step) => step.id}
            selected={chosen?.id ?? null}
            onSelect={(step) => select(step.id)}
          />
        </section>
      ) : (
        <div className="sec">
          <Suspense fallback={<Skeleton rows={5} />}>
            <StepGraph steps={graphSteps} selected={chosen?.id ?? null} onSelect={select} />
          </Suspense>
        </div>
      )}
      <div
        className="cols"
        style={{
          gridTemplateColumns: view === 'table' ? 'minmax(0, 1fr)' : 'minmax(0, 1.8fr) minmax(0, 1fr)',
          gap: 40,
        }}
      >
        {view === 'graph' && it.startedAt !== null && (
          <Section title={t('run.time')} note={t('run.time_note', { count: steps.length, cached })}>
            <Gantt
              startedAt={it.createdAt}
              selected={chosen?.id ?? null}
              onSelect={select}
              rows={steps.map((step) => ({
                id: step.id,
                name: labelOf(step),
                state: shownState(step),
                queuedAt: waitFrom(step, steps, it.createdAt),
                startedAt: step.attempts[0]?.startedAt ?? step.startedAt,
                endedAt: step.endedAt,
                note: noteOf(step, t),
              }))}
            />
          </Section>
        )}
        {chosen !== undefined && <StepPanel project={project} step={chosen} />}
      </div>
      {chosen !== undefined && (
        <div className="dock">
          {chosen.jobId === null ? (
            <div className="bar0">
              <h2>{t('log.title')}</h2>
              <span className="b">{labelOf(chosen)}</span>
              <span className="m t13">
                {chosen.cache?.result === 'hit'
                  ? t('log.cached')
                  : chosen.sweepId !== null
                    ? t('log.sweep')
                    : chosen.state === 'failed'
                      ? t('log.never_started')
                      : chosen.endedAt === null
                        ? t('log.not_yet')
                        : t('log.no_job')}
              </span>
            </div>
          ) : (
            <JobLog
              project={project}
              job={chosen.jobId}
              height={300}
              title={
                <>
                  <h2>{t('log.title')}</h2>
                  <span className="b t13">{labelOf(chosen)}</span>
                </>
              }
            />
          )}
        </div>
      )}
    </div>
  )
}

const NO_STEPS: readonly Step[] = []

function pinPath(project: string, uri: string, pin: { kind: string; number: number }): string {
  const name = uri.replace(/^\w+:\/*/, '').replace(/[@/].*$/, '')
  return pathTo(project, pin.kind === 'dataset' ? 'datasets' : 'models', name, 'versions', pin.number)
}
