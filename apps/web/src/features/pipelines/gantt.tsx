import type { ReactNode } from 'react'
import { useFormat } from '../../lib/format.ts'
import { useT } from '../../lib/i18n.tsx'
import { ChartFrame } from '../../ui/charts/frame.tsx'
import { linear, ticks } from '../../ui/charts/scale.ts'
import { useNow } from '../../ui/time.tsx'

export type GanttRow = {
  readonly id: string
  readonly name: string
  readonly state: string
  readonly queuedAt: number | null
  readonly startedAt: number | null
  readonly endedAt: number | null
  readonly note: string
}

const ROW = 24
const TOP = 24

/** A bar for each step on one axis of seconds; the wait before it hatched; the selected step shaded. */
export function Gantt({
  rows,
  selected,
  onSelect,
  startedAt,
}: {
  rows: readonly GanttRow[]
  selected: string | null
  onSelect: (id: string) => void
  startedAt: number
}): ReactNode {
  const t = useT()
  const format = useFormat()
  const running = rows.some((row) => row.startedAt !== null && row.endedAt === null)
  const now = useNow(running ? 1000 : 3_600_000)
  const end = Math.max(startedAt + 1000, ...rows.map((row) => row.endedAt ?? (row.startedAt === null ? 0 : now)))
  const label = t('run.gantt_label', {
    steps: rows
      .map(
        (row) => `${row.name} ${row.startedAt === null ? '–' : format.duration((row.endedAt ?? now) - row.startedAt)}`,
      )
      .join(', '),
  })
  const names = Math.min(180, 16 + 7 * Math.max(6, ...rows.map((row) => row.name.length)))
  const draw = (width: number) => {
    const x = linear([0, end - startedAt], [names, width - 90])
    return (
      <g className="gantt">
        <defs>
          <pattern id="gantt-wait" width="5" height="5" patternUnits="userSpaceOnUse" patternTransform="rotate(45)">
            <path d="M0 0V5" className="cm" strokeWidth="1.2" />
          </pattern>
        </defs>
        {ticks(x.domain, Math.max(2, Math.floor((width - names) / 110))).map((tick) => (
          <g key={tick}>
            <path className="gl" d={`M${x(tick)} ${TOP - 4}V${TOP + rows.length * ROW}`} />
            <text x={x(tick)} y={12} textAnchor="middle">
              {format.duration(tick)}
            </text>
          </g>
        ))}
        {rows.map((row, index) => {
          const y = TOP + index * ROW
          const from = row.startedAt === null ? null : x(row.startedAt - startedAt)
          const to = row.startedAt === null ? null : x((row.endedAt ?? now) - startedAt)
          const wait = row.queuedAt === null || from === null ? null : x(Math.max(0, row.queuedAt - startedAt))
          const tone =
            row.state === 'failed'
              ? 'fb'
              : row.state === 'running' || row.state === 'preparing'
                ? 'fa'
                : row.state === 'cached'
                  ? 'fs'
                  : 'fr'
          return (
            <g key={row.id} onClick={() => onSelect(row.id)} className="pick">
              <rect x={0} y={y} width={width} height={ROW} className={row.id === selected ? 'fs' : 'pick-area'} />
              <text x={4} y={y + 16} className={row.id === selected ? 'sb' : 'h'}>
                {row.name}
              </text>
              {wait !== null && from !== null && from - wait > 1 && (
                <rect x={wait} y={y + 7} width={from - wait} height={10} fill="url(#gantt-wait)" />
              )}
              {from !== null && to !== null && (
                <rect x={from} y={y + 6} width={Math.max(2, to - from)} height={12} rx={1} className={tone} />
              )}
              <text x={(to ?? names) + 6} y={y + 16} className={row.state === 'failed' ? 'fb' : ''}>
                {row.startedAt === null
                  ? row.note
                  : `${format.duration((row.endedAt ?? now) - row.startedAt)}${row.state === 'cached' ? ` · ${row.note}` : ''}`}
              </text>
            </g>
          )
        })}
      </g>
    )
  }
  return <ChartFrame sentence={label} height={TOP + rows.length * ROW + 4} draw={draw} minWidth={360} />
}
