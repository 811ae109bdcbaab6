import { sql } from 'kysely'
import type { Selectable, Updateable } from 'kysely'
import type { Ctx } from '@kiban/kit/context'
import { AppError } from '@kiban/kit/errors'

type EndpointTable = {
  id: string
  project: string
  name: string
  description: string | null
  archived_at: number | null
  /** JSON of StoredSpec. */
  spec: string
  /** Why it serves nothing, or not what it should. */
  reason: string | null
  running_version_id: string | null
  /** A target whose roll-out failed or was taken back: not tried again until the target changes. */
  refused_version_id: string | null
  /** JSON: the features of a logged row. */
  example: string | null
  created_at: number
  created_by: string
  updated_at: number
}

type DeploymentTable = {
  id: string
  endpoint_id: string
  version_id: string
  model: string
  number: number
  /** Tree of the version's files. */
  manifest: string
  role: 'running' | 'candidate' | 'shadow' | 'kept' | 'released'
  /** Share of the traffic in percent. */
  weight: number
  state: 'loading' | 'ready' | 'failed' | 'draining' | 'released'
  error: string | null
  /** JSON: inputs and outputs as the data plane read them from the model. */
  signature: string | null
  /** When a kept version is let go. */
  release_at: number | null
  created_at: number
  updated_at: number
}

declare module '@kiban/kit/database' {
  interface Tables {
    endpoints: EndpointTable
    deployments: DeploymentTable
  }
}

export type EndpointRow = Selectable<EndpointTable>
export type DeploymentRow = Selectable<DeploymentTable>

/** Endpoints of a project by name; archived ones only if asked for. */
export async function listEndpointRows(ctx: Ctx, project: string, withArchived = false): Promise<EndpointRow[]> {
  let query = ctx.db.selectFrom('endpoints').selectAll().where('project', '=', project).orderBy('name')
  if (!withArchived) query = query.where('archived_at', 'is', null)
  return query.execute()
}

/** Every endpoint that should serve, of all projects. */
export async function listServingRows(ctx: Ctx): Promise<EndpointRow[]> {
  return ctx.db.selectFrom('endpoints').selectAll().where('archived_at', 'is', null).orderBy('id').execute()
}

/** Throws `endpoint_not_found`. */
export async function getEndpointRow(ctx: Ctx, project: string, name: string): Promise<EndpointRow> {
  const row = await ctx.db
    .selectFrom('endpoints')
    .selectAll()
    .where('project', '=', project)
    .where((e) => e.or([e('name', '=', name), e('id', '=', name)]))
    .executeTakeFirst()
  if (!row)
    throw new AppError('endpoint_not_found', {
      message: `There is no endpoint ${JSON.stringify(name.slice(0, 80))} in project ${project}. Declare it under endpoints: in kiban.yaml and apply.`,
    })
  return row
}

export async function findEndpointRow(ctx: Ctx, id: string): Promise<EndpointRow | undefined> {
  return ctx.db.selectFrom('endpoints').selectAll().where('id', '=', id).executeTakeFirst()
}

/** Endpoints that serve, by a part of their name (lower case) or their id. */
export async function searchEndpoints(ctx: Ctx, text: string, project: string | undefined): Promise<EndpointRow[]> {
  const pattern = `%${text.replaceAll(/[%_\\]/g, String.raw`\$&`)}%`
  let query = ctx.db
    .selectFrom('endpoints')
    .selectAll()
    .where('archived_at', 'is', null)
    .where((e) => e.or([sql<boolean>`lower(name) like ${pattern} escape '\\'`, e('id', '=', text)]))
  if (project !== undefined) query = query.where('project', '=', project)
  return query.orderBy('name').limit(50).execute()
}

export async function insertEndpoint(ctx: Ctx, row: EndpointRow): Promise<void> {
  await ctx.db.insertInto('endpoints').values(row).execute()
}

export async function updateEndpoint(ctx: Ctx, id: string, set: Updateable<EndpointTable>): Promise<void> {
  await ctx.db
    .updateTable('endpoints')
    .set({ ...set, updated_at: ctx.clock.now() })
    .where('id', '=', id)
    .execute()
}

/** Versions behind endpoints, newest first; `active` leaves out the released. */
export async function listDeployments(
  ctx: Ctx,
  endpointIds: readonly string[],
  only: 'active' | 'all' = 'active',
): Promise<DeploymentRow[]> {
  if (endpointIds.length === 0) return []
  let query = ctx.db
    .selectFrom('deployments')
    .selectAll()
    .where('endpoint_id', 'in', endpointIds)
    .orderBy('created_at', 'desc')
  if (only === 'active') query = query.where('role', '!=', 'released')
  return query.execute()
}

export async function findDeployment(
  ctx: Ctx,
  endpointId: string,
  versionId: string,
): Promise<DeploymentRow | undefined> {
  return ctx.db
    .selectFrom('deployments')
    .selectAll()
    .where('endpoint_id', '=', endpointId)
    .where('version_id', '=', versionId)
    .executeTakeFirst()
}

/** Deployments by id or, for predictions of old versions, all of an endpoint. */
export async function listDeploymentsById(ctx: Ctx, ids: readonly string[]): Promise<DeploymentRow[]> {
  return ids.length === 0 ? [] : ctx.db.selectFrom('deployments').selectAll().where('id', 'in', ids).execute()
}

export async function insertDeployment(ctx: Ctx, row: DeploymentRow): Promise<void> {
  await ctx.db.insertInto('deployments').values(row).execute()
}

export async function updateDeployment(ctx: Ctx, id: string, set: Updateable<DeploymentTable>): Promise<void> {
  await ctx.db
    .updateTable('deployments')
    .set({ ...set, updated_at: ctx.clock.now() })
    .where('id', '=', id)
    .execute()
}

/** What the data plane says of a version, for all endpoints that use it. */
export async function updateVersionState(
  ctx: Ctx,
  versionId: string,
  set: { state: 'ready' | 'failed'; error: string | null; signature: string | null },
): Promise<void> {
  await ctx.db
    .updateTable('deployments')
    .set({ ...set, updated_at: ctx.clock.now() })
    .where('version_id', '=', versionId)
    .where('role', '!=', 'released')
    .execute()
}
