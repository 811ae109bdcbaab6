type Compared = {
  readonly value: number | null
  readonly reference: number | null
  readonly d: number | null
  readonly interval: { readonly low: number; readonly high: number } | null
}

/**
 * How much better the candidate is on the rows themselves, > 0 is better. Where the check decides by the lower end of an interval (`d`),
 * this is the difference inside that interval.
 */
export function gainOf(check: Compared): number | null {
  if (check.interval === null || check.value === null || check.reference === null) return check.d
  const difference = check.value - check.reference
  const middle = (check.interval.low + check.interval.high) / 2
  return Math.abs(difference - middle) <= Math.abs(-difference - middle) ? difference : -difference
}
