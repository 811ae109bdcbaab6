import type { IncomingHttpHeaders } from 'node:http'
import type { Config } from '@kiban/kit/config'
import { InferError } from '../infer-error.ts'

const LOOPBACK_NAMES = ['localhost', '127.0.0.1', '[::1]']

/**
 * Refuses a request that a web page could have made somebody's browser send (access.md §2): the Host must be ours (DNS rebinding),
 * an Origin must be the server's UI or this port, and the body must be of a type that no plain form can send. No CORS is answered.
 */
export function createGuard(config: Config): (headers: IncomingHttpHeaders) => void {
  const hosts = new Set([...LOOPBACK_NAMES, ...config.allowedHosts.map((host) => host.toLowerCase())])
  if (config.publicUrl) hosts.add(new URL(config.publicUrl).hostname.toLowerCase())
  return (headers) => {
    const host = headers.host ?? ''
    if (!hosts.has(host.toLowerCase().replace(/:\d+$/, '')))
      throw new InferError(
        403,
        'This server does not answer to that host name (DNS rebinding protection). Add it to KIBAN_ALLOWED_HOSTS if it is yours.',
      )
    const { origin } = headers
    if (
      origin !== undefined &&
      origin !== `http://${host}` &&
      origin !== `https://${host}` &&
      !(config.publicUrl && origin === new URL(config.publicUrl).origin)
    )
      throw new InferError(403, 'Requests from another origin are refused.')
    const site = headers['sec-fetch-site']
    if (site === 'cross-site' || site === 'same-site')
      throw new InferError(403, 'Requests from another site are refused.')
    const type = headers['content-type']?.split(';')[0]?.trim().toLowerCase()
    if (type !== undefined && type !== 'application/json' && type !== 'application/octet-stream')
      throw new InferError(
        415,
        `Content-Type ${JSON.stringify(type)} is not taken; send application/json, or application/octet-stream with binary tensors.`,
      )
  }
}
