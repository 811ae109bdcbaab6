import { mkdirSync } from 'node:fs'
import type { Server } from 'node:http'
import { join } from 'node:path'
import type { Server as GrpcServer } from '@grpc/grpc-js'
import { readConfig } from '@kiban/kit/config'
import { newId } from '@kiban/kit/ids'
import { createLogger } from '@kiban/kit/log'
import { listenForControl, ownsHome, readSavedTable } from './control.ts'
import { DataPlane } from './dataplane.ts'
import { createGrpcServer, listenGrpc } from './grpc/grpc-server.ts'
import { PredictionLog } from './prediction-log.ts'
import { Registry } from './registry.ts'
import { createRestServer } from './rest/http-server.ts'

const DRAIN_MS = 10_000
const ROTATE_EVERY_MS = 5_000

/**
 * `kiban inference`: the data plane. Serves the table it was given last, from KIBAN_HOME, until the server pushes another; needs no
 * database and goes on while the server is away. Ends in order on SIGTERM, SIGINT or `POST /stop`: answers what it has, then leaves.
 */
async function main(): Promise<void> {
  process.umask(0o077)
  const config = readConfig(process.env)
  const log = createLogger({ level: config.logLevel }).child({ program: 'inference' })
  mkdirSync(config.home, { recursive: true, mode: 0o700 })
  const registry = new Registry(log)
  const { promise: stopped, resolve: stop } = Promise.withResolvers<void>()
  const plane = new DataPlane({
    registry,
    predictions: new PredictionLog(join(config.home, 'predictions', 'open')),
    log,
  })
  // Before anything else that writes, so that a second data plane ends here and touches no segment of the first.
  const control = await listenForControl({ plane, home: config.home, boot: newId('boot'), log, stop })
  plane.predictions.closeLeftOvers()
  const saved = readSavedTable(config.home, log)
  if (saved) await registry.apply(saved)
  const rest = createRestServer(plane, config, log)
  await listen(rest, config.inferencePort, config.host)
  const grpc = createGrpcServer(plane, { log, port: config.grpcPort })
  await listenGrpc(grpc, config.host, config.grpcPort)
  const rotation = setInterval(() => {
    // Without its home nobody can reach or end it any more.
    if (!ownsHome(config.home)) stop()
    else plane.predictions.rotateOld(Date.now())
  }, ROTATE_EVERY_MS)
  log.info(
    { inferencePort: config.inferencePort, grpcPort: config.grpcPort, endpoints: registry.list().length },
    'data plane is up',
  )
  process.once('SIGTERM', () => stop())
  process.once('SIGINT', () => stop())
  await stopped
  clearInterval(rotation)
  await drain(rest, grpc)
  if (ownsHome(config.home)) plane.predictions.rotate(null)
  control.close()
  control.closeAllConnections()
  log.info({}, 'data plane ended in order')
  process.exit(0)
}

function listen(server: Server, port: number, host: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', (error) =>
      reject(new Error(`The data plane cannot listen on ${host}:${port} (KIBAN_INFERENCE_PORT): ${error.message}`)),
    )
    server.listen(port, host, resolve)
  })
}

async function drain(rest: Server, grpc: GrpcServer): Promise<void> {
  const restClosed = new Promise<void>((resolve) => rest.close(() => resolve()))
  rest.closeIdleConnections()
  const grpcClosed = new Promise<void>((resolve) => grpc.tryShutdown(() => resolve()))
  const deadline = new Promise<void>((resolve) => setTimeout(resolve, DRAIN_MS).unref())
  await Promise.race([Promise.all([restClosed, grpcClosed]), deadline])
  rest.closeAllConnections()
  grpc.forceShutdown()
}

try {
  await main()
} catch (error) {
  process.stderr.write(`kiban inference: ${error instanceof Error ? error.message : String(error)}\n`)
  process.exit(1)
}
