import { chmodSync, existsSync, mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { FastifyInstance } from 'fastify'
import { folderBlobStore } from '@kiban/kit/blobs'
import { systemClock } from '@kiban/kit/clock'
import type { Clock } from '@kiban/kit/clock'
import type { Config } from '@kiban/kit/config'
import { SYSTEM } from '@kiban/kit/context'
import type { Ctx, Platform } from '@kiban/kit/context'
import { openDatabase } from '@kiban/kit/database'
import { createEventBus } from '@kiban/kit/events'
import { buildHttp } from '@kiban/kit/http'
import type { Logger } from '@kiban/kit/log'
import { startLoops } from '@kiban/kit/loops'
import type { RunningLoops } from '@kiban/kit/loops'
import { migrate } from '@kiban/kit/migrate'
import type { Module } from '@kiban/kit/module'
import { gatekeeper } from './modules/access/index.ts'

export type App = { readonly http: FastifyInstance; readonly ctx: Ctx; readonly url: string; close(): Promise<void> }

/**
 * Starts a server: opens the home and the database, migrates, listens, runs the loops. Throws an Error with a remedy when the home is
 * not ours, is in use, or was written by a newer version, or when the port is taken.
 */
export async function startApp(options: {
  config: Config
  modules: readonly Module[]
  log: Logger
  clock?: Clock
  strict?: boolean
  loops?: boolean
}): Promise<App> {
  const { config, modules, log } = options
  const clock = options.clock ?? systemClock
  prepareHome(config.home)
  const unlock = config.databaseUrl.startsWith('sqlite:') ? lockHome(config.home) : () => {}
  const stopping = new AbortController()
  const database = openDatabase(config.databaseUrl)
  let running: RunningLoops | undefined
  const platform: Platform = {
    config,
    home: config.home,
    database,
    blobs: folderBlobStore(config.blobsUrl ? config.blobsUrl.slice('file:'.length) : join(config.home, 'blobs')),
    events: createEventBus(),
    wake: (name) => running?.wake(name),
  }
  const ctx: Ctx = { db: database.reader, actor: SYSTEM, clock, log, signal: stopping.signal, platform }
  try {
    await migrate(database, modules)
    for (const module of modules) await module.start?.(ctx)
    const http = await buildHttp({
      platform,
      clock,
      log,
      modules,
      gatekeeper,
      signal: stopping.signal,
      strict: options.strict ?? false,
    })
    await http.listen({ host: config.host, port: config.port })
    if (options.loops !== false)
      running = startLoops(
        { db: database.reader, clock, log, platform },
        modules.flatMap((module) => module.loops ?? []),
      )
    const close = async () => {
      stopping.abort()
      await http.close()
      await running?.stop()
      for (const module of modules.toReversed()) await module.stop?.(ctx)
      await database.close()
      unlock()
    }
    const address = http.server.address()
    const port = typeof address === 'object' && address !== null ? address.port : config.port
    return { http, ctx, url: `http://${config.host.includes(':') ? `[${config.host}]` : config.host}:${port}`, close }
  } catch (error) {
    await database.close().catch(() => {})
    unlock()
    throw portTaken(error, config)
  }
}

/** Makes KIBAN_HOME, for its owner only; throws when it is somebody else's or open to others. */
function prepareHome(home: string): void {
  process.umask(0o077)
  if (!existsSync(home)) mkdirSync(home, { recursive: true, mode: 0o700 })
  const stat = statSync(home)
  if (!stat.isDirectory()) throw new Error(`KIBAN_HOME ${home} is not a folder. Choose another.`)
  if (process.getuid && stat.uid !== process.getuid())
    throw new Error(`KIBAN_HOME ${home} belongs to another user. Choose another, or run as its owner.`)
  if ((stat.mode & 0o077) !== 0) throw new Error(`KIBAN_HOME ${home} is open to others. Run: chmod 700 ${home}`)
  for (const folder of ['blobs', 'run', 'logs', 'secrets', 'tmp'])
    mkdirSync(join(home, folder), { recursive: true, mode: 0o700 })
  chmodSync(join(home, 'secrets'), 0o700)
}

/** One server a home: SQLite has one writer. A lock left behind by a killed server is taken over. */
function lockHome(home: string): () => void {
  const file = join(home, 'run', 'server.pid')
  if (existsSync(file)) {
    const pid = Number(readFileSync(file, 'utf8').trim())
    if (pid !== process.pid && isServer(pid))
      throw new Error(
        `Another Kiban server (process ${pid}) uses ${home}. Stop it first, choose another KIBAN_HOME, or use PostgreSQL (KIBAN_DATABASE_URL) for several servers.`,
      )
  }
  writeFileSync(file, `${process.pid}\n`, { mode: 0o600 })
  return () => rmSync(file, { force: true })
}

function isServer(pid: number): boolean {
  if (!Number.isInteger(pid) || pid <= 0) return false
  try {
    process.kill(pid, 0)
  } catch {
    return false
  }
  const commandLine = `/proc/${pid}/cmdline`
  return (
    !existsSync('/proc/self') ||
    (existsSync(commandLine) && readFileSync(commandLine, 'utf8').includes('server/src/main.ts'))
  )
}

function portTaken(error: unknown, config: Config): unknown {
  if (error instanceof Error && 'code' in error && error.code === 'EADDRINUSE')
    return new Error(`Port ${config.port} is taken by another program. Stop it, or choose another: KIBAN_PORT=7400`)
  return error
}
