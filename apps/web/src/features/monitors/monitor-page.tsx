import { Link, useNavigate } from '@tanstack/react-router'
import { useMemo, type ReactNode } from 'react'
import type { AnswerOf } from '../../lib/api.ts'
import { useFormat } from '../../lib/format.ts'
import { useT } from '../../lib/i18n.tsx'
import { pathTo, useAddress, useProject, useSearchPart, useTitle } from '../../lib/project.tsx'
import { useChange, useRead } from '../../lib/queries.ts'
import type { MessageKey } from '../../messages/index.ts'
import { DataTable, type Column } from '../../ui/data-table.tsx'
import { PageHead, Section, Segmented } from '../../ui/layout.tsx'
import { Failure, Nothing, Panel, Skeleton } from '../../ui/panel.tsx'
import { Status } from '../../ui/status.tsx'
import { AlertCall } from './alert-call.tsx'
import { FeaturesPanel } from './features-panel.tsx'
import { LoopStrip } from './loop-strip.tsx'
import { SignalLanes } from './signal-lanes.tsx'

type Window = AnswerOf<'listMonitorWindows'>['windows'][number]

/** One monitor: the verdict and its rule, signals on one time axis, features by importance × drift, labels, alerts, the loop. */
export function MonitorPage(): ReactNode {
  const t = useT()
  const project = useProject()
  const navigate = useNavigate()
  const name = useAddress('monitor')
  const search = useSearchPart()
  const grain = search['grain'] === 'day' ? 'day' : 'window'
  useTitle(name)
  const one = useRead('getMonitor', { project, monitor: name }, { refetchMs: 10_000 })
  const format = useFormat(one.data?.timeZone)
  const series = useRead('listMonitorSeries', { project, monitor: name, grain }, { refetchMs: 15_000, keep: true })
  const windows = useRead('listMonitorWindows', { project, monitor: name, grain, limit: 400 }, { keep: true })
  const alerts = useRead('listAlerts', { project, monitor: name, limit: 50 })
  const loops = useRead('listLoops', { project })
  const recompute = useChange('recomputeMonitorWindow')
  const columns = useMemo<readonly Column<Window>[]>(
    () => [
      {
        id: 'label',
        header: t('monitor.window_head'),
        head: true,
        className: 'b',
        sort: (it) => it.startAt,
        cell: (it) => it.label,
      },
      { id: 'state', header: t('common.state'), cell: (it) => <Status state={it.state} /> },
      { id: 'rows', header: t('monitors.rows'), num: true, sort: (it) => it.rows, cell: (it) => format.count(it.rows) },
      { id: 'labelled', header: t('monitor.labelled'), num: true, cell: (it) => format.count(it.labelledRows) },
      {
        id: 'coverage',
        header: t('monitor.coverage'),
        num: true,
        sort: (it) => it.labelCoverage,
        cell: (it) => format.percent(it.labelCoverage),
      },
      {
        id: 'signals',
        header: t('monitor.verdicts'),
        className: 'clip',
        width: '44%',
        cell: (it) =>
          it.signals.map((signal) => (
            <span key={signal.signal} title={signal.summary} className="sig0">
              <Status
                state={signal.status}
                label={
                  t(`signal.${signal.signal}` as MessageKey) /* one message for each member of the contract's enum */
                }
              />
            </span>
          )),
      },
      {
        id: 'versions',
        header: t('endpoint.versions'),
        className: 'm',
        cell: (it) => it.versions.map((version) => version.version).join(', '),
      },
      {
        id: 'recomputed',
        header: t('monitor.recomputed'),
        num: true,
        className: 'm',
        cell: (it) => it.recomputed || '–',
      },
    ],
    [t, format],
  )
  if (one.error !== null && one.data === undefined)
    return <Failure error={one.error} onRetry={() => void one.refetch()} />
  if (one.data === undefined) return <Skeleton rows={10} />
  const it = one.data
  const last = it.lastWindow
  const open = alerts.data?.alerts.filter((alert) => alert.state !== 'resolved') ?? []
  const worst = open.find((alert) => alert.severity === 'error') ?? open[0]
  const done = windows.data?.windows.filter((window) => window.state === 'done') ?? []
  const chosen = search['window'] ?? done[0]?.id
  const setSearch = (part: Record<string, string | undefined>) =>
    void navigate({ to: '.', search: { ...search, ...part }, replace: true })
  const related = loops.data?.loops.filter((loop) => loop.when.some((when) => when.monitor === name)) ?? []
  return (
    <>
      <PageHead
        title={it.name}
        status={<Status state={it.state} />}
        meta={
          <>
            <span>
              {t('monitor.meta_endpoint')} <Link to={pathTo(project, 'endpoints', it.endpoint)}>{it.endpoint}</Link>
            </span>
            <span>{t('monitor.meta_reference', { reference: it.reference })}</span>
            <span>{t('monitor.meta_window', { window: it.window, zone: it.timeZone })}</span>
            {last !== null && last.labelCoverage !== null && (
              <span>
                {t('monitor.meta_labels', { coverage: format.percent(last.labelCoverage), window: last.label })}
              </span>
            )}
            {worst === undefined && <span>{it.reason}</span>}
          </>
        }
        actions={
          <Segmented
            label={t('monitor.grain')}
            value={grain}
            onChange={(next) => setSearch({ grain: next === 'window' ? undefined : next, window: undefined })}
            options={[
              ['window', t('monitor.by_window')],
              ['day', t('monitor.by_day')],
            ]}
          />
        }
      />
      {worst !== undefined && <AlertCall project={project} alert={worst} timeZone={it.timeZone} />}
      <Panel of={series} rows={8}>
        {(data) =>
          data.series.every((one_) => one_.points.length === 0) ? (
            <Section title={t('monitor.signals')}>
              <Nothing>{t('monitor.none_computed')}</Nothing>
            </Section>
          ) : (
            <SignalLanes
              series={data.series}
              timeZone={it.timeZone}
              windows={windows.data?.windows ?? []}
              chosen={chosen}
              onChoose={(id) => setSearch({ window: id })}
            />
          )
        }
      </Panel>
      {chosen !== undefined && (
        <FeaturesPanel
          key={`${grain} ${chosen}`}
          project={project}
          monitor={name}
          window={chosen}
          aside={related.map((loop) => (
            <LoopStrip key={loop.id} project={project} loop={loop} />
          ))}
        />
      )}
      {chosen === undefined && related.map((loop) => <LoopStrip key={loop.id} project={project} loop={loop} />)}
      <div className="cols" style={{ gridTemplateColumns: 'minmax(0, 1.9fr) minmax(0, 1fr)', gap: 40 }}>
        <Section title={t('monitor.windows')}>
          <Panel of={windows}>
            {(data) =>
              data.windows.length === 0 ? (
                <Nothing>{t('monitor.none_computed')}</Nothing>
              ) : (
                <DataTable
                  compact
                  label={t('monitor.windows')}
                  columns={columns}
                  rows={data.windows.slice(0, 60)}
                  rowKey={(row) => row.id}
                  selected={chosen ?? null}
                  onSelect={(row) => setSearch({ window: row.id })}
                />
              )
            }
          </Panel>
          {chosen !== undefined && grain === 'window' && (
            <p className="gap">
              <button
                type="button"
                className="btn"
                disabled={recompute.isPending}
                onClick={() => recompute.mutate({ project, monitor: name, window: chosen })}
              >
                {t('monitor.recompute')}
              </button>
            </p>
          )}
        </Section>
        <div>
          <Section title={t('monitor.alerts')}>
            {(alerts.data?.alerts.length ?? 0) === 0 ? (
              <Nothing>{t('monitor.alerts_none')}</Nothing>
            ) : (
              <ul className="lines">
                {alerts.data?.alerts.slice(0, 12).map((alert) => (
                  <li key={alert.id}>
                    <Status
                      state={
                        alert.state === 'resolved' ? 'resolved' : alert.severity === 'error' ? 'firing' : 'warning'
                      }
                      label={`${alert.windowLabel} ${alert.metric}`}
                    />
                    <span className="block m">{alert.reason}</span>
                  </li>
                ))}
              </ul>
            )}
          </Section>
          <Section title={t('monitor.rules')}>
            <ul className="lines">
              {it.checks.map((check) => (
                <li key={`${check.signal} ${check.rule}`} className="row">
                  <span className="m">
                    {t(`signal.${check.signal}` as MessageKey) /* one message for each member of the contract's enum */}
                  </span>{' '}
                  <span>{check.rule}</span>
                </li>
              ))}
            </ul>
          </Section>
        </div>
      </div>
    </>
  )
}
