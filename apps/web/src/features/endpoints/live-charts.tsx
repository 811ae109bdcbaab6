import { useState, type ReactNode } from 'react'
import { useFormat } from '../../lib/format.ts'
import { useT } from '../../lib/i18n.tsx'
import { useRead } from '../../lib/queries.ts'
import { TimeBars } from '../../ui/charts/bars.tsx'
import { LineChart } from '../../ui/charts/line-chart.tsx'
import { Section, Segmented } from '../../ui/layout.tsx'
import { Nothing, Panel } from '../../ui/panel.tsx'

const RANGES = { '15m': 900_000, '1h': 3_600_000, '24h': 86_400_000 } as const
type Range = keyof typeof RANGES

/** Requests and p95 by version over time, with the roll-outs marked on both. */
export function LiveCharts({ project, endpoint }: { project: string; endpoint: string }): ReactNode {
  const t = useT()
  const format = useFormat()
  const [range, setRange] = useState<Range>('1h')
  const series = useRead(
    'getEndpointSeries',
    { project, endpoint, lastMs: RANGES[range], points: 60 },
    { refetchMs: 5_000, keep: true },
  )
  const choose = (
    <Segmented
      label={t('endpoint.range')}
      value={range}
      onChange={setRange}
      options={[
        ['15m', t('endpoint.range_15m')],
        ['1h', t('endpoint.range_1h')],
        ['24h', t('endpoint.range_24h')],
      ]}
    />
  )
  return (
    <>
      <div className="ranges">{choose}</div>
      <Panel of={series} rows={6}>
        {(data) => {
          const times = [...new Set(data.versions.flatMap((it) => it.points.map((point) => point.at)))].sort(
            (a, b) => a - b,
          )
          if (times.length === 0) return <Nothing>{t('endpoint.no_traffic')}</Nothing>
          const versions = [...data.versions].sort((a, b) => a.version.number - b.version.number)
          const colour = (index: number) =>
            index === versions.length - 1 ? 'f1' : index === versions.length - 2 ? 'fr' : 'fm'
          const marks = data.rollouts.map((rollout) => ({ x: rollout.at, label: rollout.state.replaceAll('_', ' ') }))
          const parts = versions
            .map(
              (it) =>
                `v${it.version.number} ${format.count(it.points.reduce((sum, point) => sum + point.requests, 0))}`,
            )
            .join(', ')
          return (
            <div className="cols" style={{ gridTemplateColumns: 'minmax(0, 1fr) minmax(0, 1fr)', gap: 32 }}>
              <Section first title={t('endpoint.requests_chart')}>
                <TimeBars
                  sentence={t('endpoint.requests_sentence', { parts })}
                  times={times}
                  stepMs={data.resolutionMs}
                  marks={marks}
                  series={versions.map((it, index) => ({
                    id: it.version.id,
                    label: `v${it.version.number}`,
                    colour: colour(index),
                    values: times.map((at) => it.points.find((point) => point.at === at)?.requests ?? 0),
                  }))}
                />
              </Section>
              <Section first title={t('endpoint.latency_chart')}>
                <LineChart
                  sentence={t('endpoint.latency_sentence')}
                  time
                  zero
                  height={200}
                  marks={marks}
                  lines={versions.map((it, index) => ({
                    id: it.version.id,
                    label: `v${it.version.number}`,
                    strong: index === versions.length - 1,
                    colour: colour(index).replace('f', 'c'),
                    points: it.points.map((point) => ({
                      x: point.at,
                      y: point.p95Ms,
                      low: point.p50Ms,
                      high: point.p99Ms,
                    })),
                  }))}
                />
              </Section>
            </div>
          )
        }}
      </Panel>
    </>
  )
}
