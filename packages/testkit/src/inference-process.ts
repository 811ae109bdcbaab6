import { spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { request } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { EndpointRoute, InferenceStats, PredictionRecord, TableResult } from '@kiban/contract/inference-control'
import { EndpointRoute as EndpointRouteSchema } from '@kiban/contract/inference-control'
import { freePort } from './app.ts'

/** A real data plane in a home of its own, and what a server would do with it. */
export type InferenceProcess = {
  readonly home: string
  readonly url: string
  readonly grpcAddress: string
  readonly child: ChildProcess
  /** Writes an ONNX file into the home; returns its path. */
  addModel(name: string, bytes: Buffer): string
  control<T>(method: string, path: string, body?: unknown): Promise<T>
  /** Pushes a table of these versions (id → model file) and endpoints. */
  push(versions: Readonly<Record<string, string>>, endpoints: readonly RouteInput[]): Promise<TableResult>
  stats(): Promise<InferenceStats>
  post(
    path: string,
    body: unknown,
    headers?: Record<string, string>,
  ): Promise<{ status: number; body: Record<string, unknown> }>
  /** Every whole record in the log, open segments too. */
  logged(): PredictionRecord[]
  /** Starts the program again in the same home and ports. */
  restart(): Promise<InferenceProcess>
  stop(): Promise<void>
}

type RouteInput = Pick<EndpointRoute, 'name' | 'variants'> & Partial<EndpointRoute>

export async function startInferenceProcess(reuse?: {
  home: string
  ports: [number, number]
}): Promise<InferenceProcess> {
  const home = reuse?.home ?? mkdtempSync(join(tmpdir(), 'kiban-inference-'))
  const ports = reuse?.ports ?? [await freePort(), await freePort()]
  const child = spawn(
    process.execPath,
    [fileURLToPath(new URL('../../../apps/inference/src/main.ts', import.meta.url))],
    {
      env: {
        PATH: process.env['PATH'] ?? '',
        KIBAN_HOME: home,
        KIBAN_INFERENCE_PORT: String(ports[0]),
        KIBAN_GRPC_PORT: String(ports[1]),
      },
      stdio: ['ignore', 'pipe', 'pipe'],
      cwd: home,
    },
  )
  let output = ''
  await new Promise<void>((resolve, reject) => {
    const onOutput = (chunk: Buffer) => {
      output += chunk.toString()
      if (output.includes('data plane is up')) resolve()
    }
    child.stdout.on('data', onOutput)
    child.stderr.on('data', onOutput)
    child.once('exit', (code) => reject(new Error(`the data plane ended with ${code}: ${output}`)))
  })
  let revision = Date.now()
  const url = `http://127.0.0.1:${ports[0]}`
  const control = <T>(method: string, path: string, body?: unknown): Promise<T> =>
    controlRequest(join(home, 'run', 'inference.sock'), method, path, body)
  return {
    home,
    url,
    grpcAddress: `127.0.0.1:${ports[1]}`,
    child,
    addModel: (name, bytes) => {
      const path = join(home, `${name}.onnx`)
      writeFileSync(path, bytes)
      return path
    },
    control,
    push: (versions, endpoints) =>
      control('PUT', '/table', {
        revision: revision++,
        versions: Object.entries(versions).map(([id, path], i) => ({
          id,
          model: 'm',
          number: i + 1,
          runtime: 'onnx',
          path,
        })),
        endpoints: endpoints.map((endpoint) =>
          EndpointRouteSchema.parse({ id: `ep_${endpoint.name}`, project: 'default', log: {}, ...endpoint }),
        ),
      }),
    stats: () => control('GET', '/stats'),
    post: async (path, body, headers = {}) => {
      const response = await fetch(url + path, {
        method: 'POST',
        headers: { 'content-type': 'application/json', ...headers },
        body: typeof body === 'string' ? body : JSON.stringify(body),
      })
      return { status: response.status, body: (await response.json()) as Record<string, unknown> }
    },
    logged: () => readLog(join(home, 'predictions', 'open')),
    restart: () => startInferenceProcess({ home, ports: [ports[0] ?? 0, ports[1] ?? 0] }),
    stop: async () => {
      if (child.exitCode === null && child.signalCode === null) {
        const ended = new Promise((resolve) => child.once('exit', resolve))
        child.kill('SIGTERM')
        await ended
      }
      rmSync(home, { recursive: true, force: true })
    },
  }
}

/** Whole lines only: a torn last line was never acknowledged. */
function readLog(folder: string): PredictionRecord[] {
  const records: PredictionRecord[] = []
  for (const endpoint of readdirSync(folder))
    for (const name of readdirSync(join(folder, endpoint)).toSorted()) {
      const text = readFileSync(join(folder, endpoint, name), 'utf8')
      for (const line of text.slice(0, text.lastIndexOf('\n') + 1).split('\n'))
        if (line !== '') records.push(JSON.parse(line) as PredictionRecord)
    }
  return records
}

function controlRequest<T>(socketPath: string, method: string, path: string, body?: unknown): Promise<T> {
  return new Promise((resolve, reject) => {
    const outgoing = request({ socketPath, method, path }, (response) => {
      const parts: Buffer[] = []
      response.on('data', (part: Buffer) => parts.push(part))
      response.on('end', () => {
        const text = Buffer.concat(parts).toString()
        if (response.statusCode === 200) resolve(JSON.parse(text) as T)
        else reject(new Error(text))
      })
    })
    outgoing.on('error', reject)
    outgoing.end(body === undefined ? undefined : JSON.stringify(body))
  })
}
