import type { Endpoint } from '@kiban/contract'

/** What can be sent as a body without JSON. */
export type Bytes = NonNullable<RequestInit['body']>

type Built = { readonly path: string; readonly body: Bytes | undefined; readonly json: boolean }

/**
 * Splits a flat input into path, query and body by the endpoint's schemas. A key that both the path and the body name goes to
 * both. A body that is no object (bytes, a list) is given as `body`.
 */
export function buildRequest(endpoint: Endpoint, input: Readonly<Record<string, unknown>>): Built {
  const pathKeys = keysOf(endpoint.params)
  const queryKeys = keysOf(endpoint.query)
  const path = endpoint.path.replace(/:([A-Za-z0-9_]+)/g, (_, key: string) => {
    const value = input[key]
    if (value === undefined || value === null || value === '')
      throw new TypeError(`${endpoint.name}: \`${key}\` is missing`)
    return encodeURIComponent(String(value))
  })
  const search = new URLSearchParams()
  for (const key of queryKeys) appendQuery(search, key, input[key])
  const query = search.size === 0 ? '' : `?${search}`
  if (endpoint.body === undefined) return { path: path + query, body: undefined, json: false }
  // The type of a method asks for Bytes here.
  if (endpoint.body === 'bytes') return { path: path + query, body: input['body'] as Bytes, json: false }
  return { path: path + query, body: JSON.stringify(bodyOf(endpoint, input, [...pathKeys, ...queryKeys])), json: true }
}

function bodyOf(endpoint: Endpoint, input: Readonly<Record<string, unknown>>, taken: readonly string[]): unknown {
  const own = keysOf(endpoint.body)
  if (own.length > 0)
    return Object.fromEntries(own.filter((key) => input[key] !== undefined).map((key) => [key, input[key]]))
  if ('body' in input) return input['body']
  return Object.fromEntries(Object.entries(input).filter(([key]) => !taken.includes(key)))
}

function keysOf(schema: Endpoint['body']): readonly string[] {
  if (typeof schema !== 'object' || !('shape' in schema)) return []
  const shape: unknown = schema.shape
  return typeof shape === 'object' && shape !== null ? Object.keys(shape) : []
}

function appendQuery(search: URLSearchParams, key: string, value: unknown): void {
  if (value === undefined || value === null) return
  if (Array.isArray(value)) for (const one of value) search.append(key, String(one))
  else search.append(key, typeof value === 'object' ? JSON.stringify(value) : String(value))
}
