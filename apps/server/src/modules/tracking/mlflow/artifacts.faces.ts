import { Readable } from 'node:stream'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { artifactPath } from '@kiban/kit/artifact-path'
import type { Ctx } from '@kiban/kit/context'
import { AppError } from '@kiban/kit/errors'
import type { Face } from '@kiban/kit/module'
import type { ArtifactOwner } from '../artifacts.store.ts'
import { deleteArtifact, listFolder, openArtifact, putArtifact } from '../artifacts.ts'
import { getActiveRun, getRunRow } from '../find-run.ts'
import { getLoggedModel } from '../logged-models.ts'
import { badValue } from '../tracking-error.ts'
import { pathParameter } from './logged-models.faces.ts'
import { MlflowError, presentMlflowError } from './mlflow-error.ts'
import { mlflowProject } from './mlflow-face.ts'

const MAX_FILE_BYTES = 64 * 2 ** 30
const ROOTS = ['/api/2.0', '/ajax-api/2.0']

type Handler = (ctx: Ctx, input: { request: FastifyRequest; reply: FastifyReply; project: string }) => Promise<unknown>

/** Files of runs, logged models and versions, streamed both ways (`mlflow-artifacts:` of the protocol). */
export const artifactFaces: readonly Face[] = ROOTS.flatMap((root) => [
  face('GET', `${root}/mlflow-artifacts/artifacts`, list, { action: 'run.read' }),
  face('GET', `${root}/mlflow-artifacts/artifacts/*`, download, { action: 'run.read' }),
  face('PUT', `${root}/mlflow-artifacts/artifacts/*`, upload, {
    action: 'run.write',
    audit: 'rolled',
    body: 'stream',
    maxBodyBytes: MAX_FILE_BYTES,
  }),
  face('DELETE', `${root}/mlflow-artifacts/artifacts/*`, remove, { action: 'run.delete', audit: 'each' }),
  // The client falls back to plain requests on these two texts.
  face(
    'POST',
    `${root}/mlflow-artifacts/mpu/*`,
    notBuilt('Multipart upload is not supported by this server; upload with PUT.'),
    { action: 'run.write', audit: { none: 'changes nothing' } },
  ),
  face(
    'GET',
    `${root}/mlflow-artifacts/presigned/*`,
    notBuilt('Multipart download is not supported by this server; download with GET.'),
    { action: 'run.read' },
  ),
])

function face(
  method: Face['method'],
  url: string,
  handle: Handler,
  options: Pick<Face, 'action' | 'audit' | 'body'> & { maxBodyBytes?: number },
): Face {
  return { method, url, maxBodyBytes: 1 << 20, ...options, project: mlflowProject, handle, present: presentMlflowError }
}

function notBuilt(message: string): Handler {
  return async () => {
    throw new MlflowError('NOT_IMPLEMENTED', message)
  }
}

type Place = { readonly owner: ArtifactOwner; readonly path: string }

/**
 * What a client's path means: `<experiment>/<run>/artifacts/…`, `<experiment>/models/<model>/artifacts/…` or `versions/<id>/…`. Only
 * these three exist; everything else is refused, so no path reaches another project or the file system.
 */
async function locate(ctx: Ctx, project: string, raw: string, options: { writing?: boolean } = {}): Promise<Place> {
  const parts = artifactPath(raw.replace(/\/$/, '')).split('/')
  const [first = '', second = '', third, fourth] = parts
  if (first === 'versions' && second !== '')
    return { owner: { project, kind: 'model_version', id: second }, path: parts.slice(2).join('/') }
  if (/^\d+$/.test(first) && second === 'models' && third !== undefined && fourth === 'artifacts') {
    const model = await getLoggedModel(ctx, project, third)
    if (String(model.experiment_id) === first)
      return { owner: { project, kind: 'logged_model', id: model.id }, path: parts.slice(4).join('/') }
  }
  if (/^\d+$/.test(first) && third === 'artifacts') {
    const run = options.writing ? await getActiveRun(ctx, project, second) : await getRunRow(ctx, project, second)
    if (String(run.experiment_id) === first)
      return { owner: { project, kind: 'run', id: run.id }, path: parts.slice(3).join('/') }
  }
  throw badValue(
    `Invalid path ${JSON.stringify(raw.slice(0, 200))}: artifacts are at <experiment id>/<run id>/artifacts/<path> or <experiment id>/models/<model id>/artifacts/<path>.`,
    { field: 'path' },
  )
}

async function list(ctx: Ctx, { request, project }: Parameters<Handler>[1]) {
  const query = request.query
  const path: unknown = typeof query === 'object' && query !== null ? Reflect.get(query, 'path') : undefined
  if (path === undefined || path === '') return {}
  if (typeof path !== 'string')
    throw badValue("Invalid value for parameter 'path' supplied: give it once.", { field: 'path' })
  const place = await locate(ctx, project, path)
  const entries = await listFolder(ctx, place.owner, place.path)
  return {
    files: entries.map((entry) => ({
      path: entry.name,
      is_dir: entry.isFolder,
      ...(entry.sizeBytes === null ? {} : { file_size: entry.sizeBytes }),
    })),
  }
}

async function download(ctx: Ctx, { request, reply, project }: Parameters<Handler>[1]) {
  const place = await locate(ctx, project, pathParameter(request, '*'))
  if (place.path === '')
    throw new AppError('artifact_not_found', { message: 'There is no artifact at that path; it is a folder.' })
  return sendArtifact(ctx, reply, place.owner, place.path, request.headers.range)
}

/** Streams an artifact as an attachment that no browser runs; one byte range is answered with 206. */
export async function sendArtifact(
  ctx: Ctx,
  reply: FastifyReply,
  owner: ArtifactOwner,
  path: string,
  rangeHeader?: string,
): Promise<FastifyReply> {
  const range = /^bytes=(\d+)-(\d*)$/.exec(rangeHeader ?? '')
  const whole = await openArtifact(ctx, owner, path)
  const size = whole.row.size_bytes
  const name = path.split('/').at(-1) ?? 'artifact'
  void reply
    .header('content-disposition', `attachment; filename*=UTF-8''${encodeURIComponent(name)}`)
    .header('x-content-type-options', 'nosniff')
    .header('content-security-policy', "sandbox; default-src 'none'")
    .header('accept-ranges', 'bytes')
    .header('etag', `"${whole.row.hash}"`)
    .type('application/octet-stream')
  const start = Number(range?.[1] ?? 0)
  const end = Math.min(range?.[2] ? Number(range[2]) : size - 1, size - 1)
  if (!range || start > end) return reply.header('content-length', size).send(whole.content)
  whole.content.destroy()
  const part = await openArtifact(ctx, owner, path, { start, end })
  return reply
    .status(206)
    .header('content-range', `bytes ${start}-${end}/${size}`)
    .header('content-length', end - start + 1)
    .send(part.content)
}

async function upload(ctx: Ctx, { request, project }: Parameters<Handler>[1]) {
  const place = await locate(ctx, project, pathParameter(request, '*'), { writing: true })
  const body = request.body instanceof Readable ? request.body : Buffer.alloc(0)
  await putArtifact(ctx, place.owner, place.path, body)
  return {}
}

async function remove(ctx: Ctx, { request, project }: Parameters<Handler>[1]) {
  const place = await locate(ctx, project, pathParameter(request, '*'), { writing: true })
  await deleteArtifact(ctx, place.owner, place.path)
  return {}
}
