import { useState, type ReactNode } from 'react'
import { addressOf } from '../../lib/api.ts'
import { useFormat } from '../../lib/format.ts'
import { useT } from '../../lib/i18n.tsx'
import { useRead } from '../../lib/queries.ts'
import { ShortHash } from '../../ui/copy.tsx'
import { KeyValues, Section, Segmented } from '../../ui/layout.tsx'
import { Nothing, Panel } from '../../ui/panel.tsx'
import { TableBox } from '../../ui/table-box.tsx'

type Of = { readonly project: string; readonly dataset: string; readonly version: number }
const PAGE = 50
const VIEWS = ['usable', 'committed', 'quarantine'] as const

/** Rows of a version, as used, as committed, or held back. */
export function PreviewPanel({ project, dataset, version }: Of): ReactNode {
  const t = useT()
  const format = useFormat()
  const [view, setView] = useState<(typeof VIEWS)[number]>('usable')
  const [offset, setOffset] = useState(0)
  const rows = useRead(
    'previewDatasetVersion',
    { project, dataset, version: String(version), limit: PAGE, offset, view },
    { keep: true },
  )
  const total = rows.data?.total ?? 0
  return (
    <Section
      title={t('dataset.tab_preview')}
      note={
        total > 0 &&
        t('dataset.preview_note', {
          from: format.count(offset + 1),
          to: format.count(Math.min(total, offset + PAGE)),
          total: format.count(total),
        })
      }
      aside={
        <span className="cursorbar">
          <Segmented
            label={t('dataset.view')}
            value={view}
            onChange={(next) => {
              setView(next)
              setOffset(0)
            }}
            options={[
              ['usable', t('dataset.preview_usable')],
              ['committed', t('dataset.preview_committed')],
              ['quarantine', t('dataset.preview_quarantine')],
            ]}
          />
          <button
            type="button"
            className="btn"
            disabled={offset === 0}
            onClick={() => setOffset(Math.max(0, offset - PAGE))}
          >
            {t('dataset.previous')}
          </button>
          <button
            type="button"
            className="btn"
            disabled={offset + PAGE >= total}
            onClick={() => setOffset(offset + PAGE)}
          >
            {t('dataset.next')}
          </button>
        </span>
      }
    >
      <Panel of={rows} rows={12}>
        {(data) =>
          data.rows.length === 0 ? (
            <Nothing>{t('dataset.no_rows')}</Nothing>
          ) : (
            <div className="tbox" tabIndex={0} role="region" aria-label={t('dataset.tab_preview')}>
              <table className="compact">
                <thead>
                  <tr>
                    {data.columns.map((column) => (
                      <th
                        key={column.name}
                        scope="col"
                        className={column.kind === 'number' ? 'num' : undefined}
                        title={column.type}
                      >
                        {column.name}
                      </th>
                    ))}
                  </tr>
                </thead>
                <tbody>
                  {data.rows.map((row, index) => (
                    <tr key={offset + index}>
                      {row.map((value, column) => (
                        <td
                          key={data.columns[column]?.name ?? column}
                          className={data.columns[column]?.kind === 'number' ? 'num' : undefined}
                        >
                          {value === null ? (
                            <span className="m">–</span>
                          ) : data.columns[column]?.kind === 'time' && typeof value === 'number' ? (
                            new Date(value).toISOString()
                          ) : typeof value === 'object' ? (
                            JSON.stringify(value)
                          ) : (
                            String(value)
                          )}
                        </td>
                      ))}
                    </tr>
                  ))}
                </tbody>
              </table>
            </div>
          )
        }
      </Panel>
    </Section>
  )
}

/** What changed since the version before: columns, rows, files. */
export function DiffPanel({
  project,
  dataset,
  from,
  to,
}: {
  project: string
  dataset: string
  from: number | null
  to: number
}): ReactNode {
  const t = useT()
  const format = useFormat()
  const diff = useRead(
    'diffDatasetVersions',
    { project, dataset, from: String(from), to: String(to) },
    { enabled: from !== null },
  )
  if (from === null)
    return (
      <section className="sec">
        <Nothing>{t('dataset.diff_first')}</Nothing>
      </section>
    )
  return (
    <Panel of={diff}>
      {(data) => (
        <div className="cols" style={{ gridTemplateColumns: 'repeat(3, minmax(0, 1fr))' }}>
          <Section title={t('dataset.diff_rows')} note={t('dataset.diff_note', { from: data.from, to: data.to })}>
            {data.rows === null ? (
              <Nothing>–</Nothing>
            ) : (
              <KeyValues
                rows={[
                  [t('dataset.diff_added'), `+${format.count(data.rows.added)}`],
                  [t('dataset.diff_removed'), format.count(-data.rows.removed)],
                  [t('dataset.diff_changed'), data.rows.changed === null ? '–' : format.count(data.rows.changed)],
                ]}
              />
            )}
          </Section>
          <Section title={t('dataset.diff_columns')}>
            <KeyValues
              rows={[
                [t('dataset.diff_added'), data.columns.added.map((it) => it.name).join(', ') || t('common.none')],
                [t('dataset.diff_removed'), data.columns.removed.map((it) => it.name).join(', ') || t('common.none')],
                [
                  t('dataset.diff_changed'),
                  data.columns.changed.map((it) => `${it.name}: ${it.from} → ${it.to}`).join(', ') || t('common.none'),
                ],
              ]}
            />
          </Section>
          <Section title={t('dataset.diff_files')}>
            <KeyValues
              rows={[
                [t('dataset.diff_added'), data.files.added.map((it) => it.path).join(', ') || t('common.none')],
                [t('dataset.diff_removed'), data.files.removed.map((it) => it.path).join(', ') || t('common.none')],
                [t('dataset.diff_changed'), data.files.changed.map((it) => it.path).join(', ') || t('common.none')],
                [t('dataset.diff_unchanged'), format.count(data.files.unchanged)],
              ]}
            />
          </Section>
        </div>
      )}
    </Panel>
  )
}

/** Files of a version, each to download. */
export function FilesPanel({ project, dataset, version }: Of): ReactNode {
  const t = useT()
  const format = useFormat()
  const files = useRead('listDatasetFiles', { project, dataset, version: String(version), limit: 1000 })
  return (
    <Section title={t('dataset.tab_files')}>
      <Panel of={files}>
        {(data) => (
          <TableBox>
            <table className="compact">
              <thead>
                <tr>
                  <th scope="col">{t('dataset.path')}</th>
                  <th scope="col" className="num">
                    {t('datasets.size')}
                  </th>
                  <th scope="col">{t('dataset.hash')}</th>
                </tr>
              </thead>
              <tbody>
                {data.files.map((file) => (
                  <tr key={file.path}>
                    <th scope="row">
                      <a
                        href={addressOf('downloadDatasetFile', {
                          project,
                          dataset,
                          version: String(version),
                          path: file.path,
                        })}
                        download
                      >
                        {file.path}
                      </a>
                    </th>
                    <td className="num">{format.bytes(file.sizeBytes)}</td>
                    <td>
                      <ShortHash hash={file.hash} />
                    </td>
                  </tr>
                ))}
              </tbody>
            </table>
          </TableBox>
        )}
      </Panel>
    </Section>
  )
}
