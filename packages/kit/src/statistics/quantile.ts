/** Quantile by linear interpolation, type 7 of Hyndman & Fan (1996): what NumPy and R give by default. `sorted` ascending, no NaN. */
export function quantile(sorted: ArrayLike<number>, q: number): number {
  const n = sorted.length
  if (n === 0) return Number.NaN
  const h = (n - 1) * q
  const low = Math.floor(h)
  const a = sorted[low] as number
  const b = sorted[Math.min(low + 1, n - 1)] as number
  return a + (h - low) * (b - a)
}

/** Mean and population standard deviation (ddof 0), in two passes. */
export function meanAndSd(values: ArrayLike<number>): { mean: number; sd: number } {
  const n = values.length
  if (n === 0) return { mean: Number.NaN, sd: Number.NaN }
  let sum = 0
  for (let i = 0; i < n; i++) sum += values[i] as number
  const mean = sum / n
  let squares = 0
  for (let i = 0; i < n; i++) squares += ((values[i] as number) - mean) ** 2
  return { mean, sd: Math.sqrt(squares / n) }
}
