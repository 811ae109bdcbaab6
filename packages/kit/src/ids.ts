import { randomBytes } from 'node:crypto'

const ALPHABET = '0123456789abcdefghjkmnpqrstvwxyz'
let lastMs = 0
let sequence = 0

/**
 * A new id: `prefix_` and 22 characters that sort by the time of their making (Crockford base 32: 45 bits of milliseconds, 10 bits of
 * a counter within the millisecond, 55 random bits).
 */
export function newId(prefix: string): string {
  const nowMs = Date.now()
  if (nowMs > lastMs) {
    lastMs = nowMs
    sequence = 0
  } else {
    sequence += 1
  }
  const time = encode(BigInt(lastMs), 9) + encode(BigInt(sequence & 1023), 2)
  const random = encode(BigInt(`0x${randomBytes(7).toString('hex')}`) & ((1n << 55n) - 1n), 11)
  return `${prefix}_${time}${random}`
}

/** A random id of 32 hex digits, as MLflow's run ids. */
export function newHexId(): string {
  return randomBytes(16).toString('hex')
}

function encode(value: bigint, length: number): string {
  let rest = value
  let text = ''
  for (let i = 0; i < length; i++) {
    text = ALPHABET[Number(rest & 31n)] + text
    rest >>= 5n
  }
  return text
}
