import { Link } from '@tanstack/react-router'
import { useId, useState, type ReactNode } from 'react'
import { addressOf, type AnswerOf } from '../../lib/api.ts'
import { useFormat } from '../../lib/format.ts'
import { useT } from '../../lib/i18n.tsx'
import { pathTo, useAddress, useProject, useSearchPart, useTitle } from '../../lib/project.tsx'
import { useChange, useRead } from '../../lib/queries.ts'
import { ShortHash } from '../../ui/copy.tsx'
import { WeightBar } from '../../ui/charts/small.tsx'
import { By } from '../../ui/actor.tsx'
import { PageHead, Section, Tabs } from '../../ui/layout.tsx'
import { Failure, Nothing, Skeleton } from '../../ui/panel.tsx'
import { Status } from '../../ui/status.tsx'
import { Ago } from '../../ui/time.tsx'
import { LineageView } from '../lineage/lineage-view.tsx'
import { Decision } from './decision.tsx'
import { TableBox } from '../../ui/table-box.tsx'

export type ModelVersion = AnswerOf<'getModelVersion'>

/** One model version: the evidence beside the decision. */
export function ModelVersionPage(): ReactNode {
  const t = useT()
  const format = useFormat()
  const project = useProject()
  const model = useAddress('model')
  const version = useAddress('version')
  const tab = useSearchPart()['tab'] ?? 'decision'
  const one = useRead('getModelVersion', { project, model, version }, { refetchMs: 10_000 })
  const pipelineRun = useRead(
    'getPipelineRun',
    { project, run: one.data?.pipelineRunId ?? '' },
    { enabled: one.data?.pipelineRunId != null },
  )
  const approve = useChange('approveModelVersion')
  const refuse = useChange('refuseModelVersion')
  const [reason, setReason] = useState('')
  const reasonId = useId()
  useTitle(one.data === undefined ? undefined : `v${one.data.number}`)
  if (one.error !== null && one.data === undefined)
    return <Failure error={one.error} onRetry={() => void one.refetch()} />
  if (one.data === undefined) return <Skeleton rows={10} />
  const it = one.data
  const evidence = it.evidence[0]
  const waits = it.state === 'awaiting_approval' && evidence !== undefined
  const failed = approve.error ?? refuse.error
  const reasonField = waits && (
    <div className="fld gap">
      <label htmlFor={reasonId}>{t('version.reason_required')}</label>
      <input
        id={reasonId}
        className="in"
        placeholder={t('version.reason_hint')}
        value={reason}
        onChange={(event) => setReason(event.currentTarget.value)}
      />
    </div>
  )
  return (
    <>
      <PageHead
        title={`${it.name} v${it.number}`}
        status={
          <Status
            state={it.state}
            label={it.aliases.length > 0 && it.state === 'released' ? it.aliases.join(', ') : undefined}
          />
        }
        meta={
          <>
            {it.runId !== null && (
              <span>
                {t('model.run')} <Link to={pathTo(project, 'runs', it.runId)}>{it.runId.slice(0, 8)}</Link>
              </span>
            )}
            {pipelineRun.data !== undefined && (
              <span>
                <Link to={pathTo(project, 'pipelines', pipelineRun.data.pipeline, 'runs', pipelineRun.data.id)}>
                  {pipelineRun.data.name}
                </Link>
              </span>
            )}
            {it.trainingDatasetVersionId !== null && (
              <span>
                {t('version.data')}{' '}
                <Link to={`/go/${it.trainingDatasetVersionId}`}>{it.trainingDatasetVersionId.slice(-6)}</Link>
              </span>
            )}
            {it.environmentId !== null && (
              <span>
                {t('version.environment')}{' '}
                <Link to={pathTo(project, 'environments', it.environmentId)}>
                  {(it.environmentLock ?? it.environmentId).slice(0, 8)}
                </Link>
              </span>
            )}
            {it.codeManifest !== null && (
              <span>
                {t('version.code')} <ShortHash hash={it.codeManifest} />
              </span>
            )}
            <span>
              <By id={it.createdBy} /> <Ago at={it.createdAt} />
            </span>
            <span>{format.bytes(it.sizeBytes)}</span>
            <span
              className="id"
              title={it.manifest}
            >{`sha256:${it.manifest.slice(0, 4)}…${it.manifest.slice(-4)}`}</span>
          </>
        }
        actions={
          waits && (
            <>
              <button
                type="button"
                className="btn d"
                disabled={reason.trim() === '' || refuse.isPending}
                onClick={() =>
                  refuse.mutate({ project, model, version: String(it.number), digest: evidence.digest, reason })
                }
              >
                {t('version.refuse')}
              </button>
              <button
                type="button"
                className="btn p"
                disabled={approve.isPending}
                onClick={() =>
                  approve.mutate({
                    project,
                    model,
                    version: String(it.number),
                    digest: evidence.digest,
                    comment: reason,
                  })
                }
              >
                {t('version.approve')}
              </button>
            </>
          )
        }
      />
      {failed !== null && <Failure error={failed} />}
      <Tabs
        label={`${it.name} v${it.number}`}
        current={tab}
        items={[
          { id: 'decision', label: t('version.tab_decision') },
          { id: 'schema', label: t('version.tab_schema') },
          { id: 'importance', label: t('version.tab_importance') },
          { id: 'card', label: t('version.tab_card') },
          { id: 'lineage', label: t('common.lineage') },
          { id: 'files', label: t('version.tab_files'), count: it.files.length },
        ]}
      />
      {tab === 'schema' ? (
        <Schema version={it} />
      ) : tab === 'importance' ? (
        <Importance version={it} />
      ) : tab === 'card' ? (
        <Card version={it} />
      ) : tab === 'lineage' ? (
        <LineageView project={project} kind="model_version" id={it.id} />
      ) : tab === 'files' ? (
        <Files project={project} version={it} />
      ) : (
        <Decision project={project} version={it} reasonField={reasonField} />
      )}
    </>
  )
}

function Schema({ version }: { version: ModelVersion }): ReactNode {
  const t = useT()
  if (version.signature === null)
    return (
      <Section title={t('version.tab_schema')}>
        <Nothing>{t('version.no_signature')}</Nothing>
      </Section>
    )
  const { inputs, outputs } = version.signature
  return (
    <div className="cols" style={{ gridTemplateColumns: 'minmax(0, 1fr) minmax(0, 1fr)', gap: 40 }}>
      {(
        [
          [t('version.inputs'), inputs],
          [t('version.outputs'), outputs],
        ] as const
      ).map(([title, fields]) => (
        <Section key={title} title={title} note={fields.length}>
          <TableBox>
            <table className="compact">
              <thead>
                <tr>
                  <th scope="col">{t('version.field')}</th>
                  <th scope="col">{t('dataset.type')}</th>
                  <th scope="col">{t('version.required')}</th>
                </tr>
              </thead>
              <tbody>
                {fields.map((field) => (
                  <tr key={field.name}>
                    <th scope="row" className="b">
                      {field.name}
                    </th>
                    <td className="mono">
                      {field.shape === null ? field.type : `${field.type} [${field.shape.join(', ')}]`}
                    </td>
                    <td className="m">{field.required ? t('version.yes') : t('version.no')}</td>
                  </tr>
                ))}
              </tbody>
            </table>
          </TableBox>
        </Section>
      ))}
    </div>
  )
}

function Importance({ version }: { version: ModelVersion }): ReactNode {
  const t = useT()
  const format = useFormat()
  const rows = version.importances ?? []
  const top = Math.max(1e-12, ...rows.map((row) => row.drop))
  return (
    <Section
      title={t('version.tab_importance')}
      note={version.importanceMetric !== null && t('version.importance_note', { metric: version.importanceMetric })}
    >
      {rows.length === 0 ? (
        <Nothing>{t('version.no_importance')}</Nothing>
      ) : (
        <TableBox>
          <table className="compact">
            <tbody>
              {rows.map((row) => (
                <tr key={row.feature}>
                  <th scope="row" className="b" style={{ width: 200 }}>
                    {row.feature}
                  </th>
                  <td className="num" style={{ width: 90 }}>
                    {format.number(row.drop)}
                  </td>
                  <td className="m" style={{ width: 100 }}>{`± ${format.number(row.sd)}`}</td>
                  <td>
                    <WeightBar
                      share={Math.max(0, row.drop) / top}
                      width={420}
                      tone="f1"
                      label={`${row.feature} ${format.number(row.drop)}`}
                    />
                  </td>
                </tr>
              ))}
            </tbody>
          </table>
        </TableBox>
      )}
    </Section>
  )
}

function Card({ version }: { version: ModelVersion }): ReactNode {
  const t = useT()
  return (
    <Section title={t('version.tab_card')}>
      {version.card === '' ? (
        <Nothing>{version.description === '' ? t('version.no_card') : version.description}</Nothing>
      ) : (
        <p className="prewrap">{version.card}</p>
      )}
    </Section>
  )
}

function Files({ project, version }: { project: string; version: ModelVersion }): ReactNode {
  const t = useT()
  const format = useFormat()
  return (
    <Section
      title={t('version.tab_files')}
      note={version.runsCodeWhenLoaded ? t('version.runs_code') : version.flavours.join(', ')}
    >
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
            {version.files.map((file) => (
              <tr key={file.path}>
                <th scope="row">
                  <a
                    href={addressOf('getModelVersionFile', {
                      project,
                      model: version.name,
                      version: String(version.number),
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
    </Section>
  )
}
