import { createHash } from 'node:crypto'

/** A share of the traffic. */
export type Share = { readonly weight: number }

/**
 * Where a request falls, in [0, 1): a pure function of its id or its sticky value, so that the same caller meets the same version.
 * SHA-256, first 48 bits: even for ids that differ in one character.
 */
export function spread(value: string): number {
  return createHash('sha256').update(value).digest().readUIntBE(0, 6) / 2 ** 48
}

/**
 * Picks by weight. The running version (first) has the high end: while a candidate's weight grows, whoever already met it keeps
 * meeting it. Undefined if all weights are zero.
 */
export function pick<S extends Share>(shares: readonly S[], at: number): S | undefined {
  const total = shares.reduce((sum, share) => sum + share.weight, 0)
  if (total <= 0) return undefined
  let rest = at * total
  for (const share of [...shares.slice(1), ...shares.slice(0, 1)]) {
    if (rest < share.weight) return share
    rest -= share.weight
  }
  return shares.findLast((share) => share.weight > 0)
}
