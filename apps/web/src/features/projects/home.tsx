import { Link, useNavigate } from '@tanstack/react-router'
import { useEffect, useMemo, type ReactNode } from 'react'
import { EventsProvider } from '../../lib/events.tsx'
import { useFormat } from '../../lib/format.ts'
import { useT } from '../../lib/i18n.tsx'
import { CrumbProvider, type Project } from '../../lib/project.tsx'
import { useRead } from '../../lib/queries.ts'
import { DataTable, type Column } from '../../ui/data-table.tsx'
import { Icon } from '../../ui/icon.tsx'
import { PageHead } from '../../ui/layout.tsx'
import { Empty, Panel } from '../../ui/panel.tsx'
import { Ago } from '../../ui/time.tsx'

/** `/`: the projects. An address that an MLflow client printed (`#/experiments/1/runs/<id>`) leads to our page of it. */
export function Home(): ReactNode {
  const t = useT()
  const format = useFormat('UTC')
  const navigate = useNavigate()
  const projects = useRead('listProjects', {}, { refetchMs: 10_000 })
  useEffect(() => {
    const found = /#\/experiments\/\d+\/runs\/([\w-]+)/.exec(location.hash)
    if (found !== null) void navigate({ to: `/go/${found[1]}`, replace: true })
    else document.title = 'Kiban'
  }, [navigate])
  const columns = useMemo<readonly Column<Project>[]>(
    () => [
      {
        id: 'name',
        header: t('home.name'),
        head: true,
        sort: (it) => it.name,
        cell: (it) => (
          <Link to={`/p/${it.name}`} className="b">
            {it.name}
          </Link>
        ),
      },
      { id: 'about', header: t('home.about'), cell: (it) => it.title || it.description || '–' },
      {
        id: 'clock',
        header: t('home.clock'),
        cell: (it) => (it.clock.mode === 'replay' ? t('app.sample_clock', { time: format.full(it.clock.now) }) : '–'),
      },
      { id: 'revision', header: t('home.revision'), num: true, cell: (it) => it.revision },
      {
        id: 'created',
        header: t('home.created'),
        num: true,
        sort: (it) => it.createdAt,
        cell: (it) => <Ago at={it.createdAt} />,
      },
    ],
    [t, format],
  )
  return (
    <EventsProvider project={null}>
      <CrumbProvider>
        <main id="main" className="home">
          <p className="brand">
            <Icon name="logo" className="logo" />
            <span className="b">{BRAND}</span>
          </p>
          <PageHead title={t('home.title')} />
          <section className="sec">
            <Panel of={projects}>
              {(data) =>
                data.projects.length === 0 ? (
                  <Empty
                    title={t('home.empty_title')}
                    body={t('home.empty_body')}
                    command={'kiban init\nkiban apply'}
                  />
                ) : (
                  <DataTable
                    label={t('home.title')}
                    columns={columns}
                    rows={data.projects}
                    rowKey={(it) => it.id}
                    rowTo={(it) => `/p/${it.name}`}
                  />
                )
              }
            </Panel>
          </section>
        </main>
      </CrumbProvider>
    </EventsProvider>
  )
}

const BRAND = 'Kiban'
