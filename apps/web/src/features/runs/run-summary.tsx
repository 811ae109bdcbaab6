import { Link } from '@tanstack/react-router'
import { useState, type ReactNode } from 'react'
import { useFormat } from '../../lib/format.ts'
import { useT } from '../../lib/i18n.tsx'
import { pathTo } from '../../lib/project.tsx'
import { useRead } from '../../lib/queries.ts'
import { Scatter } from '../../ui/charts/scatter.tsx'
import { KeyValues, Section } from '../../ui/layout.tsx'
import { Nothing } from '../../ui/panel.tsx'
import { Status } from '../../ui/status.tsx'
import { MetricCurve } from './run-metrics.tsx'
import type { Run } from './run-page.tsx'
import { TableBox } from '../../ui/table-box.tsx'

const FEW_PARAMS = 12

/** One screen: metrics, parameters, the curves, what went in and came out. */
export function RunSummary({ project, run }: { project: string; run: Run }): ReactNode {
  const t = useT()
  const format = useFormat()
  const metrics = run.latestMetrics.filter((it) => !it.key.startsWith('system/'))
  const curves = metrics.filter((it) => it.count > 1).slice(0, 2)
  const [all, setAll] = useState(false)
  const params = Object.entries(run.params)
  const tags = Object.entries(run.tags).filter(([key]) => !key.startsWith('mlflow.') && !key.startsWith('kiban.'))
  return (
    <div
      className="cols"
      style={{ gridTemplateColumns: 'minmax(0, 336fr) minmax(0, 496fr) minmax(0, 272fr)', gap: 40 }}
    >
      <div>
        <Section title={t('runpage.metrics')}>
          {metrics.length === 0 ? (
            <Nothing>–</Nothing>
          ) : (
            <TableBox>
              <table className="compact">
                <thead>
                  <tr>
                    <th scope="col">{t('common.name')}</th>
                    <th scope="col" className="num">
                      {t('runpage.last')}
                    </th>
                    {curves.length > 0 && (
                      <>
                        <th scope="col" className="num">
                          {t('runpage.min')}
                        </th>
                        <th scope="col" className="num">
                          {t('runpage.max')}
                        </th>
                      </>
                    )}
                  </tr>
                </thead>
                <tbody>
                  {metrics.slice(0, 14).map((it) => (
                    <tr key={it.key}>
                      <th scope="row">{it.key}</th>
                      <td className="num b" title={String(it.value)}>
                        {format.number(it.value)}
                      </td>
                      {curves.length > 0 && (
                        <>
                          <td className="num m">{it.count > 1 ? format.number(it.min) : '–'}</td>
                          <td className="num m">{it.count > 1 ? format.number(it.max) : '–'}</td>
                        </>
                      )}
                    </tr>
                  ))}
                </tbody>
              </table>
            </TableBox>
          )}
        </Section>
        <Section
          title={t('runpage.params')}
          aside={
            params.length > FEW_PARAMS && (
              <button type="button" className="linkb" onClick={() => setAll(!all)}>
                {all ? t('runpage.few_params') : t('runpage.all_params', { count: params.length })}
              </button>
            )
          }
        >
          {params.length === 0 ? (
            <Nothing>–</Nothing>
          ) : (
            <KeyValues
              rows={(all ? params : params.slice(0, FEW_PARAMS)).map(([key, value]) => [
                key,
                <span key={key} title={value}>
                  {value}
                </span>,
              ])}
            />
          )}
        </Section>
      </div>
      <div>
        {curves.map((it) => (
          <MetricCurve key={it.key} project={project} run={run.id} metric={it.key} last={it.value} height={260} />
        ))}
        {curves.length === 0 && metrics.length > 0 && <Standing project={project} run={run} />}
      </div>
      <div>
        <Section title={t('runpage.inputs')}>
          {run.inputs.length === 0 ? (
            <Nothing>{t('common.none')}</Nothing>
          ) : (
            <KeyValues
              rows={run.inputs.map((it) => [
                it.tags['mlflow.data.context'] ?? it.sourceType,
                `${it.name} ${it.digest.slice(0, 8)}`,
              ])}
            />
          )}
        </Section>
        <Section title={t('runpage.models')}>
          {run.models.length === 0 ? (
            <Nothing>{t('common.none')}</Nothing>
          ) : (
            <ul className="lines">
              {run.models.map((model) => (
                <li key={model.id} className="row">
                  <Status state={model.status} bare /> {model.name}{' '}
                  <span className="m">{model.flavours.join(', ')}</span>{' '}
                  {model.versions.map((version) => (
                    <Link
                      key={version.number}
                      to={pathTo(project, 'models', version.name, 'versions', version.number)}
                    >{`${version.name} v${version.number}`}</Link>
                  ))}
                </li>
              ))}
            </ul>
          )}
        </Section>
        {run.children.length > 0 && (
          <Section title={t('runpage.children')} note={format.count(run.children.length)}>
            <ul className="lines">
              {run.children.slice(0, 12).map((child) => (
                <li key={child.id}>
                  <Status state={child.status} bare /> <Link to={pathTo(project, 'runs', child.id)}>{child.name}</Link>
                </li>
              ))}
            </ul>
          </Section>
        )}
        {tags.length > 0 && (
          <Section title={t('runpage.tags')}>
            <KeyValues rows={tags.map(([key, value]) => [key, value])} />
          </Section>
        )}
        <Section title={t('runpage.notes')}>
          {run.notes === '' ? <Nothing>{t('runpage.notes_none')}</Nothing> : <p className="t13 prewrap">{run.notes}</p>}
        </Section>
      </div>
    </div>
  )
}

/** Its first metric among the other runs of the experiment. */
function Standing({ project, run }: { project: string; run: Run }): ReactNode {
  const t = useT()
  const format = useFormat()
  const metric =
    ['log_loss', 'auc', 'accuracy', 'rmse'].find((key) => run.metrics[key] != null) ?? run.latestMetrics[0]?.key ?? ''
  const ids = useRead('searchRuns', { project, experimentIds: [run.experimentId], limit: 200 })
  const cells = useRead(
    'getRunCells',
    { project, ids: [...(ids.data?.ids ?? [])], metrics: [metric], params: [], tags: [] },
    { enabled: ids.data !== undefined && ids.data.ids.length > 0 },
  )
  const points = (cells.data?.runs ?? []).flatMap((it) =>
    it.metrics[metric] == null || it.startedAt === null
      ? []
      : [{ id: it.id, label: it.name, x: it.startedAt, y: it.metrics[metric], colour: 'cr', best: it.id === run.id }],
  )
  return (
    <Section title={t('runpage.stands')} note={t('runpage.stands_note', { metric, experiment: run.experimentName })}>
      {points.length === 0 ? (
        <Nothing>–</Nothing>
      ) : (
        <Scatter
          sentence={t('runs.time_sentence', { metric, count: points.length })}
          points={points}
          height={300}
          xText={format.clock}
        />
      )}
    </Section>
  )
}
