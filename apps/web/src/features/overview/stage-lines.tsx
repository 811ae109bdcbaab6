import { Link } from '@tanstack/react-router'
import type { ReactNode } from 'react'
import type { AnswerOf } from '../../lib/api.ts'
import { useFormat } from '../../lib/format.ts'
import { useT } from '../../lib/i18n.tsx'
import { pathTo } from '../../lib/project.tsx'
import { useRead } from '../../lib/queries.ts'
import { Actor } from '../../ui/actor.tsx'
import { useNow } from '../../ui/time.tsx'
import { Status } from '../../ui/status.tsx'
import { gainOf } from '../models/gain.ts'

type Summary = AnswerOf<'listModelVersions'>['items'][number]
type Endpoint = AnswerOf<'listEndpoints'>['items'][number]
type Monitor = AnswerOf<'listMonitors'>['monitors'][number]
type Stage = {
  readonly id: string
  readonly state: string
  readonly main: ReactNode
  readonly note: string
  readonly stop?: boolean
  readonly off?: boolean
}
const MOST = 4

/** One line for each of the newest versions: data, train, gate, approve, serve, watch; broken where it stopped, with the reason. */
export function StageLines({ project, model }: { project: string; model: string }): ReactNode {
  const t = useT()
  const versions = useRead('listModelVersions', { project, model, limit: 20 })
  const endpoints = useRead('listEndpoints', { project })
  const monitors = useRead('listMonitors', { project })
  const items = versions.data?.items ?? []
  if (items.length === 0) return null
  // What serves is always among the lines, however many refused candidates came after it.
  const shown = [
    ...items.filter((it) => it.aliases.includes('production')),
    ...items.filter((it) => !it.aliases.includes('production')),
  ]
    .slice(0, MOST)
    .sort((a, b) => b.number - a.number)
  const followers =
    endpoints.data?.items.filter(
      (it) => it.traffic.some((part) => part.version.model === model) || it.model.includes(`/${model}@`),
    ) ?? []
  return (
    <section className="sec tbox" aria-label={t('overview.line')}>
      <table className="path">
        <caption className="sr">{t('overview.line_of', { name: model })}</caption>
        <thead>
          <tr>
            <th scope="col">
              <Link to={pathTo(project, 'models', model)}>{model}</Link>
            </th>
            <th scope="col">{t('overview.data')}</th>
            <th scope="col">{t('overview.train')}</th>
            <th scope="col">{t('overview.gate')}</th>
            <th scope="col">{t('overview.approve')}</th>
            <th scope="col">{t('overview.serve')}</th>
            <th scope="col">{t('overview.watch')}</th>
          </tr>
        </thead>
        <tbody>
          {shown.map((it) => (
            <Line
              key={it.id}
              project={project}
              summary={it}
              production={items.find((other) => other.aliases.includes('production'))}
              endpoints={followers}
              monitors={monitors.data?.monitors ?? []}
            />
          ))}
        </tbody>
      </table>
    </section>
  )
}

function Line({
  project,
  summary,
  production,
  endpoints,
  monitors,
}: {
  project: string
  summary: Summary
  production: Summary | undefined
  endpoints: readonly Endpoint[]
  monitors: readonly Monitor[]
}): ReactNode {
  const t = useT()
  const format = useFormat()
  const now = useNow(10_000)
  const version = useRead('getModelVersion', { project, model: summary.name, version: String(summary.number) })
  const pipelineRunId = version.data?.pipelineRunId ?? null
  const run = useRead('getPipelineRun', { project, run: pipelineRunId ?? '' }, { enabled: pipelineRunId !== null })
  const datasets = useRead('listDatasets', { project })
  const evidence = version.data?.evidence[0]
  const refused = summary.state === 'refused'
  const pin = run.data === undefined ? undefined : Object.entries(run.data.pins).find(([, it]) => it.kind === 'dataset')
  const dataName = pin?.[0].replace(/^datasets:\/*/, '').replace(/[@/].*$/, '')
  const rows = datasets.data?.datasets.find((it) => it.name === dataName)?.latest
  const serving = endpoints.flatMap((endpoint) =>
    endpoint.traffic
      .filter(
        (part) => part.version.model === summary.name && part.version.number === summary.number && part.weight > 0,
      )
      .map((part) => ({ endpoint, part })),
  )[0]
  const live = serving?.endpoint.live?.byVersion.find((it) => it.version.number === summary.number)
  const monitor = serving === undefined ? undefined : monitors.find((it) => it.endpoint === serving.endpoint.name)
  const metric = Object.entries(summary.metrics).find(([, value]) => value !== null)
  const checks = evidence?.checks ?? []
  const failedCheck = checks.find((check) => check.verdict === 'failed')
  const approval = version.data?.approvals[0]
  const stays = production === undefined ? '' : t('overview.stays', { version: `v${production.number}` })
  const earlier = production !== undefined && summary.number < production.number
  const stages: Stage[] = [
    {
      id: 'data',
      state: dataName === undefined ? 'skipped' : 'succeeded',
      main:
        dataName === undefined ? (
          '–'
        ) : (
          <Link
            to={pathTo(project, 'datasets', dataName, 'versions', pin![1].number)}
          >{`${dataName} v${pin![1].number}`}</Link>
        ),
      note:
        rows?.rows != null && rows.number === pin?.[1].number
          ? t('common.rows', { count: format.count(rows.rows) })
          : dataName === undefined
            ? ''
            : format.ago(run.data?.createdAt),
    },
    {
      id: 'train',
      state: run.data?.state ?? (summary.runId === null ? 'skipped' : 'succeeded'),
      main:
        run.data !== undefined ? (
          <Link to={pathTo(project, 'pipelines', run.data.pipeline, 'runs', run.data.id)}>{run.data.name}</Link>
        ) : summary.runId !== null ? (
          <Link to={pathTo(project, 'runs', summary.runId)}>{summary.runId.slice(0, 8)}</Link>
        ) : (
          '–'
        ),
      note:
        metric === undefined
          ? run.data === undefined
            ? ''
            : format.duration((run.data.endedAt ?? now) - run.data.createdAt)
          : `${metric[0]} ${format.number(metric[1])}`,
    },
    evidence === undefined
      ? {
          id: 'gate',
          state: summary.state === 'pending' ? 'running' : 'skipped',
          main: t('overview.gate_none'),
          note: summary.stateReason,
          off: true,
        }
      : {
          id: 'gate',
          state: evidence.verdict,
          main: (
            <Link to={pathTo(project, 'models', summary.name, 'versions', summary.number)}>
              {evidence.verdict === 'failed'
                ? t('overview.gate_refused')
                : t('overview.gate_passed', {
                    passed: checks.filter((check) => check.verdict !== 'failed').length,
                    all: checks.length,
                  })}
            </Link>
          ),
          note:
            failedCheck !== undefined && failedCheck.d === null
              ? failedCheck.reason
              : failedCheck !== undefined
                ? `${failedCheck.metric} ${format.delta(gainOf(failedCheck))} ${failedCheck.interval === null ? '' : t('version.interval', { low: format.delta(failedCheck.interval.low), high: format.delta(failedCheck.interval.high) })}`
                : checkNote(checks, format.delta),
          stop: evidence.verdict === 'failed',
        },
    refused
      ? { id: 'approve', state: 'skipped', main: t('overview.gate_none'), note: t('overview.stops_here'), off: true }
      : summary.state === 'awaiting_approval'
        ? {
            id: 'approve',
            state: 'awaiting_approval',
            main: t('overview.approve_waits'),
            note: version.data?.approvers.join(', ') ?? '',
            off: true,
          }
        : approval !== undefined
          ? {
              id: 'approve',
              state: approval.decision === 'approved' ? 'passed' : 'refused',
              main: <Actor id={approval.approver} />,
              note: format.time(approval.at),
              stop: approval.decision === 'refused',
            }
          : evidence?.verdict === 'failed'
            ? { id: 'approve', state: 'warn', main: t('overview.overridden'), note: t('model.move_override') }
            : {
                id: 'approve',
                state: 'skipped',
                main: t('overview.approve_none'),
                note: '',
                off: evidence === undefined,
              },
    serving !== undefined
      ? {
          id: 'serve',
          state: serving.endpoint.state === 'degraded' ? 'degraded' : 'serving',
          main: (
            <Link to={pathTo(project, 'endpoints', serving.endpoint.name)}>
              {format.percent(serving.part.weight / 100, 0)}
            </Link>
          ),
          note: t('overview.since_p95', { time: format.ago(serving.part.since), p95: format.latency(live?.p95Ms) }),
        }
      : summary.state === 'rolled_back'
        ? { id: 'serve', state: 'rolled_back', main: stays, note: summary.stateReason, stop: true }
        : {
            id: 'serve',
            state: 'skipped',
            main: refused
              ? stays
              : earlier && production !== undefined
                ? t('overview.replaced', { version: `v${production.number}` })
                : t('overview.serve_none'),
            note: refused ? t('overview.no_change') : '',
            off: true,
          },
    monitor === undefined
      ? { id: 'watch', state: 'skipped', main: '', note: '', off: true }
      : {
          id: 'watch',
          state: monitor.state === 'firing' ? 'firing' : monitor.state,
          main: (
            <Link to={pathTo(project, 'monitors', monitor.name)}>
              {monitor.lastWindow?.label ?? t('overview.watch_none')}
            </Link>
          ),
          note: monitor.reason,
        },
  ]
  return (
    <tr>
      <th scope="row">
        <Link
          className="b"
          to={pathTo(project, 'models', summary.name, 'versions', summary.number)}
        >{`v${summary.number}`}</Link>
        <span className="m t12">
          {summary.aliases.join(', ') || (earlier ? t('overview.earlier') : t('overview.candidate'))}
        </span>
      </th>
      {stages.map((stage) => (
        <td key={stage.id} className={stage.stop === true ? 'stop' : stage.off === true ? 'off' : undefined}>
          <span className="lk0">
            <Status state={stage.state} bare />
            <b>{stage.main}</b>
          </span>
          <span className="m t12" title={stage.note}>
            {stage.note}
          </span>
        </td>
      ))}
    </tr>
  )
}

/** The comparison that decided: the first check with an interval. */
function checkNote(
  checks: NonNullable<AnswerOf<'getModelVersion'>['evidence'][number]>['checks'],
  delta: (value: number | null) => string,
): string {
  const found = checks.find((check) => check.interval !== null) ?? checks.find((check) => check.d !== null)
  return found === undefined ? '' : `Δ ${found.metric} ${delta(gainOf(found))}`
}
