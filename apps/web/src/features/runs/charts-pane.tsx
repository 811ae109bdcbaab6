import { useQueries } from '@tanstack/react-query'
import { useState, type ReactNode } from 'react'
import { call } from '../../lib/api.ts'
import { useFormat } from '../../lib/format.ts'
import { useT } from '../../lib/i18n.tsx'
import { LineChart } from '../../ui/charts/line-chart.tsx'
import { Scatter } from '../../ui/charts/scatter.tsx'
import { Section } from '../../ui/layout.tsx'
import { Nothing } from '../../ui/panel.tsx'
import { seriesColour, type RunCell } from './run-data.ts'

type ChartsPaneProps = {
  readonly project: string
  readonly metrics: readonly string[]
  readonly params: readonly string[]
  readonly runs: readonly RunCell[]
  readonly selected: readonly string[]
  readonly best: string | null
}

/** Charts that share the table's selection and its colours: a curve, and a metric against a parameter. */
export function ChartsPane({ project, metrics, params, runs, selected, best }: ChartsPaneProps): ReactNode {
  const t = useT()
  const format = useFormat()
  const [metricChoice, setMetric] = useState<string | null>(null)
  const [paramChoice, setParam] = useState<string | null>(null)
  const metric = metricChoice ?? metrics[0]
  const numeric = params.filter((key) =>
    runs.some((run) => run.params[key] !== undefined && Number.isFinite(Number(run.params[key]))),
  )
  const param = paramChoice ?? numeric[0]
  const drawn = (selected.length > 0 ? selected : best === null ? [] : [best]).slice(0, 8)
  const curves = useQueries({
    queries: drawn.map((run) => ({
      queryKey: ['getMetricHistory', project, run, metric],
      queryFn: ({ signal }: { signal: AbortSignal }) =>
        call('getMetricHistory', { project, run, key: metric ?? '', buckets: 300 }, signal),
      enabled: metric !== undefined,
      retry: false,
    })),
  })
  const lines = drawn.map((id, index) => ({
    id,
    label: runs.find((run) => run.id === id)?.name ?? id.slice(0, 6),
    colour: seriesColour(index),
    strong: id === best,
    points: (curves[index]?.data?.buckets ?? []).map((bucket) => ({
      x: (bucket.fromX + bucket.toX) / 2,
      y: bucket.last,
      low: bucket.min,
      high: bucket.max,
    })),
  }))
  const points =
    metric === undefined || param === undefined
      ? []
      : runs.flatMap((run) =>
          run.metrics[metric] == null || run.params[param] === undefined || !Number.isFinite(Number(run.params[param]))
            ? []
            : [
                {
                  id: run.id,
                  label: run.name,
                  x: Number(run.params[param]),
                  y: run.metrics[metric],
                  colour: selected.includes(run.id) ? seriesColour(selected.indexOf(run.id)) : 'cr',
                  best: run.id === best,
                },
              ],
        )
  const hasCurve = lines.some((line) => line.points.length > 1)
  const overTime = runs.flatMap((run) =>
    run.metrics[metric ?? ''] == null || run.startedAt === null
      ? []
      : [
          {
            id: run.id,
            label: run.name,
            x: run.startedAt,
            y: run.metrics[metric ?? '']!,
            colour: selected.includes(run.id) ? seriesColour(selected.indexOf(run.id)) : 'cr',
            best: run.id === best,
          },
        ],
  )
  if (metric === undefined)
    return (
      <aside className="pane">
        <Nothing>{t('runs.chart_hint')}</Nothing>
      </aside>
    )
  return (
    <aside className="pane" aria-label={t('runs.charts')}>
      <label className="fld row0">
        <span className="m t12">{t('runs.metric')}</span>
        <select className="in" value={metric} onChange={(event) => setMetric(event.currentTarget.value)}>
          {metrics.map((key) => (
            <option key={key}>{key}</option>
          ))}
        </select>
      </label>
      <Section
        first
        title={hasCurve ? t('runs.chart_curve', { metric }) : t('runs.chart_time', { metric })}
        note={hasCurve ? t('runs.band_note') : t('runs.runs_drawn', { count: overTime.length })}
      >
        {hasCurve ? (
          <LineChart sentence={t('runs.curve_sentence', { metric, count: lines.length })} lines={lines} height={220} />
        ) : (
          <Scatter
            sentence={t('runs.time_sentence', { metric, count: overTime.length })}
            points={overTime}
            height={220}
            xText={format.clock}
          />
        )}
      </Section>
      {param !== undefined && points.length > 0 && (
        <Section title={t('runs.chart_by', { metric, param })} note={t('runs.runs_drawn', { count: points.length })}>
          <label className="fld row0">
            <span className="m t12">{t('runs.param')}</span>
            <select className="in" value={param} onChange={(event) => setParam(event.currentTarget.value)}>
              {numeric.map((key) => (
                <option key={key}>{key}</option>
              ))}
            </select>
          </label>
          <Scatter
            sentence={t('runs.scatter_sentence', { metric, param, count: points.length })}
            points={points}
            height={210}
            xText={format.number}
          />
        </Section>
      )}
    </aside>
  )
}
