import { z } from 'zod'
import * as contract from '@kiban/contract'
import type { Endpoint } from '@kiban/contract/endpoint'
import { ERRORS } from '@kiban/contract/errors'

/** Every endpoint that the contract declares, in the order of its nouns. */
export function contractEndpoints(): Endpoint[] {
  return Object.values(contract).flatMap((namespace) =>
    typeof namespace === 'object' && namespace !== null ? Object.values(namespace).filter(isEndpoint) : [],
  )
}

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

type Schema = Record<string, unknown>

/** The OpenAPI 3.1 description of `/api/v1`, made from the contract. */
export function openApi(version: string): Schema {
  const paths: Record<string, Record<string, unknown>> = {}
  for (const endpoint of contractEndpoints()) {
    const path = `/api/v1${endpoint.path.replaceAll(/:(\w+)/g, '{$1}')}`
    paths[path] ??= {}
    paths[path][endpoint.method.toLowerCase()] = operation(endpoint)
  }
  return {
    openapi: '3.1.0',
    info: {
      title: 'Kiban',
      version,
      description:
        'The part of Kiban that no standard covers. MLflow, Open Inference Protocol and others have their own paths.',
      license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
    },
    servers: [{ url: '/' }],
    security: [{}, { token: [] }],
    paths,
    components: {
      securitySchemes: { token: { type: 'http', scheme: 'bearer' } },
      schemas: { Error: jsonSchema(contract.primitives.ErrorBody, 'output') },
    },
  }
}

function operation(endpoint: Endpoint): Schema {
  const tag =
    endpoint.path
      .split('/')
      .filter((part) => part && !part.startsWith(':'))
      .at(endpoint.path.startsWith('/projects/:project/') ? 1 : 0) ?? 'projects'
  const statuses = [...new Set([...(endpoint.errors ?? []), 'bad_request' as const].map((code) => ERRORS[code]))]
  return {
    operationId: endpoint.name,
    summary: endpoint.summary,
    tags: [tag],
    parameters: [...parameters(endpoint.params, 'path'), ...parameters(endpoint.query, 'query')],
    ...(endpoint.body ? { requestBody: { required: true, content: bodyContent(endpoint) } } : {}),
    responses: {
      [String(endpoint.status ?? 200)]: { description: 'Done', content: responseContent(endpoint) },
      ...Object.fromEntries(
        statuses.map((status) => [
          String(status),
          {
            description: codesOf(endpoint, status),
            content: { 'application/json': { schema: { $ref: '#/components/schemas/Error' } } },
          },
        ]),
      ),
    },
  }
}

function codesOf(endpoint: Endpoint, status: number): string {
  return [...new Set(['bad_request' as const, ...endpoint.errors])].filter((code) => ERRORS[code] === status).join(', ')
}

function bodyContent(endpoint: Endpoint): Schema {
  if (endpoint.body === 'bytes') return { 'application/octet-stream': { schema: { type: 'string', format: 'binary' } } }
  return { 'application/json': { schema: endpoint.body ? jsonSchema(endpoint.body, 'input') : {} } }
}

function responseContent(endpoint: Endpoint): Schema {
  if (endpoint.response === 'bytes')
    return { 'application/octet-stream': { schema: { type: 'string', format: 'binary' } } }
  if (endpoint.response === 'events') return { 'text/event-stream': { schema: { type: 'string' } } }
  return { 'application/json': { schema: jsonSchema(endpoint.response, 'output') } }
}

function parameters(schema: z.ZodObject | undefined, place: 'path' | 'query'): Schema[] {
  if (!schema) return []
  return Object.entries(schema.shape).map(([name, field]) => {
    const described = jsonSchema(field as z.ZodType, 'input') // the fields of a zod object are zod schemas
    return {
      name,
      in: place,
      required: place === 'path' || !(field as z.ZodType).safeParse(undefined).success,
      schema: described,
    }
  })
}

/**
 * The JSON Schema of a zod schema for use inside a larger document. zod names only what refers to itself, and the only such value of
 * the contract is "any JSON", so those definitions become the schema that takes anything.
 */
function jsonSchema(schema: z.ZodType, io: 'input' | 'output'): Schema {
  const {
    $schema: _dialect,
    $defs,
    ...rest
  } = z.toJSONSchema(schema, { io, unrepresentable: 'any', reused: 'inline', cycles: 'ref' })
  if (!$defs) return rest
  return JSON.parse(JSON.stringify(rest), (_key, value: unknown) => (isReference(value) ? {} : value))
}

function isReference(value: unknown): boolean {
  return typeof value === 'object' && value !== null && '$ref' in value && String(value.$ref).startsWith('#/$defs/')
}
