import { Metadata, Server, ServerCredentials, loadPackageDefinition, status } from '@grpc/grpc-js'
import type {
  GrpcObject,
  ServerUnaryCall,
  ServiceClientConstructor,
  UntypedServiceImplementation,
  sendUnaryData,
} from '@grpc/grpc-js'
import { loadSync } from '@grpc/proto-loader'
import { fileURLToPath } from 'node:url'
import type { Logger } from '@kiban/kit/log'
import type { DataPlane, InferResult } from '../dataplane.ts'
import { InferError, toInferError } from '../infer-error.ts'
import { checkPeerAddress } from '../rest/guard.ts'
import { modelMetadata, serverMetadata } from '../rest/metadata.ts'
import { rawContents, readInputs, typedContents } from './tensor-contents.ts'
import type { InputMessage } from './tensor-contents.ts'

const MAX_MESSAGE_BYTES = 64 * 1024 * 1024

type ModelMessage = { readonly name?: string; readonly version?: string }
type InferMessage = {
  readonly model_name?: string
  readonly model_version?: string
  readonly id?: string
  readonly inputs?: readonly InputMessage[]
  readonly outputs?: readonly { readonly name?: string }[]
  readonly raw_input_contents?: readonly Buffer[]
}

/** The service's definition, for the server and for clients of tests. */
export function inferenceService(): ServiceClientConstructor {
  const definition = loadSync(fileURLToPath(new URL('inference.proto', import.meta.url)), {
    keepCase: true,
    longs: String,
    enums: String,
    oneofs: true,
  })
  const root = loadPackageDefinition(definition)['inference'] as GrpcObject // the package that the file declares
  return root['GRPCInferenceService'] as ServiceClientConstructor
}

/**
 * The gRPC face of the data plane. Like the REST face it serves project `default` unless the metadata `x-kiban-project` names another.
 * Answers raw contents to a request with raw contents, typed ones else.
 */
export function createGrpcServer(plane: DataPlane, face: { readonly log: Logger; readonly port: number }): Server {
  const server = new Server({
    'grpc.max_receive_message_length': MAX_MESSAGE_BYTES,
    'grpc.max_send_message_length': MAX_MESSAGE_BYTES,
  })
  const methods: UntypedServiceImplementation = {
    ServerLive: unary(face, async () => ({ live: true })),
    ServerReady: unary(face, async () => ({ ready: plane.registry.isReady() })),
    ServerMetadata: unary(face, async () => serverMetadata()),
    ModelReady: unary<ModelMessage>(face, async (message, metadata) => {
      const endpoint = plane.registry.find(projectOf(metadata), message.name ?? '')
      return {
        ready:
          endpoint !== undefined &&
          (!message.version ||
            endpoint.variants.some((variant) => String(variant.version.entry.number) === message.version)),
      }
    }),
    ModelMetadata: unary<ModelMessage>(face, async (message, metadata) => {
      const endpoint = plane.endpoint(projectOf(metadata), message.name ?? '')
      return modelMetadata(endpoint, plane.version(endpoint, message.version || undefined))
    }),
    ModelInfer: unary<InferMessage>(face, async (message, metadata) => {
      const startedAt = performance.now()
      const raw = message.raw_input_contents ?? []
      const result = await plane.infer({
        project: projectOf(metadata),
        endpoint: message.model_name ?? '',
        version: message.model_version || undefined,
        id: message.id || undefined,
        inputs: readInputs(message.inputs ?? [], raw),
        outputs: message.outputs?.map((output) => output.name ?? ''),
        header: (name) => metadata.get(name)[0]?.toString(),
        startedAt,
      })
      return presentResult(result, raw.length > 0)
    }),
  }
  server.addService(inferenceService().service, methods)
  return server
}

/** Starts listening; without TLS, so on a loopback address only. */
export function listenGrpc(server: Server, host: string, port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    server.bindAsync(
      `${host.includes(':') ? `[${host}]` : host}:${port}`,
      ServerCredentials.createInsecure(),
      (error, bound) => {
        if (error)
          reject(new Error(`The data plane cannot listen on ${host}:${port} (KIBAN_GRPC_PORT): ${error.message}`))
        else resolve(bound)
      },
    )
  })
}

function unary<M>(
  { log, port }: { log: Logger; port: number },
  answer: (message: M, metadata: Metadata) => Promise<object>,
) {
  return (call: ServerUnaryCall<M, object>, reply: sendUnaryData<object>): void => {
    checkPeerAddress(call.getPeer(), port)
      .then(() => answer(call.request, call.metadata))
      .then((message) => reply(null, message))
      .catch((error: unknown) => {
        const failure = toInferError(error)
        if (!(error instanceof InferError)) log.error({ err: failure }, 'gRPC request failed')
        reply({ code: grpcStatus(failure.status), details: failure.message, metadata: new Metadata() })
      })
  }
}

function presentResult(result: InferResult, isRaw: boolean): object {
  return {
    model_name: result.model,
    model_version: result.version,
    id: result.id,
    parameters: result.predictionId === null ? {} : { prediction_id: { string_param: result.predictionId } },
    outputs: result.outputs.map((output) => ({
      name: output.name,
      datatype: output.datatype,
      shape: output.shape.map(String),
      ...(isRaw ? {} : { contents: typedContents(output) }),
    })),
    raw_output_contents: isRaw ? result.outputs.map(rawContents) : [],
  }
}

function projectOf(metadata: Metadata): string {
  return metadata.get('x-kiban-project')[0]?.toString() ?? 'default'
}

function grpcStatus(httpStatus: number): number {
  if (httpStatus === 401) return status.UNAUTHENTICATED
  if (httpStatus === 404) return status.NOT_FOUND
  if (httpStatus === 501) return status.UNIMPLEMENTED
  if (httpStatus === 503) return status.UNAVAILABLE
  if (httpStatus === 504) return status.DEADLINE_EXCEEDED
  return httpStatus >= 500 ? status.INTERNAL : status.INVALID_ARGUMENT
}
