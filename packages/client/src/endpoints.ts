import type { Endpoint } from '@kiban/contract'
import * as contract from '@kiban/contract'

type Contract = typeof contract
type EndpointsIn<N> = { [K in keyof N]: N[K] extends Endpoint ? N[K] : never }[keyof N]

/** The union of every endpoint that the contract declares. */
export type AnyEndpoint = { [K in keyof Contract]: EndpointsIn<Contract[K]> }[keyof Contract]

/** Every endpoint of the contract by its name; two with one name are a fault of the contract. */
export function endpointsByName(): ReadonlyMap<string, Endpoint> {
  const found = new Map<string, Endpoint>()
  for (const namespace of Object.values<unknown>(contract)) {
    if (typeof namespace !== 'object' || namespace === null) continue
    for (const value of Object.values<unknown>(namespace as Record<string, unknown>)) {
      if (!isEndpoint(value)) continue
      const other = found.get(value.name)
      if (other !== undefined && other !== value)
        throw new Error(`two endpoints of the contract are called ${value.name}`)
      found.set(value.name, value)
    }
  }
  return found
}

// A zod schema has no `path`, a table of names no `method`.
function isEndpoint(value: unknown): value is Endpoint {
  return (
    typeof value === 'object' &&
    value !== null &&
    'name' in value &&
    'method' in value &&
    'path' in value &&
    'response' in value
  )
}
