import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { Config } from './config.ts'
import { AppError } from './errors.ts'

const LOOPBACK_NAMES = ['localhost', '127.0.0.1', '[::1]']
const PROBES = new Set(['/livez', '/readyz', '/health'])

/** Of everything but the pages of the UI, which set their own with a nonce. */
const CONTENT_SECURITY_POLICY = "default-src 'none'; frame-ancestors 'none'; sandbox"

/**
 * Guards every port in every mode, before routing (access.md §2): the Host must be ours (DNS rebinding), an Origin must be ours with
 * its port, and a cross-site request may only be a navigation to a page.
 */
export function guardOrigin(server: FastifyInstance, config: Config): void {
  server.addHook('onRequest', async (request, reply) => guardRequest(request, reply, config))
}

/** The same for one request: sets the headers of every answer, and throws for what is refused. */
export function guardRequest(request: FastifyRequest, reply: FastifyReply, config: Config): void {
  reply.header('x-content-type-options', 'nosniff')
  reply.header('x-frame-options', 'DENY')
  reply.header('referrer-policy', 'same-origin')
  reply.header('content-security-policy', CONTENT_SECURITY_POLICY)
  reply.header('cross-origin-resource-policy', 'same-origin')
  reply.header('cross-origin-opener-policy', 'same-origin')
  const path = request.url.split('?')[0] ?? '/'
  if (PROBES.has(path)) return
  checkHost(request, hostsOf(config))
  checkOrigin(request, config)
  checkFetchSite(request, path)
}

const known = new WeakMap<Config, ReadonlySet<string>>()

/** The names this server answers to. */
function hostsOf(config: Config): ReadonlySet<string> {
  const made = known.get(config)
  if (made) return made
  const hosts = new Set([...LOOPBACK_NAMES, ...config.allowedHosts.map((host) => host.toLowerCase())])
  if (config.publicUrl) hosts.add(new URL(config.publicUrl).hostname.toLowerCase())
  known.set(config, hosts)
  return hosts
}

function checkHost(request: FastifyRequest, hosts: ReadonlySet<string>): void {
  const name = hostName(request.headers.host ?? '')
  if (hosts.has(name)) return
  throw new AppError('host_not_allowed', {
    message:
      'This server does not answer to that host name (DNS rebinding protection). Add it to KIBAN_ALLOWED_HOSTS if it is yours.',
  })
}

function hostName(host: string): string {
  return host.toLowerCase().replace(/:\d+$/, '')
}

function checkOrigin(request: FastifyRequest, config: Config): void {
  const origin = request.headers.origin
  if (origin === undefined) return
  const own =
    origin === `http://${request.headers.host}` ||
    origin === `https://${request.headers.host}` ||
    (config.publicUrl !== undefined && origin === new URL(config.publicUrl).origin)
  if (!own) throw new AppError('origin_not_allowed', { message: 'Requests from another origin are refused.' })
}

function checkFetchSite(request: FastifyRequest, path: string): void {
  const site = request.headers['sec-fetch-site']
  if (site !== 'cross-site' && site !== 'same-site') return
  const isPage = path === '/' || /^\/(p|o|go)(\/|$)/.test(path)
  if (request.method === 'GET' && request.headers['sec-fetch-mode'] === 'navigate' && isPage) return
  throw new AppError('origin_not_allowed', { message: 'Requests from another site are refused.' })
}
