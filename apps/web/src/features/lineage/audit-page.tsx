import { useMemo, useState, type ReactNode } from 'react'
import { addressOf, type AnswerOf } from '../../lib/api.ts'
import { useFormat } from '../../lib/format.ts'
import { useT } from '../../lib/i18n.tsx'
import { useProject, useTitle } from '../../lib/project.tsx'
import { useRead } from '../../lib/queries.ts'
import { Actor } from '../../ui/actor.tsx'
import { DataTable, type Column } from '../../ui/data-table.tsx'
import { Icon } from '../../ui/icon.tsx'
import { PageHead, Section } from '../../ui/layout.tsx'
import { Nothing, Panel } from '../../ui/panel.tsx'
import { Status } from '../../ui/status.tsx'
import { At } from '../../ui/time.tsx'

type Event = AnswerOf<'listAuditEvents'>['events'][number]

/** What an event is about: by the name it carries, else by its id. */
export function resourceText(event: Pick<Event, 'resource' | 'before' | 'after' | 'details'>): string {
  const kind = event.resource.kind.replaceAll('_', ' ')
  for (const part of [event.after, event.before, event.details]) {
    if (typeof part !== 'object' || part === null || Array.isArray(part)) continue
    if (typeof part['pipeline'] === 'string')
      return `${kind} ${part['pipeline']}${typeof part['number'] === 'number' ? ` #${part['number']}` : ''}`
    const name = part['name'] ?? part['dataset'] ?? part['model'] ?? part['endpoint']
    const number = part['number'] ?? part['version']
    if (typeof name === 'string') return `${kind} ${name}${typeof number === 'number' ? ` v${number}` : ''}`
    if (typeof number === 'number') return `${kind} #${number}`
  }
  return `${kind} ${event.resource.id}`
}

/** Who changed what, newest first, whether the sealed chain holds, and one event's before and after. */
export function AuditPage(): ReactNode {
  const t = useT()
  const format = useFormat()
  const project = useProject()
  const [cursors, setCursors] = useState<readonly string[]>([])
  const [selected, setSelected] = useState<string | null>(null)
  useTitle(t('nav.audit'))
  const cursor = cursors.at(-1)
  const list = useRead(
    'listAuditEvents',
    { project, limit: 100, ...(cursor === undefined ? {} : { cursor }) },
    { keep: true },
  )
  const verified = useRead('verifyAudit', {}, { refetchMs: 60_000 })
  const columns = useMemo<readonly Column<Event>[]>(
    () => [
      { id: 'seq', header: t('audit.seq'), num: true, width: 64, className: 'm', cell: (it) => it.seq ?? '…' },
      { id: 'time', header: t('audit.time'), sort: (it) => it.time, cell: (it) => <At at={it.time} /> },
      {
        id: 'actor',
        header: t('audit.actor'),
        sort: (it) => it.actor,
        cell: (it) => (
          <>
            <Actor id={it.actor} />
            {it.onBehalfOf !== null && (
              <span className="m">
                {' '}
                ← <Actor id={it.onBehalfOf} />
              </span>
            )}
          </>
        ),
      },
      {
        id: 'action',
        header: t('audit.action'),
        head: true,
        className: 'b',
        sort: (it) => it.action,
        cell: (it) => it.action,
      },
      { id: 'resource', header: t('audit.resource'), className: 'clip', width: '36%', cell: (it) => resourceText(it) },
      {
        id: 'outcome',
        header: t('common.state'),
        cell: (it) => <Status state={it.outcome === 'done' ? 'done' : 'refused'} />,
      },
      { id: 'hash', header: t('audit.hash'), className: 'id', cell: (it) => it.hash?.slice(0, 8) ?? '…' },
    ],
    [t],
  )
  const event = list.data?.events.find((it) => it.id === selected)
  return (
    <>
      <PageHead
        title={t('nav.audit')}
        status={
          verified.data !== undefined &&
          (verified.data.verified ? (
            <Status state="succeeded" label={t('audit.verified', { count: format.count(verified.data.events) })} />
          ) : (
            <Status state="failed" label={t('audit.broken', { fault: verified.data.faults[0] ?? '' })} />
          ))
        }
        meta={<span>{t('audit.note')}</span>}
        actions={
          <a className="btn" href={addressOf('exportAudit', {})} download>
            <Icon name="download" />
            {t('audit.export')}
          </a>
        }
      />
      <div
        className="cols sec"
        style={{ gridTemplateColumns: event === undefined ? 'minmax(0, 1fr)' : 'minmax(0, 1fr) 420px', gap: 32 }}
      >
        <div>
          <Panel of={list} rows={12}>
            {(data) =>
              data.events.length === 0 ? (
                <Nothing>{t('audit.none')}</Nothing>
              ) : (
                <DataTable
                  compact
                  label={t('nav.audit')}
                  columns={columns}
                  rows={data.events}
                  rowKey={(it) => it.id}
                  selected={selected}
                  onSelect={(it) => setSelected(it.id === selected ? null : it.id)}
                />
              )
            }
          </Panel>
          <p className="gap cursorbar">
            <button
              type="button"
              className="btn"
              disabled={cursors.length === 0}
              onClick={() => setCursors(cursors.slice(0, -1))}
            >
              {t('dataset.previous')}
            </button>
            <button
              type="button"
              className="btn"
              disabled={list.data?.cursor == null}
              onClick={() => list.data?.cursor != null && setCursors([...cursors, list.data.cursor])}
            >
              {t('audit.more')}
            </button>
          </p>
        </div>
        {event !== undefined && (
          <div>
            <Section first title={t('audit.details')} note={event.id}>
              {(
                [
                  [t('audit.before'), event.before],
                  [t('audit.after'), event.after],
                  [t('audit.details'), event.details],
                ] as const
              ).map(([name, value]) =>
                value === null ? null : (
                  <div key={name} className="gap">
                    <h3>{name}</h3>
                    <pre className="wrapped" tabIndex={0}>
                      {JSON.stringify(value, null, 2)}
                    </pre>
                  </div>
                ),
              )}
            </Section>
          </div>
        )}
      </div>
    </>
  )
}
