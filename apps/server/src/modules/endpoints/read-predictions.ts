import type { Prediction } from '@kiban/contract/endpoints'
import type { Json } from '@kiban/contract/primitives'
import type { Ctx } from '@kiban/kit/context'
import { AppError } from '@kiban/kit/errors'
import { queryRows, quoteText } from '../datasets/index.ts'
import type { SqlParameter, SqlRow } from '../datasets/index.ts'
import { BASE_COLUMNS, compactPredictions } from './compact-predictions.ts'
import { findEndpointRow, getEndpointRow, listDeployments, listEndpointRows } from './endpoints.store.ts'
import type { DeploymentRow, EndpointRow } from './endpoints.store.ts'
import { listSegments } from './predictions.store.ts'
import type { SegmentRow } from './predictions.store.ts'
import { versionRef } from './read-traffic.ts'

const ID = /^(pred_[0-9a-z]{22})(-\d{1,6})?$/
const ALPHABET = '0123456789abcdefghjkmnpqrstvwxyz'
/** An id's time and the logged instant are taken one after the other. */
const ID_SLACK_MS = 5_000

/**
 * Parquet files with the predictions of an endpoint whose event time lies in [fromMs, toMs), all that was answered until now. The
 * files have other rows too: filter `event_time` again. Columns: id, received_at, event_time (both BIGINT ms), key, endpoint, version,
 * variant, status (`ok`, `fallback`; `shadow` and `error` were nobody's answer), latency_ms, prediction (DOUBLE), output (JSON text),
 * and one column per feature (DOUBLE, VARCHAR or BOOLEAN); read them with union_by_name.
 */
export async function predictionFiles(
  ctx: Ctx,
  endpointId: string,
  range: { fromMs: number; toMs: number },
): Promise<string[]> {
  await compactPredictions(ctx, endpointId)
  return pathsOf(ctx, await listSegments(ctx, endpointId, { eventFromMs: range.fromMs, eventToMs: range.toMs }))
}

/** A logged prediction by the id its caller was given; the id of a whole request is that of its first row. Undefined if there is none. */
async function findPrediction(ctx: Ctx, project: string, id: string): Promise<Prediction | undefined> {
  const match = ID.exec(id)
  if (!match?.[1]) return undefined
  const rowId = match[2] === undefined ? `${match[1]}-0` : id
  const at = timeOf(match[1])
  await compactPredictions(ctx, null)
  for (const endpoint of await listEndpointRows(ctx, project, true)) {
    const segments = await listSegments(ctx, endpoint.id, {
      receivedFromMs: at - ID_SLACK_MS,
      receivedToMs: at + ID_SLACK_MS,
    })
    const paths = pathsOf(ctx, segments)
    if (paths.length === 0) continue
    const [row] = await queryRows(`SELECT * FROM ${source(paths)} WHERE id = $1 LIMIT 1`, [rowId], {
      readable: paths,
      signal: ctx.signal,
    })
    if (row) return present(endpoint, await listDeployments(ctx, [endpoint.id], 'all'), row)
  }
  return undefined
}

/** As `findPrediction`; throws `prediction_not_found`. */
export async function getPrediction(ctx: Ctx, project: string, id: string): Promise<Prediction> {
  const found = await findPrediction(ctx, project, id)
  if (!found)
    throw new AppError('prediction_not_found', {
      message: `There is no logged prediction ${JSON.stringify(id)} in project ${project}. Ids look like pred_…-0; a prediction outside the log's sample is not kept.`,
    })
  return found
}

/** A page of the prediction log, newest first. */
export async function listPredictions(
  ctx: Ctx,
  of: {
    project: string
    endpoint: string
    limit: number
    cursor?: string | undefined
    fromMs?: number | undefined
    toMs?: number | undefined
    versionId?: string | undefined
    key?: string | undefined
    status?: string | undefined
  },
): Promise<{ items: Prediction[]; nextCursor: string | null }> {
  const endpoint = await getEndpointRow(ctx, of.project, of.endpoint)
  await compactPredictions(ctx, endpoint.id)
  const segments = await listSegments(ctx, endpoint.id, {
    ...(of.fromMs === undefined ? {} : { eventFromMs: of.fromMs }),
    ...(of.toMs === undefined ? {} : { eventToMs: of.toMs }),
  })
  const paths = pathsOf(ctx, segments)
  if (paths.length === 0) return { items: [], nextCursor: null }
  const parameters: SqlParameter[] = []
  const bind = (value: SqlParameter) => `$${parameters.push(value)}`
  const [cursorAt, cursorId] = readCursor(of.cursor)
  const conditions = [
    ...(of.fromMs === undefined ? [] : [`event_time >= ${bind(of.fromMs)}`]),
    ...(of.toMs === undefined ? [] : [`event_time < ${bind(of.toMs)}`]),
    ...(of.versionId === undefined ? [] : [`version = ${bind(of.versionId)}`]),
    ...(of.key === undefined ? [] : [`key = ${bind(of.key)}`]),
    ...(of.status === undefined ? [] : [`status = ${bind(of.status)}`]),
    ...(cursorAt === undefined ? [] : [`(received_at, id) < (${bind(cursorAt)}, ${bind(cursorId ?? '')})`]),
  ]
  const where = conditions.length > 0 ? `WHERE ${conditions.join(' AND ')}` : ''
  const rows = await queryRows(
    `SELECT * FROM ${source(paths)} ${where} ORDER BY received_at DESC, id DESC LIMIT ${of.limit + 1}`,
    parameters,
    { readable: paths, signal: ctx.signal },
  )
  const deployments = await listDeployments(ctx, [endpoint.id], 'all')
  const items = rows.slice(0, of.limit).map((row) => present(endpoint, deployments, row))
  const last = items.at(-1)
  return { items, nextCursor: rows.length > of.limit && last ? `${last.receivedAt}.${last.id}` : null }
}

/** The project and endpoint of ids of predictions, for lineage; the endpoint's row and the version that answered. */
export async function originOfPrediction(
  ctx: Ctx,
  project: string,
  id: string,
): Promise<{ endpoint: EndpointRow; deployment: DeploymentRow | undefined } | undefined> {
  const found = await findPrediction(ctx, project, id)
  const endpoint = found && (await findEndpointRow(ctx, found.endpointId))
  if (!found || !endpoint) return undefined
  const deployments = await listDeployments(ctx, [endpoint.id], 'all')
  return { endpoint, deployment: deployments.find((each) => each.version_id === found.version.id) }
}

function pathsOf(ctx: Ctx, segments: readonly SegmentRow[]): string[] {
  return segments.flatMap((segment) => ctx.platform.blobs.localPath(segment.blob) ?? [])
}

function source(paths: readonly string[]): string {
  return `read_parquet([${paths.map(quoteText).join(', ')}], union_by_name=true)`
}

function present(endpoint: EndpointRow, deployments: readonly DeploymentRow[], row: SqlRow): Prediction {
  const text = (name: string) => {
    const value = row[name]
    return typeof value === 'string' ? value : JSON.stringify(value ?? '')
  }
  const deployment = deployments.find((each) => each.version_id === row['version'])
  const features = Object.fromEntries(
    Object.entries(row).filter(([name]) => !Object.hasOwn(BASE_COLUMNS, name)),
  ) as Record<string, Json> // DuckDB's values are JSON
  return {
    id: text('id'),
    endpointId: endpoint.id,
    endpoint: endpoint.name,
    version: deployment ? versionRef(deployment) : { id: text('version'), model: '', number: 0 },
    variant: text('variant'),
    receivedAt: Number(row['received_at']),
    eventTime: Number(row['event_time']),
    key: row['key'] === null || row['key'] === undefined ? null : text('key'),
    status: text('status') as Prediction['status'], // the data plane writes only these
    latencyMs: Number(row['latency_ms']),
    prediction: typeof row['prediction'] === 'number' ? row['prediction'] : null,
    output: JSON.parse(text('output')) as Json,
    features,
  }
}

function readCursor(cursor: string | undefined): [number | undefined, string | undefined] {
  if (cursor === undefined) return [undefined, undefined]
  const match = /^(\d{1,16})\.(pred_[0-9a-z]{22}-\d+)$/.exec(cursor)
  if (!match)
    throw new AppError('bad_request', {
      message: `cursor ${JSON.stringify(cursor.slice(0, 80))} is not one that this list gave; leave it out to begin anew.`,
    })
  return [Number(match[1]), match[2]]
}

/** The instant in an id (kit/ids: the first nine characters are milliseconds in base 32). */
function timeOf(id: string): number {
  let ms = 0
  for (const letter of id.slice('pred_'.length, 'pred_'.length + 9)) ms = ms * 32 + ALPHABET.indexOf(letter)
  return ms
}
