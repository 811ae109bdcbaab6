import { chmodSync, existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, request } from 'node:http'
import type { IncomingMessage, Server } from 'node:http'
import { join } from 'node:path'
import type { InferenceStats } from '@kiban/contract/inference-control'
import { RotateRequest, RoutingTable } from '@kiban/contract/inference-control'
import { thisProcess } from '@kiban/kit/process-identity'
import type { Logger } from '@kiban/kit/log'
import type { DataPlane } from './dataplane.ts'

const MAX_TABLE_BYTES = 8 * 1024 * 1024

/** Where the two ends meet below KIBAN_HOME. */
function controlPaths(home: string): { socket: string; table: string; process: string } {
  return {
    socket: join(home, 'run', 'inference.sock'),
    table: join(home, 'run', 'inference-table.json'),
    process: join(home, 'run', 'inference.process'),
  }
}

/** Whether this process is still the one that serves `home`: its folder is there and says so. */
export function ownsHome(home: string): boolean {
  try {
    return readFileSync(controlPaths(home).process, 'utf8') === thisProcess()
  } catch {
    return false
  }
}

/** The table that was served last; undefined if there is none that can be read. */
export function readSavedTable(home: string, log: Logger): RoutingTable | undefined {
  const { table } = controlPaths(home)
  if (!existsSync(table)) return undefined
  try {
    return RoutingTable.parse(JSON.parse(readFileSync(table, 'utf8')))
  } catch (error) {
    log.warn({ err: error, table }, 'the saved routing table cannot be read; waiting for the server to push one')
    return undefined
  }
}

/**
 * Listens on the private socket (owner only). Throws if another data plane of this home answers on it; a socket that a killed one
 * left behind is taken over.
 */
export async function listenForControl(of: {
  plane: DataPlane
  home: string
  boot: string
  log: Logger
  stop: () => void
}): Promise<Server> {
  const paths = controlPaths(of.home)
  mkdirSync(join(of.home, 'run'), { recursive: true, mode: 0o700 })
  if (Buffer.byteLength(paths.socket) > 100)
    throw new Error(
      `The path ${paths.socket} is too long for a unix socket (100 bytes at most): choose a shorter KIBAN_HOME.`,
    )
  if (await answersOn(paths.socket))
    throw new Error(`Another data plane already serves ${of.home}; stop it first, or choose another KIBAN_HOME.`)
  rmSync(paths.socket, { force: true })
  const startedAt = Date.now()
  const server = createServer((incoming, response) => {
    handle(of, startedAt, incoming)
      .then((body) => response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(body)))
      .catch((error: unknown) => {
        of.log.error({ err: error }, 'control request failed')
        response
          .writeHead(400, { 'content-type': 'application/json' })
          .end(JSON.stringify({ error: error instanceof Error ? error.message : String(error) }))
      })
  })
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(paths.socket, resolve)
  })
  chmodSync(paths.socket, 0o600)
  writeFileSync(paths.process, thisProcess(), { mode: 0o600 })
  return server
}

async function handle(
  of: { plane: DataPlane; home: string; boot: string; stop: () => void },
  startedAt: number,
  incoming: IncomingMessage,
): Promise<unknown> {
  const { plane } = of
  const route = `${incoming.method} ${incoming.url}`
  if (route === 'GET /ready') return { ready: plane.registry.isReady() }
  if (route === 'GET /stats') {
    const stats: InferenceStats = {
      boot: of.boot,
      startedAt,
      pid: process.pid,
      revision: plane.registry.revision,
      at: Date.now(),
      rssBytes: process.memoryUsage.rss(),
      versions: plane.registry.statuses(),
      stats: plane.counters.snapshot(),
    }
    return stats
  }
  if (route === 'PUT /table') {
    const table = RoutingTable.parse(await readJson(incoming))
    const result = await plane.registry.apply(table)
    if (result.revision === table.revision) saveTable(of.home, table)
    return result
  }
  if (route === 'POST /rotate')
    return plane.predictions.rotate(RotateRequest.parse(await readJson(incoming)).endpointId)
  if (route === 'POST /stop') {
    setImmediate(of.stop)
    return { stopping: true }
  }
  throw new Error(`There is nothing at ${route}.`)
}

async function readJson(incoming: IncomingMessage): Promise<unknown> {
  const parts: Buffer[] = []
  let size = 0
  for await (const part of incoming) {
    const chunk = part as Buffer // no encoding is set
    size += chunk.length
    if (size > MAX_TABLE_BYTES) throw new Error('the routing table is too large')
    parts.push(chunk)
  }
  return JSON.parse(Buffer.concat(parts).toString('utf8'))
}

function saveTable(home: string, table: RoutingTable): void {
  const path = controlPaths(home).table
  writeFileSync(`${path}.new`, JSON.stringify(table), { mode: 0o600, flush: true })
  renameSync(`${path}.new`, path)
}

function answersOn(socket: string): Promise<boolean> {
  if (!existsSync(socket)) return Promise.resolve(false)
  return new Promise((resolve) => {
    const probe = request({ socketPath: socket, path: '/ready', timeout: 2000 }, (response) => {
      response.resume()
      resolve(true)
    })
    probe.on('timeout', () => probe.destroy())
    probe.on('error', () => resolve(false))
    probe.end()
  })
}
