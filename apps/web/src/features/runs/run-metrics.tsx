import type { ReactNode } from 'react'
import { useFormat } from '../../lib/format.ts'
import { useT } from '../../lib/i18n.tsx'
import { useRead } from '../../lib/queries.ts'
import { LineChart } from '../../ui/charts/line-chart.tsx'
import { Section } from '../../ui/layout.tsx'
import { Nothing, Panel } from '../../ui/panel.tsx'
import type { Run } from './run-page.tsx'
import { TableBox } from '../../ui/table-box.tsx'

/** Every metric with more than one point as a curve; the rest as numbers. */
export function RunMetrics({ project, run }: { project: string; run: Run }): ReactNode {
  const t = useT()
  const format = useFormat()
  const curves = run.latestMetrics.filter((it) => it.count > 1)
  const single = run.latestMetrics.filter((it) => it.count <= 1)
  return (
    <>
      {curves.length > 0 && (
        <div className="cols" style={{ gridTemplateColumns: 'repeat(2, minmax(0, 1fr))', gap: '0 40px' }}>
          {curves.slice(0, 24).map((it) => (
            <MetricCurve key={it.key} project={project} run={run.id} metric={it.key} last={it.value} height={200} />
          ))}
        </div>
      )}
      <Section title={t('runpage.metrics')} note={format.count(run.latestMetrics.length)}>
        {run.latestMetrics.length === 0 ? (
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
                  <th scope="col" className="num">
                    {t('runpage.min')}
                  </th>
                  <th scope="col" className="num">
                    {t('runpage.max')}
                  </th>
                  <th scope="col" className="num">
                    {t('runpage.points')}
                  </th>
                </tr>
              </thead>
              <tbody>
                {[...single, ...curves].map((it) => (
                  <tr key={it.key}>
                    <th scope="row">{it.key}</th>
                    <td className="num b">{format.number(it.value)}</td>
                    <td className="num">{format.number(it.min)}</td>
                    <td className="num">{format.number(it.max)}</td>
                    <td className="num m">{format.count(it.count)}</td>
                  </tr>
                ))}
              </tbody>
            </table>
          </TableBox>
        )}
      </Section>
    </>
  )
}

/** The curve of one metric: the server sends min/max buckets, so no spike is lost. */
export function MetricCurve({
  project,
  run,
  metric,
  last,
  height,
}: {
  project: string
  run: string
  metric: string
  last: number | null
  height: number
}): ReactNode {
  const t = useT()
  const format = useFormat()
  const history = useRead('getMetricHistory', { project, run, key: metric, buckets: 400 })
  return (
    <Section title={t('runpage.by_step', { metric })} note={t('runs.band_note')}>
      <Panel of={history} rows={6}>
        {(data) => (
          <LineChart
            sentence={t('runpage.curve_sentence', { metric, count: data.pointCount, value: format.number(last) })}
            height={height}
            lines={[
              {
                id: metric,
                label: format.number(last),
                colour: 'c1',
                strong: true,
                points: data.buckets.map((bucket) => ({
                  x: (bucket.fromX + bucket.toX) / 2,
                  y: bucket.last,
                  low: bucket.min,
                  high: bucket.max,
                })),
              },
            ]}
          />
        )}
      </Panel>
    </Section>
  )
}
