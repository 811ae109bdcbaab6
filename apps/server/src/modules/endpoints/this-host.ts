import { hostname } from 'node:os'
import type { Platform } from '@kiban/kit/context'

/** Names this home on this machine among several servers of one database. */
export function thisHost(platform: Platform): string {
  return `${hostname()} ${platform.home}`
}
