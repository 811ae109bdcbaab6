/** The TypeScript SDK: a typed method for every endpoint of `/api/v1`. It holds no state and never reads files. */
export { ApiError } from './api-error.ts'
export { createClient } from './client.ts'
export type { CallOptions, Client, ClientOptions, InputOf, OutputOf } from './client.ts'
export type { AnyEndpoint } from './endpoints.ts'
export { endpointsByName } from './endpoints.ts'
export { readEvents } from './event-stream.ts'
export type { StreamEvent } from './event-stream.ts'
