import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import type { Socket } from 'node:net'

const ESTABLISHED = '01'
const TABLES = ['/proc/net/tcp', '/proc/net/tcp6']
const known = new WeakMap<Socket, Promise<number | undefined>>()
let shared: { at: number; rows: Promise<readonly Row[]> } | undefined

type Row = { readonly localPort: number; readonly remotePort: number; readonly uid: number }

/** Whether this system can say who owns the other end of a loopback connection. */
export const canTellPeer = existsSync(TABLES[0] ?? '')

/**
 * The user id that owns the other end of a loopback connection, from the kernel's socket table; asked once a connection. Only
 * established rows count: closed ones show user 0. Undefined when the connection is gone.
 */
export function peerOwner(socket: Socket): Promise<number | undefined> {
  const asked = known.get(socket)
  if (asked) return asked
  const answer = findOwner(socket)
  known.set(socket, answer)
  return answer
}

/** As `peerOwner`, of a connection that is known by its two ports only; asked every time. */
export async function findOwner(of: {
  readonly remotePort?: number | undefined
  readonly localPort?: number | undefined
}): Promise<number | undefined> {
  const { remotePort, localPort } = of
  const matches = (row: Row) => row.localPort === remotePort && row.remotePort === localPort
  // A table that was read before this connection came cannot show it: read again, once.
  return (await readRows(5)).find(matches)?.uid ?? (await readRows(0)).find(matches)?.uid
}

/** The established sockets; readers within `maxAgeMs` share one reading. */
function readRows(maxAgeMs: number): Promise<readonly Row[]> {
  const now = performance.now()
  if (shared && now - shared.at < maxAgeMs) return shared.rows
  const rows = Promise.all(TABLES.map((table) => readFile(table, 'utf8').catch(() => ''))).then((texts) =>
    texts.flatMap(parseSocketTable),
  )
  shared = { at: now, rows }
  return rows
}

/** Parses `/proc/net/tcp` (proc(5)): columns sl, local, remote, state, queues, timer, retransmits, uid. */
export function parseSocketTable(text: string): Row[] {
  const rows: Row[] = []
  for (const line of text.split('\n').slice(1)) {
    const [, local, remote, state, , , , uid] = line.trim().split(/\s+/)
    if (state !== ESTABLISHED || !local || !remote || uid === undefined) continue
    rows.push({ localPort: portOf(local), remotePort: portOf(remote), uid: Number(uid) })
  }
  return rows
}

function portOf(address: string): number {
  return Number.parseInt(address.slice(address.lastIndexOf(':') + 1), 16)
}
