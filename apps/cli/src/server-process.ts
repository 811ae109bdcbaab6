import { spawn } from 'node:child_process'
import { createConnection } from 'node:net'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Client } from '@kiban/client'
import { repositoryRoot } from './project-folder.ts'

export type ServerProcess = {
  /** Resolves with the exit status when the server has ended, for whatever reason. */
  readonly ended: Promise<number>
  /** The end of what it said on stderr and stdout. */
  tail(): string
  /** Asks it to end, and waits; kills it after ten seconds. */
  stop(): Promise<void>
}

const TAIL = 4000

/** Starts `apps/server` as a child with the same Node and the given environment. `quiet` keeps its log to `tail()`. */
export function startServer(
  env: Readonly<Record<string, string | undefined>>,
  options: { quiet: boolean },
): ServerProcess {
  const child = spawn(process.execPath, [join(repositoryRoot(), 'apps', 'server', 'src', 'main.ts')], {
    env: { ...env },
    stdio: options.quiet ? ['ignore', 'pipe', 'pipe'] : ['ignore', 'inherit', 'inherit'],
    // Ctrl-C reaches the whole foreground group; the server is to be ended once, in order, by us.
    detached: true,
  })
  let said = ''
  for (const stream of [child.stdout, child.stderr])
    stream?.on('data', (chunk: Buffer) => (said = (said + chunk.toString()).slice(-TAIL)))
  const ended = new Promise<number>((resolve) => {
    child.on('exit', (code) => resolve(code ?? 1))
    child.on('error', (error) => {
      said += error.message
      resolve(1)
    })
  })
  // If we are killed in a way that can be noticed, the server goes too.
  const killNow = () => child.kill('SIGTERM')
  process.once('exit', killNow)
  void ended.then(() => process.off('exit', killNow))
  return {
    ended,
    tail: () => said.trim(),
    stop: async () => {
      child.kill('SIGTERM')
      const stopped = await Promise.race([ended.then(() => true), sleep(10_000, false, { ref: false })])
      if (!stopped) child.kill('SIGKILL')
    },
  }
}

/** Waits until the server answers. Throws an Error with the end of its log when it ends first or takes longer than `timeoutMs`. */
export async function waitUntilReady(client: Client, server: ServerProcess, timeoutMs = 60_000): Promise<void> {
  const deadline = Date.now() + timeoutMs
  let over = false
  void server.ended.then(() => (over = true))
  while (Date.now() < deadline) {
    if (over) throw new Error(`The server ended at once. ${server.tail()}`)
    const answer = await client.getServer({}, { signal: AbortSignal.timeout(5000) }).catch(() => undefined)
    if (answer !== undefined) return
    await sleep(50)
  }
  throw new Error(`The server did not answer within ${timeoutMs / 1000} s. ${server.tail()}`)
}

/** Whether something listens on the port of this machine. */
export function isPortTaken(port: number, host = '127.0.0.1'): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = createConnection({ port, host })
    socket.setTimeout(1000)
    const answer = (taken: boolean) => {
      socket.destroy()
      resolve(taken)
    }
    socket.on('connect', () => answer(true))
    socket.on('error', () => answer(false))
    socket.on('timeout', () => answer(false))
  })
}
