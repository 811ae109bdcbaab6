import type { FastifyReply, FastifyRequest } from 'fastify'
import type { Kysely } from 'kysely'
import type { Action } from '@kiban/contract/actions'
import type { AuditRule, Endpoint, ParsedInput, ResponseOf } from '@kiban/contract/endpoint'
import type { Json } from '@kiban/contract/primitives'
import type { ProjectFile } from '@kiban/contract/project-file'
import type { Actor, Ctx } from './context.ts'

/** One noun of the platform: it owns its tables and is used by others through its `index.ts` only. */
export type Module = {
  readonly name: string
  readonly migrations: readonly Migration[]
  readonly routes?: readonly Route[]
  readonly faces?: readonly Face[]
  readonly loops?: readonly Loop[]
  readonly components?: Readonly<Record<string, StepComponent>>
  readonly apply?: ApplySection
  /** Runs once before the server listens. */
  start?(ctx: Ctx): Promise<void>
  /** Runs once when the server ends in order. */
  stop?(ctx: Ctx): Promise<void>
}

/** Forward only, never edited once landed. `id` sorts within its module: `2026-11-21-1`. */
export type Migration = { readonly id: string; up(db: Kysely<unknown>): Promise<void> }

export type Loop = { readonly name: string; readonly everyMs: number; run(ctx: Ctx): Promise<void> }

export type RouteInput<E extends Endpoint> = ParsedInput<E> & {
  readonly request: FastifyRequest
  readonly reply: FastifyReply
}
export type Route = {
  readonly endpoint: Endpoint
  readonly handle: (ctx: Ctx, input: RouteInput<Endpoint>) => Promise<unknown>
}

/** Binds an endpoint of the contract to what answers it. A 'bytes' endpoint returns a Readable or Buffer; an 'events' one drives `reply.raw`. */
export function route<const E extends Endpoint>(
  endpoint: E,
  handle: (
    ctx: Ctx,
    input: RouteInput<E>,
  ) => Promise<E['response'] extends 'bytes' | 'events' ? unknown : ResponseOf<E>>,
): Route {
  // The server parses with this endpoint's own schemas before it calls, so the input has exactly this type.
  return { endpoint, handle: handle as unknown as Route['handle'] }
}

/** A route of somebody else's protocol (MLflow, Open Inference Protocol, …), outside `/api/v1`. */
export type Face = {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'
  /** Fastify pattern, from the root: `/api/2.0/mlflow/runs/create`. */
  readonly url: string
  readonly action: Action | { readonly public: string }
  readonly audit?: AuditRule
  /** How the body arrives in `request.body`: 'buffer' (default; undefined when empty) or 'stream'. */
  readonly body?: 'buffer' | 'stream'
  readonly maxBodyBytes: number
  /** The project that the request is about; default: path parameter `project`, else the actor's own, else `default`. */
  project?(request: FastifyRequest, actor: Actor): string
  /** Returns the JSON answer (or sends by `reply` and returns it). */
  handle(ctx: Ctx, input: { request: FastifyRequest; reply: FastifyReply; project: string }): Promise<unknown>
  /** The protocol's own error shape. */
  present?(error: unknown, requestId: string): { status: number; body: unknown; headers?: Record<string, string> }
}

export type ResolvedInput =
  | {
      readonly tree: string
      readonly uri?: string
      readonly versionId?: string
      /** The MLflow run that made it. */
      readonly runId?: string
    }
  | { readonly value: Json }
export type OutputValue = { readonly tree: string; readonly sizeBytes?: number } | { readonly value: Json }

/** A platform step, such as `kiban/release`. `advance` is called at least once per state until it ends; it must be idempotent by `step.id`. */
export type StepComponent = {
  readonly inputs: Readonly<Record<string, { readonly type: string; readonly optional?: boolean }>>
  readonly outputs: Readonly<Record<string, { readonly type: string }>>
  advance(
    ctx: Ctx,
    step: {
      readonly id: string
      readonly project: string
      readonly pipelineRunId: string
      readonly inputs: Readonly<Record<string, ResolvedInput>>
      readonly state: Json | null
      readonly code: string | null
      readonly environmentId: string | null
    },
  ): Promise<
    | { readonly status: 'waiting'; readonly state: Json; readonly reason: string }
    | { readonly status: 'succeeded'; readonly outputs: Readonly<Record<string, OutputValue>> }
    | { readonly status: 'failed'; readonly cause: string; readonly message: string }
  >
}

export type Change = {
  readonly kind: 'create' | 'update' | 'archive'
  readonly noun: string
  readonly name: string
  readonly detail?: string
}

/** Makes one section of the project file so, inside the transaction of `kiban apply`; returns what it changed. */
export type ApplySection = (
  ctx: Ctx,
  input: {
    readonly project: string
    /** The parsed `kiban.yaml` (contract/project-file). */
    readonly file: ProjectFileValue
    readonly previous: ProjectFileValue | null
    /** Manifest of the project's files at this revision. */
    readonly codeManifest: string
    readonly revisionId: string
  },
) => Promise<readonly Change[]>

/** The parsed project file; `contract/project-file` names its type. */
export type ProjectFileValue = ProjectFile
