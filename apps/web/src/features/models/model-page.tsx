import { Link } from '@tanstack/react-router'
import { useMemo, type ReactNode } from 'react'
import type { AnswerOf } from '../../lib/api.ts'
import { useFormat } from '../../lib/format.ts'
import { useT } from '../../lib/i18n.tsx'
import { pathTo, useAddress, useProject, useTitle } from '../../lib/project.tsx'
import { useRead } from '../../lib/queries.ts'
import { By } from '../../ui/actor.tsx'
import { DataTable, type Column } from '../../ui/data-table.tsx'
import { PageHead, Section } from '../../ui/layout.tsx'
import { Failure, Nothing, Panel, Skeleton } from '../../ui/panel.tsx'
import { Status } from '../../ui/status.tsx'
import { Ago } from '../../ui/time.tsx'

type Version = AnswerOf<'listModelVersions'>['items'][number]

/** One registered model: its versions, and who moved which alias why. */
export function ModelPage(): ReactNode {
  const t = useT()
  const format = useFormat()
  const project = useProject()
  const name = useAddress('model')
  useTitle(name)
  const model = useRead('getModel', { project, model: name })
  const versions = useRead('listModelVersions', { project, model: name, limit: 200 })
  const moves = useRead('listAliasMoves', { project, model: name, limit: 50 })
  const metrics = useMemo(
    () => [...new Set(versions.data?.items.flatMap((it) => Object.keys(it.metrics)) ?? [])].slice(0, 3),
    [versions.data],
  )
  const columns = useMemo<readonly Column<Version>[]>(
    () => [
      {
        id: 'version',
        header: t('model.version'),
        head: true,
        sort: (it) => it.number,
        cell: (it) => (
          <Link className="b" to={pathTo(project, 'models', name, 'versions', it.number)}>{`v${it.number}`}</Link>
        ),
      },
      { id: 'state', header: t('common.state'), cell: (it) => <Status state={it.state} /> },
      { id: 'aliases', header: t('model.aliases'), cell: (it) => it.aliases.join(', ') || '–' },
      { id: 'why', header: t('model.why'), className: 'clip', width: '34%', cell: (it) => it.stateReason },
      ...metrics.map((metric): Column<Version> => ({
        id: metric,
        header: metric,
        num: true,
        sort: (it) => it.metrics[metric] ?? null,
        cell: (it) => format.number(it.metrics[metric]),
      })),
      {
        id: 'run',
        header: t('model.run'),
        cell: (it) => it.runId !== null && <Link to={pathTo(project, 'runs', it.runId)}>{it.runId.slice(0, 8)}</Link>,
      },
      { id: 'size', header: t('model.size'), num: true, cell: (it) => format.bytes(it.sizeBytes) },
      {
        id: 'created',
        header: t('common.created'),
        num: true,
        sort: (it) => it.createdAt,
        cell: (it) => <Ago at={it.createdAt} />,
      },
    ],
    [t, format, project, name, metrics],
  )
  if (model.error !== null && model.data === undefined)
    return <Failure error={model.error} onRetry={() => void model.refetch()} />
  if (model.data === undefined) return <Skeleton rows={8} />
  const it = model.data
  return (
    <>
      <PageHead
        title={it.name}
        meta={
          <>
            {it.description !== '' && <span>{it.description}</span>}
            {it.task !== null && <span>{it.target === null ? it.task : `${it.task} · ${it.target}`}</span>}
            {it.aliases.map((alias) => (
              <span key={alias.alias}>
                {alias.alias}{' '}
                <Link to={pathTo(project, 'models', it.name, 'versions', alias.number)}>{`v${alias.number}`}</Link>
              </span>
            ))}
          </>
        }
      />
      <Section title={t('model.versions')}>
        <Panel of={versions}>
          {(data) => (
            <DataTable
              label={t('model.versions')}
              columns={columns}
              rows={data.items}
              rowKey={(row) => row.id}
              rowTo={(row) => pathTo(project, 'models', name, 'versions', row.number)}
            />
          )}
        </Panel>
      </Section>
      <Section title={t('model.moves')}>
        <Panel of={moves}>
          {(data) =>
            data.items.length === 0 ? (
              <Nothing>{t('model.moves_none')}</Nothing>
            ) : (
              <ul className="lines">
                {data.items.map((move) => (
                  <li key={move.id} className="row">
                    <span className="b">
                      {t('model.move', {
                        alias: move.alias,
                        from: move.from === null ? t('model.nowhere') : `v${move.from}`,
                        to: move.to === null ? t('model.nowhere') : `v${move.to}`,
                      })}
                    </span>{' '}
                    {move.override && <Status state="warn" label={t('model.move_override')} />}{' '}
                    <span>{move.reason}</span>{' '}
                    <span className="m">
                      <By id={move.actor} /> <Ago at={move.at} />
                    </span>
                  </li>
                ))}
              </ul>
            )
          }
        </Panel>
      </Section>
    </>
  )
}
