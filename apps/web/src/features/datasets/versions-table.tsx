import { Link } from '@tanstack/react-router'
import { useMemo, type ReactNode } from 'react'
import type { AnswerOf } from '../../lib/api.ts'
import { useFormat } from '../../lib/format.ts'
import { useT } from '../../lib/i18n.tsx'
import { pathTo } from '../../lib/project.tsx'
import { useRead } from '../../lib/queries.ts'
import { Actor } from '../../ui/actor.tsx'
import { DataTable, type Column } from '../../ui/data-table.tsx'
import { Panel } from '../../ui/panel.tsx'
import { Status } from '../../ui/status.tsx'
import { Ago } from '../../ui/time.tsx'

type Version = AnswerOf<'listDatasetVersions'>['versions'][number]

/** Versions, newest first; narrow beside the contract, wide on its own tab. */
export function VersionsTable({
  project,
  dataset,
  wide = false,
  selected,
}: {
  project: string
  dataset: string
  wide?: boolean
  selected: number
}): ReactNode {
  const t = useT()
  const format = useFormat()
  const list = useRead('listDatasetVersions', { project, dataset, limit: wide ? 500 : 12 })
  const columns = useMemo<readonly Column<Version>[]>(
    () => [
      {
        id: 'version',
        header: t('dataset.version'),
        head: true,
        sort: (it) => it.number,
        cell: (it) => (
          <Link className="b" to={pathTo(project, 'datasets', dataset, 'versions', it.number)}>{`v${it.number}`}</Link>
        ),
      },
      { id: 'state', header: t('common.state'), cell: (it) => <Status state={it.state} /> },
      { id: 'rows', header: t('datasets.rows'), num: true, sort: (it) => it.rows, cell: (it) => format.count(it.rows) },
      {
        id: 'new',
        header: t('dataset.new_rows'),
        num: true,
        className: 'm',
        cell: (it) => (it.newRows === null ? '–' : `${it.newRows > 0 ? '+' : ''}${format.count(it.newRows)}`),
      },
      ...(wide
        ? [
            {
              id: 'bytes',
              header: t('dataset.new_bytes'),
              num: true,
              cell: (it: Version) => format.bytes(it.newBytes),
            },
            {
              id: 'message',
              header: t('dataset.message'),
              className: 'clip',
              width: '30%',
              cell: (it: Version) => it.stateReason ?? it.message,
            },
            { id: 'by', header: t('dataset.author'), cell: (it: Version) => <Actor id={it.createdBy} /> },
          ]
        : []),
      {
        id: 'at',
        header: t('common.created'),
        num: true,
        className: 'm',
        sort: (it) => it.createdAt,
        cell: (it) => <Ago at={it.createdAt} />,
      },
    ],
    [t, format, project, dataset, wide],
  )
  return (
    <Panel of={list} rows={8}>
      {(data) => (
        <DataTable
          compact
          label={t('dataset.versions_title')}
          columns={columns}
          rows={data.versions}
          rowKey={(it) => String(it.number)}
          selected={String(selected)}
          rowTo={(it) => pathTo(project, 'datasets', dataset, 'versions', it.number)}
        />
      )}
    </Panel>
  )
}
