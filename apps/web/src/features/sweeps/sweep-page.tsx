import { Link } from '@tanstack/react-router'
import { useMemo, type ReactNode } from 'react'
import type { AnswerOf } from '../../lib/api.ts'
import { useFormat } from '../../lib/format.ts'
import { useT } from '../../lib/i18n.tsx'
import { pathTo, useAddress, useProject, useTitle } from '../../lib/project.tsx'
import { useRead } from '../../lib/queries.ts'
import { LineChart } from '../../ui/charts/line-chart.tsx'
import { Scatter } from '../../ui/charts/scatter.tsx'
import { DataTable, type Column } from '../../ui/data-table.tsx'
import { KeyValues, PageHead, Section } from '../../ui/layout.tsx'
import { Failure, Panel, Skeleton } from '../../ui/panel.tsx'
import { Status } from '../../ui/status.tsx'
import { Ago, Took } from '../../ui/time.tsx'

type Trial = AnswerOf<'listTrials'>['trials'][number]
type Sweep = AnswerOf<'getSweep'>

/** One sweep: history with the best line, the objective against each parameter, every trial. */
export function SweepPage(): ReactNode {
  const t = useT()
  const format = useFormat()
  const project = useProject()
  const id = useAddress('sweep')
  const sweep = useRead('getSweep', { project, sweep: id }, { refetchMs: 5_000 })
  const trials = useRead('listTrials', { project, sweep: id }, { refetchMs: 5_000 })
  useTitle(sweep.data?.name)
  if (sweep.error !== null && sweep.data === undefined)
    return <Failure error={sweep.error} onRetry={() => void sweep.refetch()} />
  if (sweep.data === undefined) return <Skeleton rows={8} />
  const it = sweep.data
  const done = Object.values(it.trialCounts).reduce((sum, n) => sum + n, 0)
  return (
    <>
      <PageHead
        title={it.name}
        status={<Status state={it.state} label={it.message ?? undefined} />}
        meta={
          <>
            <span>{t('sweep.budget', { done, total: it.budget.trials })}</span>
            <span>
              {t(it.objective.direction === 'minimize' ? 'sweep.minimize' : 'sweep.maximize', {
                metric: it.objective.metric,
              })}
            </span>
            <span>{it.sampler}</span>
            <span>
              <Took from={it.createdAt} to={it.endedAt} />
              {', '}
              <Ago at={it.createdAt} />
            </span>
            <span>
              <Link to={pathTo(project, 'pipelines', it.name.split('/')[0] ?? '', 'runs', it.pipelineRunId)}>
                {t('sweep.pipeline_run')}
              </Link>
            </span>
          </>
        }
      />
      <Panel of={trials} rows={10}>
        {(data) => <SweepBody project={project} sweep={it} trials={data.trials} format={format} />}
      </Panel>
    </>
  )
}

function SweepBody({
  project,
  sweep,
  trials,
  format,
}: {
  project: string
  sweep: Sweep
  trials: readonly Trial[]
  format: ReturnType<typeof useFormat>
}): ReactNode {
  const t = useT()
  const metric = sweep.objective.metric
  const names = Object.keys(sweep.space)
  const measured = trials.filter((trial): trial is Trial & { objective: number } => trial.objective !== null)
  const better = (a: number, b: number) => (sweep.objective.direction === 'minimize' ? Math.min(a, b) : Math.max(a, b))
  const bestLine = measured.reduce<{ x: number; y: number }[]>(
    (line, trial) => [
      ...line,
      { x: trial.number, y: line.length === 0 ? trial.objective : better(line.at(-1)!.y, trial.objective) },
    ],
    [],
  )
  const numeric = names.filter((name) => measured.some((trial) => typeof trial.values[name] === 'number'))
  const columns = useMemo<readonly Column<Trial>[]>(
    () => [
      { id: 'trial', header: t('sweep.trial'), num: true, width: 56, sort: (it) => it.number, cell: (it) => it.number },
      { id: 'state', header: t('common.state'), cell: (it) => <Status state={it.state} /> },
      {
        id: 'objective',
        header: metric,
        num: true,
        sort: (it) => it.objective,
        cell: (it) => (
          <span className={it.id === sweep.best?.id ? 'b' : undefined}>
            {it.id === sweep.best?.id && <span className="okc">{'◆ '}</span>}
            {format.number(it.objective)}
          </span>
        ),
      },
      ...Object.keys(sweep.space).map((name): Column<Trial> => ({
        id: name,
        header: name,
        num: true,
        sort: (it) => sortable(it.values[name]),
        cell: (it) =>
          typeof it.values[name] === 'number' ? format.number(it.values[name]) : String(it.values[name] ?? '–'),
      })),
      {
        id: 'run',
        header: t('job.run'),
        cell: (it) => it.runId !== null && <Link to={pathTo(project, 'runs', it.runId)}>{it.runId.slice(0, 8)}</Link>,
      },
      { id: 'why', header: t('run.why'), className: 'clip', width: '22%', cell: (it) => it.message ?? '' },
      {
        id: 'took',
        header: t('common.duration'),
        num: true,
        cell: (it) => <Took from={it.startedAt} to={it.endedAt} />,
      },
    ],
    [t, format, metric, project, sweep],
  )
  return (
    <>
      <div className="cols" style={{ gridTemplateColumns: 'minmax(0, 1.4fr) minmax(0, 1fr)', gap: 40 }}>
        <Section title={t('sweep.history')} note={t('sweep.history_note')}>
          <LineChart
            sentence={t('sweep.history_sentence', {
              metric,
              count: measured.length,
              best: format.number(sweep.best?.objective),
            })}
            height={240}
            dots
            lines={[
              {
                id: 'trials',
                label: t('sweep.trial'),
                bare: true,
                colour: 'cr',
                points: measured.map((trial) => ({ x: trial.number, y: trial.objective })),
              },
              { id: 'best', label: t('sweep.best_so_far'), colour: 'c1', strong: true, points: bestLine },
            ]}
          />
        </Section>
        <Section title={t('sweep.space')}>
          <KeyValues rows={Object.entries(sweep.space).map(([name, range]) => [name, spaceText(range)])} />
        </Section>
      </div>
      {numeric.length > 0 && measured.length > 1 && (
        <div className="cols" style={{ gridTemplateColumns: `repeat(${Math.min(3, numeric.length)}, minmax(0, 1fr))` }}>
          {numeric.slice(0, 6).map((name) => (
            <Section key={name} title={t('sweep.by_param', { metric, param: name })}>
              <Scatter
                sentence={t('sweep.param_sentence', { metric, param: name, count: measured.length })}
                height={180}
                points={measured.map((trial) => ({
                  id: trial.id,
                  label: `${t('sweep.trial')} ${trial.number}`,
                  x: Number(trial.values[name]),
                  y: trial.objective,
                  colour: 'cr',
                  best: trial.id === sweep.best?.id,
                }))}
              />
            </Section>
          ))}
        </div>
      )}
      <Section title={t('sweep.trials_title')}>
        <DataTable
          compact
          label={t('sweeps.trials')}
          columns={columns}
          rows={trials}
          rowKey={(it) => it.id}
          selected={sweep.best?.id ?? null}
        />
      </Section>
    </>
  )
}

function sortable(value: unknown): string | number | null {
  return typeof value === 'number' || typeof value === 'string' ? value : null
}

function spaceText(range: unknown): string {
  if (typeof range === 'object' && range !== null && 'low' in range && 'high' in range)
    return `${String(range.low)} – ${String(range.high)}${'log' in range && range.log === true ? ', log' : ''}`
  if (typeof range === 'object' && range !== null && 'choices' in range && Array.isArray(range.choices))
    return range.choices.join(', ')
  return JSON.stringify(range)
}
