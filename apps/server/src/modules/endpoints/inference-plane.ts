import { spawn } from 'node:child_process'
import { closeSync, mkdirSync, openSync, readFileSync } from 'node:fs'
import { request } from 'node:http'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { InferenceStats, RotateResult, TableResult } from '@kiban/contract/inference-control'
import type { RoutingTable } from '@kiban/contract/inference-control'
import type { Config } from '@kiban/kit/config'
import type { Platform } from '@kiban/kit/context'
import { AppError } from '@kiban/kit/errors'
import type { Logger } from '@kiban/kit/log'
import { isRunning } from '@kiban/kit/process-identity'

const MAIN = fileURLToPath(new URL('../../../../inference/src/main.ts', import.meta.url))
const START_MS = 20_000
const HUNG_MS = 20_000
const STOP_MS = 12_000
const MAX_BACK_OFF_MS = 30_000

/**
 * The data plane of this home, as the server sees it: a process of its own, found by its socket. It outlives the server and is found
 * again by the next one; if it dies it is started again, at growing intervals while it keeps dying.
 */
export class InferencePlane {
  readonly #config: Config
  #starting: Promise<void> | undefined
  #failures = 0
  #nextStartAt = 0
  #silentSince: number | undefined
  #isStopping = false

  constructor(config: Config) {
    this.#config = config
  }

  get socket(): string {
    return join(this.#config.home, 'run', 'inference.sock')
  }

  /** The plane's numbers, after it was started if it was not running; undefined while it cannot be reached. */
  async ensure(log: Logger): Promise<InferenceStats | undefined> {
    const found = await this.stats().catch(() => undefined)
    if (found) {
      this.#silentSince = undefined
      if (Date.now() - found.startedAt > MAX_BACK_OFF_MS) this.#failures = 0
      return found
    }
    if (this.#isStopping) return undefined
    const identity = this.#identity()
    if (identity !== undefined && isRunning(identity)) {
      this.#silentSince ??= Date.now()
      if (Date.now() - this.#silentSince < HUNG_MS) return undefined
      log.error({ identity }, 'the data plane does not answer and is ended')
      process.kill(Number(identity.split(' ')[1]), 'SIGKILL')
    }
    this.#silentSince = undefined
    if (Date.now() < this.#nextStartAt) return undefined
    this.#starting ??= this.#start(log).finally(() => (this.#starting = undefined))
    await this.#starting
    return this.stats().catch(() => undefined)
  }

  stats(): Promise<InferenceStats> {
    return this.#call('GET', '/stats', undefined, 3000).then((body) => InferenceStats.parse(body))
  }

  /** Pushes a routing table; resolves when the plane has loaded and switched. */
  push(table: RoutingTable): Promise<TableResult> {
    return this.#call('PUT', '/table', table, 300_000).then((body) => TableResult.parse(body))
  }

  /** Closes open log segments and names those that wait. */
  rotate(endpointId: string | null): Promise<RotateResult> {
    return this.#call('POST', '/rotate', { endpointId }, 10_000).then((body) => RotateResult.parse(body))
  }

  /** Ends the plane in order: what it is answering is answered. */
  async stop(): Promise<void> {
    this.#isStopping = true
    const identity = this.#identity()
    await this.#call('POST', '/stop', {}, 3000).catch(() => undefined)
    const deadline = Date.now() + STOP_MS
    while (identity !== undefined && isRunning(identity) && Date.now() < deadline)
      await new Promise((resolve) => setTimeout(resolve, 50))
    if (identity !== undefined && isRunning(identity)) process.kill(Number(identity.split(' ')[1]), 'SIGKILL')
  }

  async #start(log: Logger): Promise<void> {
    const logFile = join(this.#config.home, 'logs', 'inference.log')
    mkdirSync(dirname(logFile), { recursive: true, mode: 0o700 })
    const out = openSync(logFile, 'a', 0o600)
    // Detached, with a log of its own: it goes on serving when the server is killed.
    const child = spawn(process.execPath, [MAIN], {
      detached: true,
      stdio: ['ignore', out, out],
      cwd: this.#config.home,
      env: environmentOf(this.#config),
    })
    closeSync(out)
    child.unref()
    let ended: string | undefined
    child.once('error', (error) => (ended = error.message))
    child.once('exit', (code, signal) => (ended = `it ended with ${signal ?? code}`))
    const deadline = Date.now() + START_MS
    while (ended === undefined && Date.now() < deadline) {
      if (await this.stats().catch(() => undefined)) {
        log.info({ pid: child.pid, inferencePort: this.#config.inferencePort }, 'data plane started')
        return
      }
      await new Promise((resolve) => setTimeout(resolve, 50))
    }
    this.#failures += 1
    this.#nextStartAt = Date.now() + Math.min(MAX_BACK_OFF_MS, 1000 * 2 ** this.#failures)
    log.error(
      { failures: this.#failures, reason: ended ?? 'it did not answer in time', log: logFile },
      'the data plane could not be started',
    )
  }

  #identity(): string | undefined {
    try {
      return readFileSync(join(this.#config.home, 'run', 'inference.process'), 'utf8')
    } catch {
      return undefined
    }
  }

  #call(method: string, path: string, body: unknown, timeoutMs: number): Promise<unknown> {
    return new Promise((resolve, reject) => {
      const outgoing = request(
        { socketPath: this.socket, method, path, timeout: timeoutMs, headers: { 'content-type': 'application/json' } },
        (response) => {
          const parts: Buffer[] = []
          response.on('data', (part: Buffer) => parts.push(part))
          response.on('error', reject)
          response.on('end', () => {
            const text = Buffer.concat(parts).toString('utf8')
            if (response.statusCode === 200) resolve(JSON.parse(text))
            else reject(new Error(`the data plane refused ${method} ${path}: ${text.slice(0, 500)}`))
          })
        },
      )
      outgoing.on('timeout', () => outgoing.destroy(new Error('no answer in time')))
      outgoing.on('error', (error) =>
        reject(
          new AppError('inference_unavailable', {
            message: 'The data plane is not running; the server starts it again in a moment.',
            cause: error,
          }),
        ),
      )
      outgoing.end(body === undefined ? undefined : JSON.stringify(body))
    })
  }
}

/** One plane a platform. */
export function planeOf(platform: Platform): InferencePlane {
  let plane = planes.get(platform)
  if (!plane) {
    plane = new InferencePlane(platform.config)
    planes.set(platform, plane)
  }
  return plane
}
const planes = new WeakMap<Platform, InferencePlane>()

function environmentOf(config: Config): Record<string, string> {
  const { PATH, TZ, TMPDIR } = process.env
  return {
    ...(PATH === undefined ? {} : { PATH }),
    ...(TZ === undefined ? {} : { TZ }),
    ...(TMPDIR === undefined ? {} : { TMPDIR }),
    KIBAN_HOME: config.home,
    KIBAN_HOST: config.host,
    KIBAN_INFERENCE_PORT: String(config.inferencePort),
    KIBAN_GRPC_PORT: String(config.grpcPort),
    KIBAN_AUTH: config.auth,
    KIBAN_ALLOWED_HOSTS: config.allowedHosts.join(','),
    KIBAN_LOG_LEVEL: config.logLevel,
    ...(config.publicUrl === undefined ? {} : { KIBAN_PUBLIC_URL: config.publicUrl }),
  }
}
