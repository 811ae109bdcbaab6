import { useElementSize } from '@mantine/hooks'
import { useState, type ReactNode } from 'react'
import { useT } from '../../lib/i18n.tsx'

export type ChartRows = { readonly head: readonly string[]; readonly rows: readonly (readonly string[])[] }

/**
 * Holds a drawing: a sentence for those who do not see it, its real width, and the same numbers as a table.
 * `draw` gets the width in pixels, so text and lines are never stretched.
 */
export function ChartFrame({
  sentence,
  height,
  table,
  draw,
  minWidth = 120,
}: {
  sentence: string
  height: number
  table?: ChartRows | undefined
  draw: (width: number) => ReactNode
  minWidth?: number
}): ReactNode {
  const t = useT()
  const { ref, width } = useElementSize<HTMLElement>()
  const [asTable, setAsTable] = useState(false)
  return (
    <figure ref={ref} className="chart">
      {table !== undefined && (
        <button type="button" className="btn q as-table" aria-pressed={asTable} onClick={() => setAsTable(!asTable)}>
          {asTable ? t('chart.as_chart') : t('chart.as_table')}
        </button>
      )}
      {asTable && table !== undefined ? (
        <div className="tbox scroll" style={{ maxHeight: height }} tabIndex={0} role="region" aria-label={sentence}>
          <table className="compact">
            <thead>
              <tr>
                {table.head.map((cell, column) => (
                  <th key={cell} scope="col" className={column === 0 ? undefined : 'num'}>
                    {cell}
                  </th>
                ))}
              </tr>
            </thead>
            <tbody>
              {table.rows.map((row, index) => (
                <tr key={index}>
                  {row.map((cell, column) => (
                    <td key={column} className={column === 0 ? undefined : 'num'}>
                      {cell}
                    </td>
                  ))}
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      ) : (
        <svg
          role="img"
          aria-label={sentence}
          width="100%"
          height={height}
          viewBox={`0 0 ${Math.max(width, minWidth)} ${height}`}
          preserveAspectRatio="none"
        >
          {width > 0 && draw(Math.max(width, minWidth))}
        </svg>
      )}
    </figure>
  )
}
