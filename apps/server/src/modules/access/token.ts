import { randomInt } from 'node:crypto'
import { crc32 } from 'node:zlib'

const BASE62 = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz'
const KINDS = { person: 'p', service: 's', job: 'j', endpoint_key: 'e', one_time: 'o' } as const

/** A new token: `kbn<kind>_`, 32 random base-62 digits (190 bits) and 6 of their CRC-32, so that scanners and typos are caught offline. */
export function newToken(kind: keyof typeof KINDS): string {
  const random = Array.from({ length: 32 }, () => BASE62[randomInt(62)]).join('')
  return `kbn${KINDS[kind]}_${random}${checksum(random)}`
}

/** Whether the text has the form of a token, checksum included; says nothing about its validity. */
export function isTokenShaped(text: string): boolean {
  const match = /^kbn[psjeo]_([0-9A-Za-z]{32})([0-9A-Za-z]{6})$/.exec(text)
  return match?.[1] !== undefined && checksum(match[1]) === match[2]
}

function checksum(random: string): string {
  let rest = crc32(random)
  let text = ''
  for (let i = 0; i < 6; i++) {
    text = BASE62[rest % 62] + text
    rest = Math.floor(rest / 62)
  }
  return text
}
