import type { ReactNode } from 'react'
import { useFormat } from '../../lib/format.ts'
import { ChartFrame } from './frame.tsx'
import { extent, linear, ticks } from './scale.ts'

export type ScatterPoint = {
  readonly id: string
  readonly label: string
  readonly x: number
  readonly y: number
  readonly colour: string
  readonly best?: boolean
}

/** Points of two numbers; the x axis is logarithmic when positive values span more than two orders. The best is a diamond with its value. */
export function Scatter({
  sentence,
  points,
  height = 200,
  xText,
}: {
  sentence: string
  points: readonly ScatterPoint[]
  height?: number
  xText?: (value: number) => string
}): ReactNode {
  const format = useFormat()
  const text = xText ?? format.number
  const low = Math.min(...points.map((point) => point.x))
  const high = Math.max(...points.map((point) => point.x))
  const log = low > 0 && high / low > 30
  const at = (value: number) => (log ? Math.log10(value) : value)
  const table = {
    head: ['', 'x', 'y'],
    rows: points.map((point) => [point.label, text(point.x), format.number(point.y)]),
  }
  const draw = (width: number) => {
    const area = { left: 44, right: width - 12, top: 12, bottom: height - 22 }
    const x = linear(extent(points.map((point) => at(point.x))), [area.left, area.right])
    const y = linear(extent(points.map((point) => point.y)), [area.bottom, area.top])
    const xTicks = ticks(x.domain, 4)
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
        <path className="ax" d={`M${area.left} ${area.bottom}H${area.right}`} />
        {xTicks.map((tick) => (
          <text key={tick} x={x(tick)} y={height - 6} textAnchor="middle">
            {text(log ? Number((10 ** tick).toPrecision(2)) : tick)}
          </text>
        ))}
        {points.map((point) =>
          point.best === true ? (
            <g key={point.id} className="halo">
              <path
                className={point.colour === 'cr' ? 'f1' : point.colour.replace('c', 'f')}
                d={`M${x(at(point.x))} ${y(point.y) - 6}l6 6l-6 6l-6 -6z`}
              />
              <text
                x={x(at(point.x))}
                y={y(point.y) + (y(point.y) > area.bottom - 24 ? -10 : 20)}
                textAnchor={x(at(point.x)) > area.right - 40 ? 'end' : 'middle'}
                className="sb"
              >
                {format.number(point.y)}
              </text>
            </g>
          ) : (
            <circle key={point.id} cx={x(at(point.x))} cy={y(point.y)} r={4} className={point.colour.replace('c', 'f')}>
              <title>{`${point.label}: ${text(point.x)}, ${format.number(point.y)}`}</title>
            </circle>
          ),
        )}
      </g>
    )
  }
  return <ChartFrame sentence={sentence} height={height} table={table} draw={draw} />
}
