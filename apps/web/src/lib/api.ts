import type { CallerInput, Endpoint, ResponseOf } from '@kiban/contract'
import type * as contract from '@kiban/contract'
import routes from 'virtual:kiban-routes'

type Namespaces = (typeof contract)[Exclude<keyof typeof contract, 'defineEndpoint'>]
type NamespaceEndpoints<N> = N extends unknown ? { [K in keyof N as N[K] extends Endpoint ? K : never]: N[K] } : never
type UnionToIntersection<U> = (U extends unknown ? (x: U) => void : never) extends (x: infer I) => void ? I : never
type Endpoints = UnionToIntersection<NamespaceEndpoints<Namespaces>>

/** The name of any endpoint of the contract. */
export type EndpointName = keyof Endpoints & string
type EndpointOf<N extends EndpointName> = Endpoints[N] extends Endpoint ? Endpoints[N] : never

/** What a caller gives for an endpoint: path, query and body fields in one object. */
export type InputOf<N extends EndpointName> = CallerInput<EndpointOf<N>>
/** What an endpoint answers. */
export type AnswerOf<N extends EndpointName> = ResponseOf<EndpointOf<N>>

/** A refused or failed request. `code` is the contract's error code, or `network` when no answer came. */
export class ApiError extends Error {
  readonly status: number
  readonly code: string
  readonly requestId: string | null
  readonly details: Readonly<Record<string, unknown>>

  constructor(from: {
    status: number
    code: string
    message: string
    requestId?: string | null
    details?: Readonly<Record<string, unknown>>
  }) {
    super(from.message)
    this.name = 'ApiError'
    this.status = from.status
    this.code = from.code
    this.requestId = from.requestId ?? null
    this.details = from.details ?? {}
  }
}

/** Whether the running server's contract has this endpoint: the menu and panels show only what is there. */
export function hasEndpoint(name: string): boolean {
  return name in routes
}

/** The address of an endpoint, for links (downloads) and streams. Relative to <base>, so it works under a path prefix. */
export function addressOf<N extends EndpointName>(name: N, input: InputOf<N>): string {
  return split(name, input).url
}

/** Calls an endpoint of `/api/v1`. Throws ApiError with the server's code and sentence. */
export async function call<N extends EndpointName>(
  name: N,
  input: InputOf<N>,
  signal?: AbortSignal,
): Promise<AnswerOf<N>> {
  const { method, url, body } = split(name, input)
  let response: Response
  try {
    response = await fetch(url, {
      method,
      credentials: 'same-origin',
      ...(signal === undefined ? {} : { signal }),
      ...(body === undefined ? {} : { headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) }),
    })
  } catch (cause) {
    if (signal?.aborted === true) throw cause
    throw new ApiError({ status: 0, code: 'network', message: 'The server did not answer.' })
  }
  if (response.status === 204) return null as AnswerOf<N> // the contract says `null` for 204
  const text = await response.text()
  if (!response.ok) throw errorOf(response, text)
  return JSON.parse(text) as AnswerOf<N> // the server answered by the same contract
}

function split(name: string, input: unknown): { method: string; url: string; body: unknown } {
  const route = routes[name]
  if (route === undefined)
    throw new ApiError({ status: 0, code: 'not_found', message: `This build knows no endpoint ${name}.` })
  const [method, pattern, queryKeys] = route
  const rest = new Map(Object.entries((input ?? {}) as Record<string, unknown>))
  const path = pattern.replace(/:(\w+)/g, (_, key: string) => {
    const value = rest.get(key)
    rest.delete(key)
    return encodeURIComponent(String(value))
  })
  const query = new URLSearchParams()
  for (const [key, value] of rest) {
    if (value === undefined || (method !== 'GET' && queryKeys?.includes(key) !== true)) continue
    query.set(key, String(value))
    rest.delete(key)
  }
  const search = query.size === 0 ? '' : `?${query.toString()}`
  return {
    method,
    url: new URL(`api/v1${path}${search}`, document.baseURI).href,
    body: method === 'GET' || rest.size === 0 ? undefined : Object.fromEntries(rest),
  }
}

function errorOf(response: Response, text: string): ApiError {
  try {
    const { error } = JSON.parse(text) as {
      error: { code: string; message: string; requestId: string; details?: Record<string, unknown> }
    }
    return new ApiError({ status: response.status, ...error })
  } catch {
    return new ApiError({
      status: response.status,
      code: 'internal',
      message: `${response.status} ${response.statusText}`,
    })
  }
}
