import type { IncomingHttpHeaders } from 'node:http'
import type { Socket } from 'node:net'
import type { Config } from '@kiban/kit/config'
import { canTellPeer, findOwner, peerOwner } from '@kiban/kit/peer-owner'
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

/** Refuses other users of this machine, who reach a loopback address as well as we do (access.md §2; Linux only). */
export async function checkPeer(socket: Socket): Promise<void> {
  if (canTellPeer) checkOwner(await peerOwner(socket))
}

/** As `checkPeer`, for gRPC, which names only the peer's address: `127.0.0.1:51234`. */
export async function checkPeerAddress(address: string, localPort: number): Promise<void> {
  if (!canTellPeer) return
  const remotePort = Number(address.slice(address.lastIndexOf(':') + 1))
  const key = `${remotePort} ${localPort}`
  const now = Date.now()
  let seen = peers.get(key)
  if (!seen || now - seen.at > PEER_KEPT_MS) {
    if (peers.size > MAX_PEERS) peers.clear()
    seen = { at: now, owner: findOwner({ remotePort, localPort }) }
    peers.set(key, seen)
  }
  checkOwner(await seen.owner)
}
/** A port that was just closed is not given to another user within this time: it rests in TIME_WAIT for a minute. */
const PEER_KEPT_MS = 10_000
const MAX_PEERS = 1000
const peers = new Map<string, { at: number; owner: Promise<number | undefined> }>()

function checkOwner(uid: number | undefined): void {
  if (uid === 0 || uid === process.getuid?.()) return
  throw new InferError(401, 'This data plane runs for another user of the machine. Start one of your own.')
}
