import type { ReactNode } from 'react'
import type { AnswerOf } from '../../lib/api.ts'
import { useFormat } from '../../lib/format.ts'
import { useT, type Translate } from '../../lib/i18n.tsx'
import { messages, type MessageKey } from '../../messages/index.ts'
import { ChartFrame } from '../../ui/charts/frame.tsx'
import { tickText } from '../../ui/charts/line-chart.tsx'
import { extent, linear, timeTicks } from '../../ui/charts/scale.ts'
import { Section } from '../../ui/layout.tsx'

type Series = AnswerOf<'listMonitorSeries'>['series'][number]
type Window = AnswerOf<'listMonitorWindows'>['windows'][number]
type Lane = {
  readonly metric: string
  readonly signal: string
  readonly series: readonly Series[]
  readonly counts: boolean
}

const LANE = 46
const TOP = 20
const MOST = 7
/** The numbers that people ask for first, whatever else a window yielded. */
const FIRST = [
  'performance ece',
  'performance auc',
  'performance log_loss',
  'data_drift drifted_features',
  'prediction_drift prediction_drift',
  'data_quality columns_missing_values',
  'data_quality columns_unseen_categories',
  'data_quality null_share_max',
  'data_quality rows',
]

/** Every signal in its own lane on one time axis: limits dashed, roll-outs marked, windows over their limit in red. */
export function SignalLanes({
  series,
  timeZone,
  windows,
  chosen,
  onChoose,
}: {
  series: readonly Series[]
  timeZone: string
  windows: readonly Window[]
  chosen: string | undefined
  onChoose: (windowId: string) => void
}): ReactNode {
  const t = useT()
  const format = useFormat(timeZone)
  const lanes = lanesOf(series)
  const points = series.flatMap((it) => it.points)
  const from = Math.min(...points.map((point) => point.startAt))
  const to = Math.max(...points.map((point) => point.endAt))
  const height = TOP + lanes.length * LANE + 24
  const times = [...new Map(points.map((point) => [point.windowId, point])).values()].sort(
    (a, b) => a.startAt - b.startAt,
  )
  const table = {
    head: [
      t('monitor.window_head'),
      ...lanes.flatMap((lane) => lane.series.map((it) => title(it, lane.series.length))),
    ],
    rows: times.map((time) => [
      time.label,
      ...lanes.flatMap((lane) =>
        lane.series.map((it) => format.number(it.points.find((point) => point.windowId === time.windowId)?.value)),
      ),
    ]),
  }
  const sentence = lanes
    .map((lane) =>
      t('monitor.signals_sentence', {
        metric: lane.metric,
        count: lane.series[0]?.points.length ?? 0,
        value: format.number(lane.series[0]?.points.at(-1)?.value),
      }),
    )
    .join('; ')
  const versionMarks = firstServed(windows)
  const chosenPoint = points.find((point) => point.windowId === chosen)
  const draw = (width: number) => {
    const x = linear([from, to], [136, width - 96])
    return (
      <g>
        {chosenPoint !== undefined && (
          <rect
            x={x(chosenPoint.startAt)}
            y={TOP - 4}
            width={Math.max(2, x(chosenPoint.endAt) - x(chosenPoint.startAt))}
            height={lanes.length * LANE + 4}
            className="fsf"
          />
        )}
        {timeTicks([from, to], Math.max(3, Math.floor(width / 110))).map((tick) => (
          <g key={tick.at}>
            <path className="gl" d={`M${x(tick.at)} ${TOP}V${TOP + lanes.length * LANE}`} />
            <text x={x(tick.at)} y={height - 6} textAnchor="start">
              {tickText(tick, format)}
            </text>
          </g>
        ))}
        {lanes.map((lane, index) => (
          <LaneDrawing
            key={lane.metric}
            lane={lane}
            top={TOP + index * LANE}
            x={x}
            width={width}
            format={format}
            noLimit={t('monitor.no_limit')}
            limitText={(limit) => t('monitor.limit', { limit })}
          />
        ))}
        {versionMarks.map((mark) => (
          <g key={mark.label}>
            <path className="mark" d={`M${x(mark.at)} 6V${TOP + lanes.length * LANE}`} />
            <text x={x(mark.at) + 4} y={12} className="h">
              {mark.label}
            </text>
          </g>
        ))}
        {times.map((time) => (
          <rect
            key={time.windowId}
            x={x(time.startAt)}
            y={TOP}
            width={Math.max(2, x(time.endAt) - x(time.startAt))}
            height={lanes.length * LANE}
            className="pick pick-area"
            onClick={() => onChoose(time.windowId)}
          >
            <title>{time.label}</title>
          </rect>
        ))}
      </g>
    )
  }
  return (
    <Section
      title={t('monitor.signals')}
      note={t('monitor.signals_note', { from: format.day(from), to: format.day(to) })}
    >
      <ChartFrame sentence={sentence} height={height} table={table} draw={draw} minWidth={480} />
    </Section>
  )
}

function LaneDrawing({
  lane,
  top,
  x,
  width,
  format,
  noLimit,
  limitText,
}: {
  lane: Lane
  top: number
  x: (at: number) => number
  width: number
  format: ReturnType<typeof useFormat>
  noLimit: string
  limitText: (limit: string) => string
}): ReactNode {
  const t = useT()
  const all = lane.series.flatMap((it) => it.points)
  const limits = [...new Set(all.map((point) => point.limit).filter((limit): limit is number => limit !== null))]
  const limit = limits.length > 0 ? limits.at(-1)! : null
  const y = linear(
    extent([...all.map((point) => point.value), ...(lane.counts ? [0] : []), ...limits], {
      zero: lane.counts,
      pad: 0.1,
    }),
    [top + LANE - 4, top + 6],
  )
  const middle = (point: { startAt: number; endAt: number }) => x((point.startAt + point.endAt) / 2)
  const step = all.length === 0 ? 8 : Math.min(14, Math.max(1.5, (x(all[0]!.endAt) - x(all[0]!.startAt)) * 0.4))
  const ends = lane.series.flatMap((it) => {
    const last = it.points.findLast((point) => point.value !== null)
    return last === undefined ? [] : [{ it, last }]
  })
  return (
    <g>
      <text x={0} y={top + 20} className="h">
        {metricName(t, lane.metric)}
      </text>
      <text x={0} y={top + 35}>
        {limit === null ? noLimit : limitText(format.number(limit))}
      </text>
      <path className="ax" d={`M136 ${top + LANE - 2}H${width - 96}`} opacity={0.5} />
      {(lane.series[0]?.points ?? []).map(
        (point) =>
          point.limit !== null && (
            <path
              key={point.windowId}
              className="limit"
              d={`M${x(point.startAt)} ${y(point.limit)}H${x(point.endAt)}`}
            />
          ),
      )}
      {lane.series.map((it, index) => {
        const colour = index === lane.series.length - 1 ? '1' : index === lane.series.length - 2 ? 'm' : 'r'
        if (lane.counts)
          return it.points.map(
            (point) =>
              point.value !== null && (
                <rect
                  key={point.windowId}
                  x={middle(point) - step / 2}
                  width={step}
                  y={y(point.value)}
                  height={Math.max(1, y(0) - y(point.value))}
                  className={point.status === 'fail' ? 'fb' : point.status === 'warn' ? 'fw' : 'fr'}
                />
              ),
          )
        const line = it.points.filter((point) => point.value !== null)
        return (
          <g key={it.modelVersion ?? 'all'}>
            <path
              className={`ln c${colour}`}
              d={line
                .map((point, at) => `${at === 0 ? 'M' : 'L'}${middle(point).toFixed(1)} ${y(point.value!).toFixed(1)}`)
                .join('')}
            />
            {line.length < 60 &&
              line.map((point) => (
                <circle
                  key={point.windowId}
                  cx={middle(point)}
                  cy={y(point.value!)}
                  r={3.5}
                  className={point.status === 'fail' ? 'fb' : point.status === 'warn' ? 'fw' : `f${colour}`}
                />
              ))}
            {line.length >= 60 &&
              line
                .filter((point) => point.status === 'fail' || point.status === 'warn')
                .map((point) => (
                  <circle
                    key={point.windowId}
                    cx={middle(point)}
                    cy={y(point.value!)}
                    r={2.5}
                    className={point.status === 'fail' ? 'fb' : 'fw'}
                  />
                ))}
          </g>
        )
      })}
      {ends.slice(-2).map(({ it, last }, index) => (
        <text
          key={it.modelVersion ?? 'all'}
          x={width - 90}
          y={top + 22 + index * 15}
          className={index === ends.slice(-2).length - 1 ? 'sb' : ''}
        >
          {`${it.modelVersion === null ? '' : `${versionText(it.modelVersion)} `}${format.number(last.value)}`}
        </text>
      ))}
    </g>
  )
}

/** Where each model version is first among those that answered. */
function firstServed(windows: readonly Window[]): { at: number; label: string }[] {
  const seen = new Set<string>()
  return [...windows]
    .sort((a, b) => a.startAt - b.startAt)
    .flatMap((window) =>
      window.versions
        .filter((it) => !seen.has(it.version) && seen.add(it.version))
        .map((it) => ({ at: window.startAt, label: versionText(it.version) })),
    )
}

/** Lanes in the order that people ask: performance, then drift, quality, volume; at most eight. */
function lanesOf(series: readonly Series[]): Lane[] {
  const byMetric = new Map<string, Series[]>()
  for (const it of series)
    byMetric.set(`${it.signal} ${it.metric}`, [...(byMetric.get(`${it.signal} ${it.metric}`) ?? []), it])
  const rank = (lane: Lane) => {
    const place = FIRST.indexOf(`${lane.signal} ${lane.metric}`)
    const judged = lane.series.some((it) => it.points.some((point) => point.limit !== null))
    return place >= 0 ? place : judged ? FIRST.length : 100
  }
  return [...byMetric.values()]
    .map((group) => ({
      metric: group[0]!.metric,
      signal: group[0]!.signal,
      series: [...group].sort((a, b) =>
        (a.modelVersion ?? '').localeCompare(b.modelVersion ?? '', undefined, { numeric: true }),
      ),
      counts: /count|drifted|rows|requests|features/.test(group[0]!.metric),
    }))
    .sort((a, b) => rank(a) - rank(b))
    .slice(0, MOST)
}

function title(it: Series, of: number): string {
  return of > 1 && it.modelVersion !== null ? `${it.metric} ${versionText(it.modelVersion)}` : it.metric
}

/** `v2` of whatever the server calls the version: `2`, `delay v2`. */
function versionText(version: string): string {
  const number = /(\d+)$/.exec(version)?.[1]
  return number === undefined ? version : `v${number}`
}

/** The name of a metric in people's words, where it has one. */
export function metricName(t: Translate, metric: string): string {
  const key = `metric.${metric}`
  return key in messages ? t(key as MessageKey) : metric.replaceAll('_', ' ') // `in` says that it is a key
}
