import { Link } from '@tanstack/react-router'
import { useMemo, type ReactNode } from 'react'
import type { AnswerOf } from '../../lib/api.ts'
import { useFormat } from '../../lib/format.ts'
import { useT, type Translate } from '../../lib/i18n.tsx'
import { pathTo, useProject, useTitle } from '../../lib/project.tsx'
import { useRead } from '../../lib/queries.ts'
import { Actor } from '../../ui/actor.tsx'
import { DataTable, type Column } from '../../ui/data-table.tsx'
import { PageHead } from '../../ui/layout.tsx'
import { Empty, Panel } from '../../ui/panel.tsx'
import { Status } from '../../ui/status.tsx'
import { Ago } from '../../ui/time.tsx'

export type DatasetRow = AnswerOf<'listDatasets'>['datasets'][number]
type Version = NonNullable<DatasetRow['latest']>

/** Datasets of the project: newest version, contract, freshness. */
export function DatasetsPage(): ReactNode {
  const t = useT()
  const format = useFormat()
  const project = useProject()
  useTitle(t('nav.datasets'))
  const list = useRead('listDatasets', { project })
  const columns = useMemo<readonly Column<DatasetRow>[]>(
    () => [
      {
        id: 'name',
        header: t('common.name'),
        head: true,
        sort: (it) => it.name,
        cell: (it) => (
          <Link className="b" to={pathTo(project, 'datasets', it.name)}>
            {it.name}
          </Link>
        ),
      },
      {
        id: 'latest',
        header: t('datasets.latest'),
        num: true,
        sort: (it) => it.latest?.number ?? null,
        cell: (it) => (it.latest === null ? '–' : `v${it.latest.number}`),
      },
      {
        id: 'state',
        header: t('common.state'),
        cell: (it) => it.latest !== null && <Status state={it.latest.state} />,
      },
      {
        id: 'rows',
        header: t('datasets.rows'),
        num: true,
        sort: (it) => it.latest?.rows ?? null,
        cell: (it) => format.count(it.latest?.rows),
      },
      {
        id: 'size',
        header: t('datasets.size'),
        num: true,
        sort: (it) => it.latest?.sizeBytes ?? null,
        cell: (it) => format.bytes(it.latest?.sizeBytes),
      },
      {
        id: 'contract',
        header: t('datasets.contract'),
        cell: (it) => <ContractState version={it.latest} has={it.contract !== null} t={t} />,
      },
      {
        id: 'fresh',
        header: t('datasets.fresh'),
        num: true,
        sort: (it) => it.latest?.createdAt ?? null,
        cell: (it) => <Ago at={it.latest?.createdAt} />,
      },
      {
        id: 'by',
        header: t('dataset.author'),
        cell: (it) => (it.latest === null ? '–' : <Actor id={it.latest.createdBy} />),
      },
    ],
    [t, format, project],
  )
  return (
    <>
      <PageHead title={t('nav.datasets')} />
      <section className="sec">
        <Panel of={list}>
          {(data) =>
            data.datasets.length === 0 ? (
              <Empty
                title={t('datasets.empty_title')}
                body={t('datasets.empty_body')}
                command="kiban dataset commit flights data/*.parquet"
              />
            ) : (
              <div className="compact">
                <DataTable
                  label={t('nav.datasets')}
                  columns={columns}
                  rows={data.datasets}
                  rowKey={(it) => it.id}
                  rowTo={(it) => pathTo(project, 'datasets', it.name)}
                />
              </div>
            )
          }
        </Panel>
      </section>
    </>
  )
}

/** What the contract said, in one status. */
export function ContractState({ version, has, t }: { version: Version | null; has: boolean; t: Translate }): ReactNode {
  if (!has || version?.checks == null) return <span className="m">{has ? '–' : t('datasets.no_contract')}</span>
  const { broken, warned, rules } = version.checks
  if (broken > 0)
    return (
      <Status
        state={version.state === 'blocked' ? 'blocked' : 'broken'}
        label={t('datasets.broken_of', { broken, rules })}
      />
    )
  if (warned > 0) return <Status state="warned" label={t('datasets.warns_of', { warned, rules })} />
  return <Status state="holds" label={t('datasets.rules_hold', { count: rules })} />
}
