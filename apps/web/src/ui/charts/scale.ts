/** A straight map from a domain to pixels. */
export type Scale = {
  (value: number): number
  readonly domain: readonly [number, number]
  readonly range: readonly [number, number]
}

/** A linear scale. A domain without width is widened by one on each side. */
export function linear(domain: readonly [number, number], range: readonly [number, number]): Scale {
  const [from, to] = domain[0] === domain[1] ? [domain[0] - 1, domain[1] + 1] : domain
  const scale = (value: number) => range[0] + ((value - from) / (to - from)) * (range[1] - range[0])
  return Object.assign(scale, { domain: [from, to] as const, range })
}

/** Round values that divide a domain into about `count` parts (steps of 1, 2 or 5 times a power of ten). */
export function ticks([from, to]: readonly [number, number], count = 5): number[] {
  if (!(to > from)) return [from]
  const rough = (to - from) / count
  const power = 10 ** Math.floor(Math.log10(rough))
  const step = [1, 2, 5, 10].map((it) => it * power).find((it) => it >= rough) ?? 10 * power
  const digits = Math.max(0, -Math.floor(Math.log10(step)) + 1)
  const found: number[] = []
  for (let value = Math.ceil(from / step) * step; value <= to + step * 1e-9; value += step)
    found.push(Number(value.toFixed(digits)))
  return found
}

/** The domain of values with a little room, from 0 when asked. */
export function extent(
  values: Iterable<number | null | undefined>,
  options: { zero?: boolean; pad?: number } = {},
): [number, number] {
  let low = Infinity
  let high = -Infinity
  for (const value of values) {
    if (value === null || value === undefined || !Number.isFinite(value)) continue
    low = Math.min(low, value)
    high = Math.max(high, value)
  }
  if (low === Infinity) return [0, 1]
  if (options.zero === true) {
    low = Math.min(0, low)
    high = Math.max(0, high)
  }
  const room = (high - low || Math.abs(high) || 1) * (options.pad ?? 0.06)
  return [options.zero === true && low === 0 ? 0 : low - room, high + room]
}

const MINUTE = 60_000
const HOUR = 60 * MINUTE
const DAY = 24 * HOUR
const STEPS = [
  1000,
  5000,
  10_000,
  30_000,
  MINUTE,
  5 * MINUTE,
  15 * MINUTE,
  30 * MINUTE,
  HOUR,
  3 * HOUR,
  6 * HOUR,
  12 * HOUR,
  DAY,
  2 * DAY,
  7 * DAY,
  14 * DAY,
]

/** Instants that divide a stretch of time into about `count` parts; beyond 60 days the first of each month (of every n-th). */
export function timeTicks(
  [from, to]: readonly [number, number],
  count = 6,
): { at: number; unit: 'second' | 'minute' | 'day' | 'month' }[] {
  if (!(to > from)) return []
  if (to - from > 60 * DAY) {
    const months = (to - from) / (30.4 * DAY)
    const every = [1, 2, 3, 6, 12].find((it) => months / it <= count * 2) ?? 12
    const found: { at: number; unit: 'month' }[] = []
    const start = new Date(from)
    for (let month = start.getUTCMonth(); ; month += 1) {
      const at = Date.UTC(start.getUTCFullYear(), month, 1)
      if (at > to) return found
      if (at >= from && month % every === 0) found.push({ at, unit: 'month' })
    }
  }
  const step = STEPS.find((it) => (to - from) / it <= count) ?? 14 * DAY
  const unit = step < MINUTE ? 'second' : step < DAY ? 'minute' : 'day'
  const found: { at: number; unit: 'second' | 'minute' | 'day' }[] = []
  for (let at = Math.ceil(from / step) * step; at <= to; at += step) found.push({ at, unit })
  return found
}

/** About how wide a text of 12 px is: full-width characters take a whole em. */
export function textWidth(text: string): number {
  let width = 0
  for (const character of text) width += character.codePointAt(0)! > 0x2e80 ? 12.5 : 6.7
  return width
}
