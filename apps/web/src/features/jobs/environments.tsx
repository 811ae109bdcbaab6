import { Link } from '@tanstack/react-router'
import { useMemo, type ReactNode } from 'react'
import type { AnswerOf } from '../../lib/api.ts'
import { useFormat } from '../../lib/format.ts'
import { useT } from '../../lib/i18n.tsx'
import { pathTo, useAddress, useProject, useTitle } from '../../lib/project.tsx'
import { useChange, useRead } from '../../lib/queries.ts'
import { ShortHash } from '../../ui/copy.tsx'
import { DataTable, type Column } from '../../ui/data-table.tsx'
import { EnvironmentLog } from '../../ui/log-view.tsx'
import { PageHead, Section } from '../../ui/layout.tsx'
import { Empty, Failure, Panel, Skeleton } from '../../ui/panel.tsx'
import { Status } from '../../ui/status.tsx'
import { Ago, Took } from '../../ui/time.tsx'

type Row = AnswerOf<'listEnvironments'>['environments'][number]

/** Environments of the project: what was asked, what was installed, by which builder. */
export function EnvironmentsPage(): ReactNode {
  const t = useT()
  const format = useFormat()
  const project = useProject()
  useTitle(t('nav.environments'))
  const list = useRead('listEnvironments', { project })
  const columns = useMemo<readonly Column<Row>[]>(
    () => [
      {
        id: 'name',
        header: t('common.name'),
        head: true,
        sort: (it) => it.name,
        cell: (it) => (
          <Link className="b" to={pathTo(project, 'environments', it.id)}>
            {it.name}
          </Link>
        ),
      },
      { id: 'state', header: t('common.state'), cell: (it) => <Status state={it.state} /> },
      {
        id: 'asked',
        header: t('environments.asked'),
        className: 'clip',
        width: '28%',
        cell: (it) => it.error?.message ?? it.asked,
      },
      {
        id: 'packages',
        header: t('environments.packages'),
        num: true,
        sort: (it) => it.packageCount,
        cell: (it) => format.count(it.packageCount),
      },
      {
        id: 'size',
        header: t('datasets.size'),
        num: true,
        sort: (it) => it.sizeBytes,
        cell: (it) => format.bytes(it.sizeBytes),
      },
      {
        id: 'lock',
        header: t('environments.lock'),
        cell: (it) => (it.lockHash === null ? '–' : <ShortHash hash={it.lockHash} />),
      },
      { id: 'builder', header: t('environments.built_by'), cell: (it) => it.builder ?? '–' },
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
  return (
    <>
      <PageHead title={t('nav.environments')} />
      <section className="sec">
        <Panel of={list}>
          {(data) =>
            data.environments.length === 0 ? (
              <Empty
                title={t('environments.empty_title')}
                body={t('environments.empty_body')}
                command={'environments:\n  py: { python: "3.11", requirements: requirements.txt }'}
              />
            ) : (
              <DataTable
                label={t('nav.environments')}
                columns={columns}
                rows={data.environments}
                rowKey={(it) => it.id}
                rowTo={(it) => pathTo(project, 'environments', it.id)}
              />
            )
          }
        </Panel>
      </section>
    </>
  )
}

/** One environment: its packages and the log of its build. */
export function EnvironmentPage(): ReactNode {
  const t = useT()
  const format = useFormat()
  const project = useProject()
  const id = useAddress('environment')
  const one = useRead('getEnvironment', { project, id }, { refetchMs: 10_000 })
  const rebuild = useChange('rebuildEnvironment')
  useTitle(one.data?.name)
  const columns = useMemo<readonly Column<{ name: string; version: string }>[]>(
    () => [
      { id: 'name', header: t('common.name'), head: true, sort: (it) => it.name, cell: (it) => it.name },
      { id: 'version', header: t('environment.version'), num: true, className: 'mono', cell: (it) => it.version },
    ],
    [t],
  )
  if (one.error !== null && one.data === undefined)
    return <Failure error={one.error} onRetry={() => void one.refetch()} />
  if (one.data === undefined) return <Skeleton rows={8} />
  const it = one.data
  return (
    <div className="column">
      <PageHead
        title={it.name}
        status={<Status state={it.state} />}
        meta={
          <>
            <span>{it.asked}</span>
            {it.python !== null && <span>{`Python ${it.python}`}</span>}
            <span>{format.bytes(it.sizeBytes)}</span>
            {it.lockHash !== null && (
              <span>
                {t('environments.lock')} <ShortHash hash={it.lockHash} />
              </span>
            )}
            <span>
              <Took from={it.startedAt} to={it.endedAt} />
            </span>
          </>
        }
        actions={
          <button
            type="button"
            className="btn"
            disabled={it.state !== 'failed' || rebuild.isPending}
            onClick={() => rebuild.mutate({ project, id })}
          >
            {t('environment.rebuild')}
          </button>
        }
      />
      {it.error !== null && (
        <div className="call sec">
          <p className="b">{it.error.message}</p>
        </div>
      )}
      <div className="cols" style={{ gridTemplateColumns: 'minmax(0, 2fr) minmax(0, 1fr)' }}>
        <Section title={t('environment.installed')} note={format.count(it.packages.length)}>
          <DataTable
            compact
            label={t('environment.installed')}
            columns={columns}
            rows={it.packages}
            rowKey={(row) => row.name}
          />
        </Section>
        <Section title={t('environment.requirements')}>
          <pre tabIndex={0}>{it.requirements.join('\n')}</pre>
        </Section>
      </div>
      <div className="dock">
        <div className="pad0">
          <h2>{t('environment.log')}</h2>
        </div>
        <EnvironmentLog project={project} environment={id} />
      </div>
    </div>
  )
}
