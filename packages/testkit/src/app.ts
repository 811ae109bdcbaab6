import { mkdtempSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { folderBlobStore } from '@kiban/kit/blobs'
import { systemClock } from '@kiban/kit/clock'
import type { Clock } from '@kiban/kit/clock'
import { readConfig } from '@kiban/kit/config'
import { SYSTEM } from '@kiban/kit/context'
import type { Actor, Ctx, Platform } from '@kiban/kit/context'
import { openDatabase } from '@kiban/kit/database'
import { createEventBus } from '@kiban/kit/events'
import { buildHttp } from '@kiban/kit/http'
import type { Gatekeeper } from '@kiban/kit/http'
import { silentLogger } from '@kiban/kit/log'
import { startLoops } from '@kiban/kit/loops'
import type { RunningLoops } from '@kiban/kit/loops'
import { migrate } from '@kiban/kit/migrate'
import type { Module } from '@kiban/kit/module'

export const TEST_PERSON: Actor = { id: 'usr_test', kind: 'person', name: 'Test', roles: 'APTOSMDVRU' }

export type TestApp = {
  readonly url: string
  readonly ctx: Ctx
  readonly home: string
  runLoop(name: string): Promise<void>
  close(): Promise<void>
}

/**
 * The given modules on a real database in a home of their own, listening on a free port. Loops run only when a test asks
 * (`runLoop`), or all of them with `loops: true`. Requests without a token act as `TEST_PERSON`, unless a gatekeeper is given.
 */
export async function startTestApp(options: {
  modules: readonly Module[]
  gatekeeper?: Gatekeeper
  clock?: Clock
  loops?: boolean
  databaseUrl?: string
  env?: Record<string, string>
}): Promise<TestApp> {
  const home = mkdtempSync(join(tmpdir(), 'kiban-home-'))
  const [port, grpcPort, inferencePort] = await Promise.all([freePort(), freePort(), freePort()])
  const config = readConfig(
    {
      KIBAN_HOME: home,
      KIBAN_PORT: String(port),
      KIBAN_GRPC_PORT: String(grpcPort),
      KIBAN_INFERENCE_PORT: String(inferencePort),
      ...(options.databaseUrl ? { KIBAN_DATABASE_URL: options.databaseUrl } : {}),
      ...options.env,
    },
    home,
  )
  const clock = options.clock ?? systemClock
  const stopping = new AbortController()
  const database = openDatabase(config.databaseUrl)
  let running: RunningLoops | undefined
  const platform: Platform = {
    config,
    home,
    database,
    blobs: folderBlobStore(join(home, 'blobs')),
    events: createEventBus(),
    wake: (name) => running?.wake(name),
  }
  const ctx: Ctx = {
    db: database.reader,
    actor: TEST_PERSON,
    clock,
    log: silentLogger,
    signal: stopping.signal,
    platform,
  }
  await migrate(database, options.modules)
  for (const module of options.modules) await module.start?.({ ...ctx, actor: SYSTEM })
  const gatekeeper: Gatekeeper = options.gatekeeper ?? { authenticate: async () => TEST_PERSON, require: () => {} }
  const http = await buildHttp({
    platform,
    clock,
    log: silentLogger,
    modules: options.modules,
    gatekeeper,
    signal: stopping.signal,
    strict: true,
  })
  await http.listen({ host: '127.0.0.1', port })
  const loops = options.modules.flatMap((module) => module.loops ?? [])
  if (options.loops) running = startLoops({ db: database.reader, clock, log: silentLogger, platform }, loops)
  return {
    url: `http://127.0.0.1:${port}`,
    ctx,
    home,
    runLoop: async (name) => {
      const loop = loops.find((candidate) => candidate.name === name)
      if (!loop)
        throw new Error(`there is no loop ${name}; there are ${loops.map((candidate) => candidate.name).join(', ')}`)
      await loop.run({ ...ctx, actor: SYSTEM })
    },
    close: async () => {
      stopping.abort()
      await http.close()
      await running?.stop()
      for (const module of options.modules.toReversed()) await module.stop?.({ ...ctx, actor: SYSTEM })
      await database.close()
      rmSync(home, { recursive: true, force: true })
    },
  }
}

/** A port that nobody listens on now. */
export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const probe = createServer()
    probe.once('error', reject)
    probe.listen(0, '127.0.0.1', () => {
      const address = probe.address()
      probe.close(() => (typeof address === 'object' && address ? resolve(address.port) : reject(new Error('no port'))))
    })
  })
}
