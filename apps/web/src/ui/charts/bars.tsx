import type { ReactNode } from 'react'
import { useFormat } from '../../lib/format.ts'
import { useT } from '../../lib/i18n.tsx'
import { ChartFrame } from './frame.tsx'
import { extent, linear, textWidth, ticks, timeTicks } from './scale.ts'
import { tickText, type Mark } from './line-chart.tsx'

export type BarSeries = {
  readonly id: string
  readonly label: string
  readonly colour: string
  readonly values: readonly number[]
}

/** Stacked bars over time, from 0; the last part on top; a name at the right for each. */
export function TimeBars({
  sentence,
  times,
  stepMs,
  series,
  marks = [],
  height = 200,
}: {
  sentence: string
  times: readonly number[]
  stepMs: number
  series: readonly BarSeries[]
  marks?: readonly Mark[]
  height?: number
}): ReactNode {
  const format = useFormat()
  const totals = times.map((_, index) => series.reduce((sum, it) => sum + (it.values[index] ?? 0), 0))
  const table = {
    head: ['', ...series.map((it) => it.label)],
    rows: times.map((at, index) => [format.time(at), ...series.map((it) => format.count(it.values[index] ?? 0))]),
  }
  const draw = (width: number) => {
    const area = {
      left: 44,
      right: width - 12 - Math.max(0, ...series.map((it) => textWidth(it.label))),
      top: 20,
      bottom: height - 22,
    }
    const x = linear([times[0] ?? 0, (times.at(-1) ?? 0) + stepMs], [area.left, area.right])
    const y = linear(extent(totals, { zero: true }), [area.bottom, area.top])
    const bar = Math.max(1, (x(stepMs) - x(0)) * 0.82)
    return (
      <g>
        {ticks(y.domain, 4).map((tick) => (
          <g key={tick}>
            <path className="gl" d={`M${area.left} ${y(tick)}H${area.right}`} />
            <text x={area.left - 8} y={y(tick) + 4} textAnchor="end">
              {format.number(tick)}
            </text>
          </g>
        ))}
        {times.map((at, index) => {
          let base = 0
          return series.map((it) => {
            const value = it.values[index] ?? 0
            const from = base
            base += value
            return value === 0 ? null : (
              <rect
                key={`${at} ${it.id}`}
                x={x(at)}
                width={bar}
                y={y(base)}
                height={y(from) - y(base)}
                className={it.colour}
              />
            )
          })
        })}
        <path className="ax" d={`M${area.left} ${area.bottom}H${area.right}`} />
        {timeTicks(x.domain, Math.max(2, Math.floor((area.right - area.left) / 90))).map((tick) => (
          <text key={tick.at} x={x(tick.at)} y={height - 6} textAnchor="middle">
            {tickText(tick, format)}
          </text>
        ))}
        {marks
          .filter((mark) => mark.x >= x.domain[0] && mark.x <= x.domain[1])
          .map((mark) => (
            <g key={`${mark.x} ${mark.label}`}>
              <path className="mark" d={`M${x(mark.x)} 8V${area.bottom}`} />
              <text x={x(mark.x) + 4} y={12} className="h">
                {mark.label}
              </text>
            </g>
          ))}
        {series.map((it, index) => (
          <text
            key={it.id}
            x={area.right + 6}
            y={area.bottom - 8 - index * 18}
            className={index === series.length - 1 ? 'sb' : ''}
          >
            {it.label}
          </text>
        ))}
      </g>
    )
  }
  return <ChartFrame sentence={sentence} height={height} table={table} draw={draw} />
}

export type DistributionBar = {
  readonly label: string
  readonly from: number | null
  readonly to: number | null
  readonly reference: number
  readonly current: number
}

/** Two distributions on the same axis: the reference as a grey field, the current as a line (bins) or a bar inside (categories). */
export function Overlay({
  sentence,
  bars,
  names,
  height = 150,
}: {
  sentence: string
  bars: readonly DistributionBar[]
  names: { reference: string; current: string }
  height?: number
}): ReactNode {
  const format = useFormat()
  const t = useT()
  const numeric = bars.every((bar) => bar.from !== null)
  const table = {
    head: [t('chart.bin'), names.reference, names.current],
    rows: bars.map((bar) => [bar.label, format.percent(bar.reference), format.percent(bar.current)]),
  }
  const draw = (width: number) => {
    const area = { left: 36, right: width - 4, top: 24, bottom: height - 20 }
    const y = linear(
      [0, Math.max(0.001, ...bars.map((bar) => Math.max(bar.reference, bar.current))) * 1.05],
      [area.bottom, area.top],
    )
    const step = (area.right - area.left) / Math.max(1, bars.length)
    let line = `M${area.left} ${area.bottom}`
    for (const [index, bar] of bars.entries())
      line += `V${y(bar.current).toFixed(1)}H${(area.left + (index + 1) * step).toFixed(1)}`
    return (
      <g>
        {ticks(y.domain, 3).map((tick) => (
          <g key={tick}>
            <path className="gl" d={`M${area.left} ${y(tick)}H${area.right}`} />
            <text x={area.left - 6} y={y(tick) + 4} textAnchor="end">
              {format.percent(tick, y.domain[1] < 0.05 ? 1 : 0)}
            </text>
          </g>
        ))}
        {bars.map((bar, index) => (
          <rect
            key={bar.label}
            x={area.left + index * step}
            width={Math.max(1, numeric ? step : step * 0.85)}
            y={y(bar.reference)}
            height={area.bottom - y(bar.reference)}
            className="fr field"
          />
        ))}
        {numeric ? (
          <path className="ln c1" d={`${line}V${area.bottom}`} />
        ) : (
          bars.map((bar, index) => (
            <rect
              key={bar.label}
              x={area.left + index * step + step * 0.2}
              width={Math.max(1, step * 0.45)}
              y={y(bar.current)}
              height={area.bottom - y(bar.current)}
              className="f1"
            />
          ))
        )}
        <path className="ax" d={`M${area.left} ${area.bottom}H${area.right}`} />
        {bars.map((bar, index) =>
          index % Math.max(1, Math.ceil((bars.length * 56) / (area.right - area.left))) === 0 ? (
            <text
              key={bar.label}
              x={area.left + index * step + (numeric ? 0 : step / 2)}
              y={height - 4}
              textAnchor="middle"
            >
              {bar.from === null ? clip(bar.label) : format.number(bar.from)}
            </text>
          ) : null,
        )}
        <g className="halo">
          <rect x={area.left} y={4} width={10} height={10} className="fr field" />
          <text x={area.left + 16} y={13}>
            {names.reference}
          </text>
          <path className="ln c1" d={`M${area.left + 24 + textWidth(names.reference)} 9h12`} />
          <text x={area.left + 42 + textWidth(names.reference)} y={13} className="h">
            {names.current}
          </text>
        </g>
      </g>
    )
  }
  return <ChartFrame sentence={sentence} height={height} table={table} draw={draw} />
}

function clip(text: string): string {
  return text.length > 8 ? `${text.slice(0, 7)}…` : text
}
