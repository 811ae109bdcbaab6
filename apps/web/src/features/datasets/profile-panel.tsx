import { useMemo, type ReactNode } from 'react'
import type { AnswerOf } from '../../lib/api.ts'
import { useFormat, type Format } from '../../lib/format.ts'
import { useT, type Translate } from '../../lib/i18n.tsx'
import { useRead } from '../../lib/queries.ts'
import { MiniBars } from '../../ui/charts/small.tsx'
import { DataTable, type Column } from '../../ui/data-table.tsx'
import { Section } from '../../ui/layout.tsx'
import { Panel } from '../../ui/panel.tsx'

type ColumnProfile = AnswerOf<'getDatasetProfile'>['columns'][number]

/** Each column: type, missing, range or commonest value, distribution. */
export function ProfilePanel({
  project,
  dataset,
  version,
  limit,
}: {
  project: string
  dataset: string
  version: number
  limit?: number
}): ReactNode {
  const t = useT()
  const format = useFormat('UTC')
  const profile = useRead('getDatasetProfile', { project, dataset, version: String(version) })
  const rows = profile.data?.rows ?? 0
  const columns = useMemo<readonly Column<ColumnProfile>[]>(
    () => [
      {
        id: 'column',
        header: t('dataset.column'),
        head: true,
        className: 'b',
        sort: (it) => it.name,
        cell: (it) => it.name,
      },
      {
        id: 'type',
        header: t('dataset.type'),
        className: 'm',
        sort: (it) => it.type,
        cell: (it) => it.type.toLowerCase(),
      },
      {
        id: 'missing',
        header: t('dataset.missing'),
        num: true,
        sort: (it) => it.nulls,
        cell: (it) => (it.nulls === 0 ? '0' : format.percent(it.nulls / Math.max(1, rows))),
      },
      ...(limit === undefined
        ? [
            {
              id: 'distinct',
              header: t('dataset.distinct'),
              num: true,
              sort: (it: ColumnProfile) => it.distinct,
              cell: (it: ColumnProfile) => format.short(it.distinct),
            },
          ]
        : []),
      { id: 'range', header: t('dataset.range'), cell: (it) => rangeText(it, rows, format, t) },
      {
        id: 'distribution',
        header: t('dataset.distribution'),
        width: 130,
        cell: (it) => (
          <MiniBars
            counts={it.histogram?.counts ?? it.top?.map((entry) => entry.count) ?? []}
            label={t('dataset.distribution_label', { column: it.name })}
          />
        ),
      },
    ],
    [t, format, rows, limit],
  )
  return (
    <Section
      title={t('dataset.profile_title', { number: version })}
      note={
        profile.data !== undefined &&
        t('dataset.profile_note', { count: profile.data.columns.length, rows: format.count(rows) })
      }
    >
      <Panel of={profile} rows={8}>
        {(data) => (
          <DataTable
            compact
            label={t('dataset.tab_profile')}
            columns={columns}
            rows={limit === undefined ? data.columns : data.columns.slice(0, limit)}
            rowKey={(it) => it.name}
          />
        )}
      </Panel>
    </Section>
  )
}

function rangeText(it: ColumnProfile, rows: number, format: Format, t: Translate): string {
  const top = it.top?.[0]
  if (top !== undefined)
    return t('dataset.top', {
      count: format.short(it.distinct),
      value: top.value,
      share: format.percent(top.count / Math.max(1, rows), 0),
    })
  if (it.kind === 'time')
    return [it.min, it.max]
      .map((value) => (typeof value === 'number' ? format.day(value) : String(value ?? '–')))
      .join(' – ')
  const parts = [it.min, it.quantiles?.p50 ?? null, it.max]
  return parts.every((part) => part === null)
    ? '–'
    : parts.map((part) => (typeof part === 'number' ? format.number(part) : String(part ?? '–'))).join(', ')
}
