import { useState, type ReactNode } from 'react'
import type { Format } from '../../lib/format.ts'
import { useFormat } from '../../lib/format.ts'
import { ChartFrame } from './frame.tsx'
import { extent, linear, ticks, timeTicks } from './scale.ts'

export type LinePoint = {
  readonly x: number
  readonly y: number | null
  readonly low?: number | null
  readonly high?: number | null
}
/** One line; `colour` is a series class c1…c8, cr (rest, grey) or ct (text). A single point is drawn as a dot. */
export type Line = {
  readonly id: string
  readonly label: string
  readonly colour: string
  readonly points: readonly LinePoint[]
  readonly dashed?: boolean
  readonly strong?: boolean
  /** Points without a line between them. */
  readonly bare?: boolean
}
export type Mark = { readonly x: number; readonly label: string; readonly bad?: boolean }
export type Limit = { readonly y: number; readonly label: string; readonly plain?: boolean }

type LineChartProps = {
  readonly sentence: string
  readonly lines: readonly Line[]
  readonly height?: number
  readonly time?: boolean
  readonly zero?: boolean
  readonly marks?: readonly Mark[]
  readonly limits?: readonly Limit[]
  readonly xDomain?: readonly [number, number]
  readonly yText?: (value: number) => string
  readonly dots?: boolean
}

const HALF_DAY_MS = 43_200_000
const LEFT = 44
const TOP = 20
const BOTTOM = 22

/** Lines with min–max bands, red dashed limits, grey dashed marks, labels at the line's end, a cursor with the values. */
export function LineChart(props: LineChartProps): ReactNode {
  const format = useFormat()
  const yText = props.yText ?? format.number
  const height = props.height ?? 220
  const xs = [...new Set(props.lines.flatMap((line) => line.points.map((point) => point.x)))].sort((a, b) => a - b)
  const table = {
    head: [props.time === true ? '' : 'x', ...props.lines.map((line) => line.label)],
    rows: xs.map((x) => [
      props.time === true ? format.time(x) : format.number(x),
      ...props.lines.map((line) => nullableText(line.points.find((point) => point.x === x)?.y, yText)),
    ]),
  }
  return (
    <ChartFrame
      sentence={props.sentence}
      height={height}
      table={table}
      draw={(width) => <Drawing {...props} width={width} height={height} xs={xs} yText={yText} format={format} />}
    />
  )
}

function Drawing({
  lines,
  width,
  height,
  time,
  zero,
  marks = [],
  limits = [],
  xDomain,
  yText,
  format,
  xs,
  dots,
}: LineChartProps & {
  width: number
  height: number
  xs: readonly number[]
  yText: (value: number) => string
  format: Format
}): ReactNode {
  const [cursor, setCursor] = useState<number | null>(null)
  const right =
    12 +
    7 *
      Math.max(
        0,
        ...lines.map((line) => (lines.length > 1 || line.strong === true ? line.label.length : 0)),
        ...limits.map((limit) => limit.label.length),
      )
  const area = { left: LEFT, right: width - Math.min(right, 150), top: TOP, bottom: height - BOTTOM }
  const x = linear(xDomain ?? (xs.length === 0 ? [0, 1] : [xs[0]!, xs.at(-1)!]), [area.left, area.right])
  const y = linear(
    extent(
      [
        ...lines.flatMap((line) => line.points.flatMap((point) => [point.y, point.low, point.high])),
        ...limits.map((limit) => limit.y),
      ],
      { zero: zero ?? false },
    ),
    [area.bottom, area.top],
  )
  const whole = xs.every((value) => Number.isInteger(value))
  const nearest = (px: number) => {
    const value = x.domain[0] + ((px - area.left) / (area.right - area.left)) * (x.domain[1] - x.domain[0])
    return xs.reduce<number | null>(
      (best, it) => (best === null || Math.abs(it - value) < Math.abs(best - value) ? it : best),
      null,
    )
  }
  const ends = spread(
    lines.flatMap((line) => {
      const last = line.points.findLast((point) => point.y !== null)
      return last === undefined || last.y === null ? [] : [{ line, value: last.y, at: y(last.y) }]
    }),
    area,
  )
  return (
    <g
      onPointerMove={(event) => {
        const box = event.currentTarget.ownerSVGElement?.getBoundingClientRect()
        if (box !== undefined) setCursor(nearest(event.clientX - box.left))
      }}
      onPointerLeave={() => setCursor(null)}
    >
      <rect x={area.left} y={0} width={Math.max(0, area.right - area.left)} height={area.bottom} fill="transparent" />
      {ticks([y.domain[0], y.domain[1]], Math.max(2, Math.round((area.bottom - area.top) / 40))).map((tick) => (
        <g key={tick}>
          <path className="gl" d={`M${area.left} ${y(tick)}H${area.right}`} />
          <text x={area.left - 8} y={y(tick) + 4} textAnchor="end">
            {yText(tick)}
          </text>
        </g>
      ))}
      <path className="ax" d={`M${area.left} ${area.bottom}H${area.right}`} />
      {(time === true
        ? timeTicks(x.domain, Math.max(2, Math.floor((area.right - area.left) / 90))).map(
            (tick) => [tick.at, tickText(tick, format)] as const,
          )
        : ticks(x.domain, Math.max(2, Math.floor((area.right - area.left) / 70)))
            .filter((tick) => !whole || Number.isInteger(tick))
            .map((tick) => [tick, format.number(tick)] as const)
      ).map(([at, label]) => (
        <text key={at} x={x(at)} y={height - 6} textAnchor="middle">
          {label}
        </text>
      ))}
      {marks
        .filter((mark) => mark.x >= x.domain[0] && mark.x <= x.domain[1])
        .map((mark, index, shown) => (
          <g key={`${mark.x} ${mark.label}`}>
            <path className={mark.bad === true ? 'limit' : 'mark'} d={`M${x(mark.x)} ${8}V${area.bottom}`} />
            <text
              x={x(mark.x) + (x(mark.x) > area.right - 80 ? -4 : 4)}
              y={12}
              textAnchor={x(mark.x) > area.right - 80 ? 'end' : 'start'}
              className="h"
            >
              {index + 1 < shown.length && x(shown[index + 1]!.x) - x(mark.x) < 84 ? null : mark.label}
            </text>
          </g>
        ))}
      {limits.map((limit) => (
        <g key={limit.label}>
          <path className={limit.plain === true ? 'mark' : 'limit'} d={`M${area.left} ${y(limit.y)}H${area.right}`} />
          <text x={area.right + 6} y={y(limit.y) + 4} className={limit.plain === true ? '' : 'fb'}>
            {limit.label}
          </text>
        </g>
      ))}
      {lines.map((line) => (
        <g key={line.id}>
          <path className={`band ${line.colour.replace('c', 'f')}`} d={bandPath(line.points, x, y)} />
          <path
            className={`ln ${line.colour}`}
            strokeDasharray={line.dashed === true ? '4 3' : undefined}
            d={line.bare === true ? '' : linePath(line.points, x, y)}
          />
          {(dots === true || line.points.length < 3) &&
            line.points.map(
              (point) =>
                point.y !== null && (
                  <circle
                    key={point.x}
                    cx={x(point.x)}
                    cy={y(point.y)}
                    r={3.5}
                    className={line.colour.replace('c', 'f')}
                  />
                ),
            )}
        </g>
      ))}
      {lines.length > 1 &&
        ends.map(({ line, at }) => (
          <text key={line.id} x={area.right + 6} y={at + 4} className={line.strong === true ? 'sb' : ''}>
            {line.label}
          </text>
        ))}
      {cursor !== null && (
        <g className="cursor" pointerEvents="none">
          <path className="ax" d={`M${x(cursor)} ${area.top}V${area.bottom}`} />
          <g className="halo">
            <text
              x={x(cursor) + (x(cursor) > (area.left + area.right) / 2 ? -6 : 6)}
              y={area.top + 10}
              textAnchor={x(cursor) > (area.left + area.right) / 2 ? 'end' : 'start'}
              className="h"
            >
              {time === true ? format.time(cursor) : format.number(cursor)}
            </text>
            {lines.map((line, index) => (
              <text
                key={line.id}
                x={x(cursor) + (x(cursor) > (area.left + area.right) / 2 ? -6 : 6)}
                y={area.top + 26 + index * 16}
                textAnchor={x(cursor) > (area.left + area.right) / 2 ? 'end' : 'start'}
                className="h"
              >
                {`${line.label} ${nullableText(line.points.find((point) => point.x === cursor)?.y, yText)}`}
              </text>
            ))}
          </g>
        </g>
      )}
    </g>
  )
}

/** The label of a time tick. */
export function tickText(tick: { at: number; unit: string }, format: Format): string {
  // Ticks are whole UTC days: half a day later every zone of the reader agrees on the date.
  if (tick.unit === 'month') return format.month(tick.at + HALF_DAY_MS)
  if (tick.unit === 'second') return format.seconds(tick.at)
  return tick.unit === 'day' ? format.day(tick.at + HALF_DAY_MS) : format.clock(tick.at)
}

function nullableText(value: number | null | undefined, text: (value: number) => string): string {
  return value === null || value === undefined ? '–' : text(value)
}

function linePath(points: readonly LinePoint[], x: (value: number) => number, y: (value: number) => number): string {
  let path = ''
  let open = false
  for (const point of points) {
    if (point.y === null || !Number.isFinite(point.y)) {
      open = false
      continue
    }
    path += `${open ? 'L' : 'M'}${x(point.x).toFixed(1)} ${y(point.y).toFixed(1)}`
    open = true
  }
  return path
}

function bandPath(points: readonly LinePoint[], x: (value: number) => number, y: (value: number) => number): string {
  const held = points.filter(
    (point): point is LinePoint & { low: number; high: number } =>
      point.low != null && point.high != null && point.high > point.low,
  )
  if (held.length < 2) return ''
  const upper = held.map((point) => `${x(point.x).toFixed(1)} ${y(point.high).toFixed(1)}`)
  const lower = held.map((point) => `${x(point.x).toFixed(1)} ${y(point.low).toFixed(1)}`).reverse()
  return `M${[...upper, ...lower].join('L')}Z`
}

/** Moves end labels apart so that none lies over another. */
function spread<T extends { at: number }>(labels: readonly T[], area: { top: number; bottom: number }): T[] {
  const sorted = labels.map((label) => ({ ...label })).sort((a, b) => a.at - b.at)
  for (const [index, label] of sorted.entries())
    label.at = Math.max(label.at, (sorted[index - 1]?.at ?? area.top - 20) + 15)
  for (let index = sorted.length - 1; index >= 0; index -= 1)
    sorted[index]!.at = Math.min(sorted[index]!.at, (sorted[index + 1]?.at ?? area.bottom + 12) - 15)
  return sorted
}
