import { Link, useNavigate } from '@tanstack/react-router'
import { useMemo, type ReactNode } from 'react'
import type { AnswerOf } from '../../lib/api.ts'
import { useFormat } from '../../lib/format.ts'
import { useT } from '../../lib/i18n.tsx'
import { pathTo, useProject, useSearchPart, useTitle } from '../../lib/project.tsx'
import { useRead } from '../../lib/queries.ts'
import { DataTable, type Column } from '../../ui/data-table.tsx'
import { PageHead, Segmented } from '../../ui/layout.tsx'
import { Empty, Panel } from '../../ui/panel.tsx'
import { Status } from '../../ui/status.tsx'
import { Ago, Took } from '../../ui/time.tsx'

type JobRow = AnswerOf<'listJobs'>['jobs'][number]

/** The queue in its order with why each job waits, then what runs and ran. */
export function JobsPage(): ReactNode {
  const t = useT()
  const format = useFormat()
  const project = useProject()
  const navigate = useNavigate()
  const view = useSearchPart()['view'] === 'active' ? 'active' : 'all'
  useTitle(t('nav.jobs'))
  const list = useRead(
    'listJobs',
    { project, limit: 200, ...(view === 'active' ? { active: 'true' } : {}) },
    { refetchMs: 5_000, keep: true },
  )
  const columns = useMemo<readonly Column<JobRow>[]>(
    () => [
      { id: 'place', header: t('jobs.place'), num: true, width: 48, cell: (it) => it.position ?? '–' },
      {
        id: 'job',
        header: t('jobs.job'),
        head: true,
        sort: (it) => it.name,
        cell: (it) => <Link to={pathTo(project, 'jobs', it.id)}>{it.name}</Link>,
      },
      { id: 'state', header: t('common.state'), sort: (it) => it.state, cell: (it) => <Status state={it.state} /> },
      {
        id: 'why',
        header: t('jobs.why'),
        className: 'clip',
        width: '34%',
        cell: (it) => it.reason ?? it.message ?? '–',
      },
      {
        id: 'asked',
        header: t('jobs.asked'),
        className: 'm',
        cell: (it) => t('jobs.resources', { cpu: it.resources.cpu, memory: format.bytes(it.resources.memoryBytes) }),
      },
      {
        id: 'waited',
        header: t('jobs.waited'),
        num: true,
        sort: (it) => it.waitedMs,
        cell: (it) => format.duration(it.waitedMs),
      },
      {
        id: 'took',
        header: t('common.duration'),
        num: true,
        cell: (it) => <Took from={it.startedAt} to={it.endedAt} />,
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
  const jobs = list.data?.jobs ?? []
  const capacity = list.data?.capacity
  return (
    <>
      <PageHead
        title={t('nav.jobs')}
        meta={
          list.data !== undefined && (
            <>
              <span>
                {t('jobs.meta', {
                  queued: jobs.filter((it) => it.state === 'queued').length,
                  running: jobs.filter((it) => it.state === 'running' || it.state === 'preparing').length,
                })}
              </span>
              {capacity !== undefined && (
                <span>
                  {t('jobs.capacity', {
                    used: format.number(capacity.cpuUsed),
                    total: format.number(capacity.cpu),
                    memory: format.bytes(capacity.memoryUsedBytes),
                    memoryTotal: format.bytes(capacity.memoryBytes),
                  })}
                </span>
              )}
            </>
          )
        }
        actions={
          <Segmented
            label={t('common.state')}
            value={view}
            onChange={(next) => void navigate({ to: '.', search: next === 'all' ? {} : { view: next }, replace: true })}
            options={[
              ['all', t('common.all')],
              ['active', t('jobs.active')],
            ]}
          />
        }
      />
      <section className="sec">
        <Panel of={list} rows={10}>
          {(data) =>
            data.jobs.length === 0 ? (
              <Empty title={t('jobs.empty_title')} body={t('jobs.empty_body')} command="kiban pipeline run train" />
            ) : (
              <DataTable
                compact
                label={t('nav.jobs')}
                columns={columns}
                rows={data.jobs}
                rowKey={(it) => it.id}
                rowTo={(it) => pathTo(project, 'jobs', it.id)}
              />
            )
          }
        </Panel>
      </section>
    </>
  )
}
