import { lookup } from 'node:dns/promises'
import { BlockList, isIP } from 'node:net'
import { request as httpRequest } from 'node:http'
import { request as httpsRequest } from 'node:https'
import { AppError } from './errors.ts'

// Two lists: one list with `::ffff:0:0/96` would match every IPv4 address.
const PRIVATE_IPV4 = new BlockList()
const PRIVATE_IPV6 = new BlockList()
for (const [net, bits] of [
  ['0.0.0.0', 8],
  ['10.0.0.0', 8],
  ['100.64.0.0', 10],
  ['127.0.0.0', 8],
  ['169.254.0.0', 16],
  ['172.16.0.0', 12],
  ['192.0.0.0', 24],
  ['192.168.0.0', 16],
  ['198.18.0.0', 15],
  ['224.0.0.0', 3],
] as const)
  PRIVATE_IPV4.addSubnet(net, bits, 'ipv4')
// ::/96 and mapped IPv4, NAT64, Teredo, 6to4, unique local, link local, multicast: none is a public address of its own.
for (const [net, bits] of [
  ['::', 96],
  ['::ffff:0:0', 96],
  ['64:ff9b::', 96],
  ['64:ff9b:1::', 48],
  ['2001::', 32],
  ['2002::', 16],
  ['fc00::', 7],
  ['fe80::', 10],
  ['ff00::', 8],
] as const)
  PRIVATE_IPV6.addSubnet(net, bits, 'ipv6')

/** True for every address that is not a public unicast one. */
export function isPrivateAddress(address: string): boolean {
  const family = isIP(address)
  if (family === 0) return true
  return family === 6 ? PRIVATE_IPV6.check(address, 'ipv6') : PRIVATE_IPV4.check(address, 'ipv4')
}

export type OutboundResponse = { readonly status: number; readonly body: string }

/**
 * The only client for addresses that came from outside: http(s) only, the name resolved once, every address checked, the connection
 * pinned to the checked one, no redirects, at most 1 MiB back, 10 s. `allow` names hosts that an administrator opened.
 */
export async function outbound(
  url: string,
  init: { method?: string; headers?: Record<string, string>; body?: string; allow?: readonly string[] } = {},
): Promise<OutboundResponse> {
  const target = parseUrl(url)
  const host = target.hostname.replace(/^\[|\]$/g, '')
  const addresses = isIP(host) ? [{ address: host, family: isIP(host) }] : await lookup(host, { all: true })
  const refused = init.allow?.includes(target.host)
    ? undefined
    : addresses.find(({ address }) => isPrivateAddress(address))
  const chosen = addresses[0]
  if (refused || !chosen)
    throw new AppError('bad_request', {
      message: `${target.host} leads to ${refused?.address ?? 'no address'}, which is private. Give a public address, or ask an administrator to allow this host.`,
    })
  const send = target.protocol === 'https:' ? httpsRequest : httpRequest
  return new Promise((resolve, reject) => {
    const request = send(
      {
        protocol: target.protocol,
        hostname: chosen.address,
        servername: host,
        port: target.port,
        path: target.pathname + target.search,
        method: init.method ?? 'GET',
        headers: { ...init.headers, host: target.host },
        timeout: 10_000,
      },
      (response) => {
        let body = ''
        response.setEncoding('utf8')
        response.on('data', (text: string) => {
          body += text
          if (body.length > 1 << 20) request.destroy(new Error('the answer has more than 1 MiB'))
        })
        response.on('end', () => resolve({ status: response.statusCode ?? 0, body }))
      },
    )
    request.on('timeout', () => request.destroy(new Error('no answer within 10 s')))
    request.on('error', reject)
    request.end(init.body)
  })
}

function parseUrl(url: string): URL {
  const parsed = URL.canParse(url) ? new URL(url) : undefined
  if (!parsed || (parsed.protocol !== 'http:' && parsed.protocol !== 'https:'))
    throw new AppError('bad_request', {
      message: `${JSON.stringify(url.slice(0, 200))} is not an http or https address.`,
    })
  return parsed
}
