import type { z } from 'zod'
import type { Action } from './actions.ts'
import type { ErrorCode } from './errors.ts'

export type Method = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'

/** How a mutating endpoint is audited: one event each time, rolled up per run or hour, or not at all for a stated reason. */
export type AuditRule = 'each' | 'rolled' | { readonly none: string }

/**
 * One endpoint of `/api/v1`. The server must implement it, the client is derived from it and OpenAPI is generated from it.
 * `path` is below `/api/v1` and names its parameters as `:name`; every path that has `:project` is authorized against that project.
 */
export type Endpoint = {
  /** OpenAPI operationId and the method's name in the client: verb + noun, unique. */
  readonly name: string
  readonly method: Method
  readonly path: string
  readonly summary: string
  /** What the caller must be allowed to do; or why anybody may call it. */
  readonly action: Action | { readonly public: string }
  /** Required on every method but GET. */
  readonly audit?: AuditRule
  readonly params?: z.ZodObject
  readonly query?: z.ZodObject
  /** A zod schema for JSON, or 'bytes' for a streamed body of any type. */
  readonly body?: z.ZodType | 'bytes'
  /** A zod schema for JSON; 'bytes' for a stream; 'events' for server-sent events. */
  readonly response: z.ZodType | 'bytes' | 'events'
  readonly status?: 200 | 201 | 202 | 204
  readonly errors: readonly ErrorCode[]
  /** Body limit in bytes; default 1 MiB for JSON. Required for 'bytes'. */
  readonly maxBodyBytes?: number
}

/** Declares an endpoint; keeps the literal types for the client and the server. */
export function defineEndpoint<const E extends Endpoint>(endpoint: E): E {
  return endpoint
}

type Infer<S, Fallback> = S extends z.ZodType ? z.infer<S> : Fallback
type Input<S, Fallback> = S extends z.ZodType ? z.input<S> : Fallback

/** What a handler receives, after parsing. */
export type ParsedInput<E extends Endpoint> = {
  readonly params: Infer<E['params'], Record<never, never>>
  readonly query: Infer<E['query'], Record<never, never>>
  readonly body: Infer<E['body'], undefined>
}

/** What a caller gives, before parsing. */
export type CallerInput<E extends Endpoint> = Input<E['params'], unknown> &
  Input<E['query'], unknown> &
  Input<E['body'], unknown>

export type ResponseOf<E extends Endpoint> = Infer<E['response'], undefined>
