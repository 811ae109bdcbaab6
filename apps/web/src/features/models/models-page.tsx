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
import { Ago } from '../../ui/time.tsx'

type Row = AnswerOf<'listModels'>['items'][number]

/** The registry: what is in production, what waits. */
export function ModelsPage(): ReactNode {
  const t = useT()
  const project = useProject()
  useTitle(t('nav.models'))
  const list = useRead('listModels', { project, limit: 500 })
  const columns = useMemo<readonly Column<Row>[]>(
    () => [
      {
        id: 'name',
        header: t('common.name'),
        head: true,
        sort: (it) => it.name,
        cell: (it) => (
          <Link className="b" to={pathTo(project, 'models', it.name)}>
            {it.name}
          </Link>
        ),
      },
      {
        id: 'production',
        header: t('models.production'),
        cell: (it) => versionLink(project, it.name, it.aliases.find((alias) => alias.alias === 'production')?.number),
      },
      { id: 'latest', header: t('models.latest'), cell: (it) => versionLink(project, it.name, it.latest ?? undefined) },
      {
        id: 'versions',
        header: t('models.versions'),
        num: true,
        sort: (it) => it.versionCount,
        cell: (it) => it.versionCount,
      },
      {
        id: 'waiting',
        header: t('models.waiting'),
        cell: (it) =>
          it.waiting.length === 0 ? (
            '–'
          ) : (
            <Status state="awaiting_approval" label={it.waiting.map((number) => `v${number}`).join(', ')} />
          ),
      },
      {
        id: 'task',
        header: t('models.task'),
        className: 'm',
        cell: (it) => [it.task, it.target].filter((part) => part !== null).join(' · ') || '–',
      },
      {
        id: 'updated',
        header: t('models.updated'),
        num: true,
        sort: (it) => it.updatedAt,
        cell: (it) => <Ago at={it.updatedAt} />,
      },
    ],
    [t, project],
  )
  return (
    <>
      <PageHead title={t('nav.models')} />
      <section className="sec">
        <Panel of={list}>
          {(data) =>
            data.items.length === 0 ? (
              <Empty
                title={t('models.empty_title')}
                body={t('models.empty_body')}
                command={
                  'release:\n  uses: kiban/release\n  inputs: { model: "${{ steps.train.outputs.model }}", name: delay }'
                }
              />
            ) : (
              <DataTable
                label={t('nav.models')}
                columns={columns}
                rows={data.items}
                rowKey={(it) => it.id}
                rowTo={(it) => pathTo(project, 'models', it.name)}
              />
            )
          }
        </Panel>
      </section>
    </>
  )
}

function versionLink(project: string, model: string, number: number | undefined): ReactNode {
  return number === undefined ? (
    '–'
  ) : (
    <Link to={pathTo(project, 'models', model, 'versions', number)}>{`v${number}`}</Link>
  )
}
