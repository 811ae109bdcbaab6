import { mkdtempSync, rmSync } from 'node:fs'
import { Agent, request as httpRequest } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { readConfig } from '@kiban/kit/config'
import { inTransaction } from '@kiban/kit/context'
import type { Logger } from '@kiban/kit/log'
import type { Module } from '@kiban/kit/module'
import { freePort } from '@kiban/testkit/app'
import { startApp } from '../../apps/server/src/app.ts'
import type { App } from '../../apps/server/src/app.ts'
import { serverModules } from '../../apps/server/src/modules.ts'
import { issueJobToken } from '../../apps/server/src/modules/access/index.ts'

export type Answer = {
  readonly status: number
  readonly headers: NodeJS.Dict<string | string[]>
  readonly body: string
}
export type Sent = {
  readonly method?: string
  readonly headers?: Readonly<Record<string, string>>
  /** An object is sent as JSON. */
  readonly body?: string | Buffer | object
  /** Over a connection that stays: for very many requests. */
  readonly keepAlive?: boolean
}
export type AttackedServer = {
  readonly app: App
  readonly home: string
  /** What the server logged, one JSON text a line. */
  readonly log: readonly string[]
  /** Sends exactly this path: nothing is normalised or escaped on the way. */
  send(path: string, options?: Sent): Promise<Answer>
  /** The token of a job of that project. */
  jobToken(project: string): Promise<string>
  close(): Promise<void>
}

/** The whole server on a database of its own, as users start it, but without its loops; strict about audit events. */
export async function startAttackedServer(
  options: { modules?: readonly Module[]; databaseUrl?: string } = {},
): Promise<AttackedServer> {
  const home = mkdtempSync(join(tmpdir(), 'kiban-attack-'))
  const [port, grpcPort, inferencePort] = await Promise.all([freePort(), freePort(), freePort()])
  const config = readConfig(
    {
      KIBAN_HOME: join(home, 'home'),
      KIBAN_PORT: String(port),
      KIBAN_GRPC_PORT: String(grpcPort),
      KIBAN_INFERENCE_PORT: String(inferencePort),
      ...(options.databaseUrl ? { KIBAN_DATABASE_URL: options.databaseUrl } : {}),
    },
    home,
  )
  const log: string[] = []
  const app = await startApp({
    config,
    modules: options.modules ?? serverModules(),
    log: memoryLogger(log),
    strict: true,
    loops: false,
  })
  return {
    app,
    home,
    log,
    send: (path, sent = {}) => send(port, path, sent),
    jobToken: (project) =>
      inTransaction(app.ctx, (ctx) =>
        issueJobToken(ctx, { project, jobId: `job_of_${project}`, attempt: 1, runId: null, owner: 'usr_local' }),
      ),
    close: async () => {
      await app.close()
      rmSync(home, { recursive: true, force: true })
    },
  }
}

const keptAlive = new Agent({ keepAlive: true, maxSockets: 4 })

function send(port: number, path: string, sent: Sent): Promise<Answer> {
  const isJson = sent.body !== undefined && typeof sent.body !== 'string' && !Buffer.isBuffer(sent.body)
  const body = isJson ? JSON.stringify(sent.body) : (sent.body as string | Buffer | undefined) // the other two kinds
  return new Promise((resolve, reject) => {
    const request = httpRequest(
      {
        host: '127.0.0.1',
        port,
        path,
        method: sent.method ?? 'GET',
        headers: {
          ...(isJson ? { 'content-type': 'application/json' } : {}),
          ...(body === undefined ? {} : { 'content-length': Buffer.byteLength(body) }),
          ...sent.headers,
        },
        agent: sent.keepAlive ? keptAlive : false,
      },
      (response) => {
        const answer = (text: string) =>
          resolve({ status: response.statusCode ?? 0, headers: response.headers, body: text })
        // An event stream has no end: its head is the answer.
        if (String(response.headers['content-type']).startsWith('text/event-stream')) {
          request.destroy()
          return answer('')
        }
        const parts: Buffer[] = []
        response.on('data', (part: Buffer) => parts.push(part))
        response.on('end', () => answer(Buffer.concat(parts).toString('utf8')))
      },
    )
    request.on('error', reject)
    request.end(body)
  })
}

function memoryLogger(lines: string[]): Logger {
  const write = (level: string) => (fields: object, message: string) => {
    const readable = Object.fromEntries(
      Object.entries(fields).map(([key, value]) => [
        key,
        value instanceof Error ? (value.stack ?? value.message) : value,
      ]),
    )
    lines.push(JSON.stringify({ level, message, ...readable }))
  }
  const logger: Logger = {
    debug: write('debug'),
    info: write('info'),
    warn: write('warn'),
    error: write('error'),
    child: () => logger,
  }
  return logger
}
