import type { FastifyReply, FastifyRequest } from 'fastify'
import type { Action } from '@kiban/contract/actions'
import type { AuditRule } from '@kiban/contract/endpoint'
import type { Actor, Ctx } from '@kiban/kit/context'
import type { Face } from '@kiban/kit/module'
import { presentMlflowError } from './mlflow-error.ts'
import { readFields } from './mlflow-fields.ts'
import type { Fields } from './mlflow-fields.ts'

export type MlflowCall = {
  readonly method: Face['method']
  /** Below `/api/<version>`, for example `/mlflow/runs/create`. */
  readonly path: string
  readonly action: Action
  readonly audit?: AuditRule
  readonly maxBodyBytes?: number
  /** Default 2.0. */
  readonly version?: '2.0' | '3.0'
  /** Only at `/ajax-api`, as some calls of MLflow's own pages are. */
  readonly ajaxOnly?: boolean
  readonly handle: (
    ctx: Ctx,
    input: { project: string; fields: Fields; request: FastifyRequest; reply: FastifyReply },
  ) => Promise<unknown>
}

const BODY_BYTES = 1 << 20

/** Every call twice, as MLflow serves it: at `/api` for clients and at `/ajax-api` for pages. */
export function mlflowFaces(calls: readonly MlflowCall[]): Face[] {
  return calls.flatMap((call) =>
    (call.ajaxOnly ? ['/ajax-api'] : ['/api', '/ajax-api']).map((root): Face => ({
      method: call.method,
      url: `${root}/${call.version ?? '2.0'}${call.path}`,
      action: call.action,
      ...(call.audit === undefined ? {} : { audit: call.audit }),
      maxBodyBytes: call.maxBodyBytes ?? BODY_BYTES,
      project: mlflowProject,
      handle: (ctx, { request, reply, project }) =>
        call.handle(ctx, { project, fields: readFields(request), request, reply }),
      present: presentMlflowError,
    })),
  )
}

/** MLflow's workspace is our project: the header names it, else the job's own, else `default`. */
export function mlflowProject(request: FastifyRequest, actor: Actor): string {
  const header = request.headers['x-mlflow-workspace']
  return (typeof header === 'string' && header !== '' ? header : undefined) ?? actor.project ?? 'default'
}
