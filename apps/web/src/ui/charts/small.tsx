import type { ReactNode } from 'react'
import { extent, linear } from './scale.ts'

/** A line the size of a table cell, with its last value as a dot and its limit as a dash. */
export function Sparkline({
  values,
  limit,
  bad = false,
  width = 96,
  height = 22,
  label,
}: {
  values: readonly (number | null)[]
  limit?: number | null
  bad?: boolean
  width?: number
  height?: number
  label: string
}): ReactNode {
  const x = linear([0, Math.max(1, values.length - 1)], [2, width - 4])
  const y = linear(extent([...values, limit ?? null], { pad: 0.12 }), [height - 2, 2])
  const parts = values.map((value, index) => (value === null ? null : `${x(index).toFixed(1)} ${y(value).toFixed(1)}`))
  const last = values.findLastIndex((value) => value !== null)
  let path = ''
  for (const [index, part] of parts.entries())
    if (part !== null) path += `${index > 0 && parts[index - 1] !== null ? 'L' : 'M'}${part}`
  return (
    <svg width={width} height={height} role="img" aria-label={label}>
      {limit != null && <path className="limit" d={`M0 ${y(limit)}H${width}`} />}
      <path className="ln ct spark" d={path} />
      {last >= 0 && <circle cx={x(last)} cy={y(values[last]!)} r={2.5} className={bad ? 'fw' : 'ft'} />}
    </svg>
  )
}

/** Bars the size of a table cell. */
export function MiniBars({
  counts,
  width = 116,
  height = 22,
  label,
  tone = 'fr',
}: {
  counts: readonly number[]
  width?: number
  height?: number
  label: string
  tone?: string
}): ReactNode {
  const max = Math.max(1, ...counts)
  const step = width / Math.max(1, counts.length)
  return (
    <svg width={width} height={height} role="img" aria-label={label}>
      {counts.map((count, index) => (
        <rect
          key={index}
          x={index * step}
          width={Math.max(1, step - 1)}
          y={height - Math.max(1, (count / max) * (height - 1))}
          height={Math.max(1, (count / max) * (height - 1))}
          className={count > 0 ? tone : 'fs'}
        />
      ))}
    </svg>
  )
}

type GateMarkProps = {
  readonly value: number | null
  readonly reference?: number | null
  readonly limit: number | null
  readonly interval?: readonly [number, number] | null
  /** The good side of the limit. */
  readonly good: 'below' | 'above'
  readonly label: string
  readonly width?: number
}

/** A value against its limit: shaded good side, tick at the limit, dot for the value, ring for what it is compared with, bar for the interval. */
export function GateMark({ value, reference, limit, interval, good, label, width = 104 }: GateMarkProps): ReactNode {
  const [low, high] = extent([value, reference, limit, ...(interval ?? [])], { pad: 0.35 })
  const x = linear([low, high], [3, width - 3])
  const at = limit === null ? null : x(limit)
  return (
    <svg width={width} height={18} role="img" aria-label={label}>
      <rect x={0} y={8} width={width} height={2} className="fs" />
      {at !== null && (
        <rect
          x={good === 'below' ? 0 : at}
          y={4}
          width={good === 'below' ? at : width - at}
          height={10}
          className="fs"
        />
      )}
      {at !== null && <path className="ct" d={`M${at} 2V16`} strokeWidth={1.4} />}
      {interval != null && <path className="c1" strokeWidth={2} d={`M${x(interval[0])} 9H${x(interval[1])}`} />}
      {reference != null && <circle cx={x(reference)} cy={9} r={3.4} className="fbg ct" strokeWidth={1.3} />}
      {value !== null && <circle cx={x(value)} cy={9} r={4} className="f1" />}
    </svg>
  )
}

/** One bar of horizontal weight, from 0. */
export function WeightBar({
  share,
  tone = 'fr',
  label,
  width = 96,
}: {
  share: number
  tone?: string
  label: string
  width?: number
}): ReactNode {
  return (
    <svg width={width} height={10} role="img" aria-label={label}>
      <rect width={Math.max(1, share * width)} height={10} rx={1} className={tone} />
    </svg>
  )
}

/** How traffic is split: one bar, a part for each version, the candidate in series 1. */
export function TrafficBar({
  parts,
  label,
}: {
  parts: readonly { readonly name: string; readonly weight: number; readonly candidate: boolean }[]
  label: string
}): ReactNode {
  const starts = parts.map((_, index) => parts.slice(0, index).reduce((sum, part) => sum + part.weight, 0))
  return (
    <svg
      className="traffic"
      width="100%"
      height={8}
      viewBox="0 0 100 8"
      preserveAspectRatio="none"
      role="img"
      aria-label={label}
    >
      <rect width={100} height={8} className="fs" />
      {parts.map((part, index) => (
        <rect
          key={part.name}
          x={starts[index]}
          width={part.weight}
          height={8}
          className={part.candidate ? 'f1' : 'fr'}
        />
      ))}
    </svg>
  )
}
