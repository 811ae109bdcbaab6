import type { Endpoint } from '@kiban/contract'
import type { z } from 'zod'
import { ApiError, apiErrorOf } from './api-error.ts'
import type { AnyEndpoint } from './endpoints.ts'
import { endpointsByName } from './endpoints.ts'
import type { StreamEvent } from './event-stream.ts'
import { readEvents } from './event-stream.ts'
import type { Bytes } from './request.ts'
import { buildRequest } from './request.ts'

type NoInput = Record<never, never>
type Input<S> = S extends z.ZodType ? z.input<S> : NoInput
type BodyInput<S> = S extends 'bytes' ? { body: Bytes } : S extends z.ZodType ? ObjectBody<z.input<S>> : NoInput
type ObjectBody<B> = B extends readonly unknown[] | string | number | boolean | null ? { body: B } : B

/** What a method of the client takes: the path's, the query's and the body's keys side by side. */
export type InputOf<E extends Endpoint> = Input<E['params']> & Input<E['query']> & BodyInput<E['body']>

/** What it gives: the parsed JSON; the whole `Response` of a byte stream; events as they come. */
export type OutputOf<E extends Endpoint> = E['response'] extends 'events'
  ? AsyncIterable<StreamEvent>
  : E['response'] extends 'bytes'
    ? Promise<Response>
    : E['response'] extends z.ZodType
      ? Promise<z.output<E['response']>>
      : Promise<null>

export type CallOptions = { readonly signal?: AbortSignal; readonly headers?: Readonly<Record<string, string>> }

type Call<E extends Endpoint> =
  NoInput extends InputOf<E>
    ? (input?: InputOf<E>, options?: CallOptions) => OutputOf<E>
    : (input: InputOf<E>, options?: CallOptions) => OutputOf<E>

/** One method for every endpoint of the contract, by its name. */
export type Client = { readonly [E in AnyEndpoint as E['name']]: Call<E> }

export type ClientOptions = {
  /** Where the platform answers, such as `http://127.0.0.1:7300`; a path prefix is kept. */
  readonly url: string
  readonly token?: string
  readonly fetch?: typeof fetch
}

const ENDPOINTS = endpointsByName()

/**
 * A client of `/api/v1` with a typed method for every endpoint: `client.listDatasets({ project: 'flights' })`.
 * A failure is an `ApiError`. It runs in a browser and in Node.
 */
export function createClient(options: ClientOptions): Client {
  const methods: Record<string, (input?: Readonly<Record<string, unknown>>, call?: CallOptions) => unknown> = {}
  for (const [name, endpoint] of ENDPOINTS) {
    methods[name] = (input = {}, call = {}) =>
      endpoint.response === 'events' ? events(options, endpoint, input, call) : answer(options, endpoint, input, call)
  }
  // The loop above makes exactly the methods that the type derives from the same endpoints.
  return methods as unknown as Client
}

async function answer(
  options: ClientOptions,
  endpoint: Endpoint,
  input: Readonly<Record<string, unknown>>,
  call: CallOptions,
): Promise<unknown> {
  const response = await send(options, endpoint, input, call)
  if (endpoint.response === 'bytes') return response
  const text = await response.text()
  if (text === '') return null
  try {
    return JSON.parse(text)
  } catch (cause) {
    const message = `${response.url} answered ${response.status} with something that is no JSON: is this address a Kiban server?`
    throw new ApiError({ code: 'bad_answer', status: response.status, message, cause })
  }
}

async function* events(
  options: ClientOptions,
  endpoint: Endpoint,
  input: Readonly<Record<string, unknown>>,
  call: CallOptions,
): AsyncGenerator<StreamEvent> {
  const response = await send(options, endpoint, input, {
    ...call,
    headers: { accept: 'text/event-stream', ...call.headers },
  })
  if (response.body !== null) yield* readEvents(response.body)
}

async function send(
  options: ClientOptions,
  endpoint: Endpoint,
  input: Readonly<Record<string, unknown>>,
  call: CallOptions,
): Promise<Response> {
  const request = buildRequest(endpoint, input)
  const url = `${options.url.replace(/\/+$/, '')}/api/v1${request.path}`
  const headers: Record<string, string> = { ...call.headers }
  if (options.token !== undefined) headers['authorization'] = `Bearer ${options.token}`
  if (request.json) headers['content-type'] = 'application/json'
  else if (request.body !== undefined) headers['content-type'] ??= 'application/octet-stream'
  const init: RequestInit & { duplex?: 'half' } = { method: endpoint.method, headers }
  if (request.body !== undefined) init.body = request.body
  if (request.body instanceof ReadableStream) init.duplex = 'half'
  if (call.signal !== undefined) init.signal = call.signal
  let response: Response
  try {
    response = await (options.fetch ?? fetch)(url, init)
  } catch (cause) {
    if (call.signal?.aborted === true) throw cause
    const message = `No answer from ${options.url}. Is the server running? Start it with \`kiban up\`.`
    throw new ApiError({ code: 'unreachable', status: 0, message, cause })
  }
  if (!response.ok) throw await apiErrorOf(response)
  return response
}
