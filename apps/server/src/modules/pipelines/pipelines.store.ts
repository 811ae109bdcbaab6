import { sql } from 'kysely'
import type { Insertable, Selectable, Updateable } from 'kysely'
import type { PipelineRunState } from '@kiban/contract/pipelines'
import { inTransaction } from '@kiban/kit/context'
import type { Ctx } from '@kiban/kit/context'
import type { Db } from '@kiban/kit/database'
import { AppError } from '@kiban/kit/errors'

type PipelineTable = {
  id: string
  project: string
  name: string
  /** JSON of `Definition`. */
  definition: string
  code_manifest: string
  revision_id: string
  archived_at: number | null
  created_at: number
  created_by: string
}

type PipelineRunTable = {
  id: string
  project: string
  pipeline_id: string
  pipeline: string
  number: number
  state: PipelineRunState
  cause: string | null
  message: string | null
  /** JSON of `Definition`, frozen. */
  definition: string
  code_manifest: string
  revision_id: string
  params: string
  /** JSON of `Pins`. */
  pins: string
  trigger_kind: string
  trigger_id: string
  trigger_facts: string
  outputs: string
  rerun_of: string | null
  created_at: number
  created_by: string
  /** The person for whom its jobs work. */
  on_behalf_of: string
  started_at: number | null
  ended_at: number | null
  lease_token: string | null
  lease_until: number | null
}

declare module '@kiban/kit/database' {
  interface Tables {
    pipelines: PipelineTable
    pipeline_runs: PipelineRunTable
  }
}

export type PipelineRow = Selectable<PipelineTable>
export type PipelineRunRow = Selectable<PipelineRunTable>

export async function findPipeline(db: Db, project: string, name: string): Promise<PipelineRow | undefined> {
  return db
    .selectFrom('pipelines')
    .selectAll()
    .where('project', '=', project)
    .where('name', '=', name)
    .executeTakeFirst()
}

/** A pipeline that can run. Throws `pipeline_not_found`, naming those that exist. */
export async function getPipeline(db: Db, project: string, name: string): Promise<PipelineRow> {
  const row = await findPipeline(db, project, name)
  if (row && row.archived_at === null) return row
  const names = (await listPipelineRows(db, project))
    .filter((other) => other.archived_at === null)
    .map((other) => other.name)
  const remedy = names.length > 0 ? `There is ${names.join(', ')}.` : 'Add one to kiban.yaml and apply it.'
  throw new AppError('pipeline_not_found', {
    message: row
      ? `The pipeline ${name} was taken out of kiban.yaml. ${remedy}`
      : `${project} has no pipeline ${JSON.stringify(name.slice(0, 80))}. ${remedy}`,
  })
}

export async function listPipelineRows(db: Db, project: string): Promise<PipelineRow[]> {
  return db.selectFrom('pipelines').selectAll().where('project', '=', project).orderBy('name').execute()
}

export async function insertPipeline(db: Db, row: Insertable<PipelineTable>): Promise<void> {
  await db.insertInto('pipelines').values(row).execute()
}

export async function updatePipeline(db: Db, id: string, change: Updateable<PipelineTable>): Promise<void> {
  await db.updateTable('pipelines').set(change).where('id', '=', id).execute()
}

export async function insertRun(db: Db, row: Insertable<PipelineRunTable>): Promise<void> {
  await db.insertInto('pipeline_runs').values(row).execute()
}

export async function findRunByTrigger(
  db: Db,
  pipelineId: string,
  kind: string,
  id: string,
): Promise<PipelineRunRow | undefined> {
  return db
    .selectFrom('pipeline_runs')
    .selectAll()
    .where('pipeline_id', '=', pipelineId)
    .where('trigger_kind', '=', kind)
    .where('trigger_id', '=', id)
    .executeTakeFirst()
}

/** Throws `pipeline_run_not_found`. `id` may also be `train#12`. */
export async function getRun(db: Db, project: string, id: string): Promise<PipelineRunRow> {
  const [, pipeline, number] = /^([A-Za-z][\w-]*)#(\d{1,9})$/.exec(id) ?? []
  const all = db.selectFrom('pipeline_runs').selectAll().where('project', '=', project)
  const row = await (
    pipeline ? all.where('pipeline', '=', pipeline).where('number', '=', Number(number)) : all.where('id', '=', id)
  ).executeTakeFirst()
  if (!row)
    throw new AppError('pipeline_run_not_found', {
      message: `${project} has no pipeline run ${JSON.stringify(id.slice(0, 80))}. List them with: kiban run list`,
    })
  return row
}

export async function findRunById(db: Db, id: string): Promise<PipelineRunRow | undefined> {
  return db.selectFrom('pipeline_runs').selectAll().where('id', '=', id).executeTakeFirst()
}

export async function listRunsByIds(db: Db, project: string, ids: readonly string[]): Promise<PipelineRunRow[]> {
  if (ids.length === 0) return []
  return db.selectFrom('pipeline_runs').selectAll().where('project', '=', project).where('id', 'in', ids).execute()
}

/** Newest first, those before `cursor`. */
export async function listRunRows(
  db: Db,
  query: {
    project: string
    pipeline?: string | undefined
    state?: PipelineRunState | undefined
    cursor?: string | undefined
    limit: number
  },
): Promise<PipelineRunRow[]> {
  let rows = db.selectFrom('pipeline_runs').selectAll().where('project', '=', query.project)
  if (query.pipeline !== undefined) rows = rows.where('pipeline', '=', query.pipeline)
  if (query.state !== undefined) rows = rows.where('state', '=', query.state)
  if (query.cursor !== undefined) rows = rows.where('id', '<', query.cursor)
  return rows.orderBy('id', 'desc').limit(query.limit).execute()
}

export async function listNewestRuns(db: Db, project: string): Promise<PipelineRunRow[]> {
  return db
    .selectFrom('pipeline_runs')
    .selectAll()
    .where('project', '=', project)
    .where('id', 'in', (newest) =>
      newest
        .selectFrom('pipeline_runs')
        .select((run) => run.fn.max('id').as('id'))
        .where('project', '=', project)
        .groupBy('pipeline_id'),
    )
    .execute()
}

export async function nextRunNumber(db: Db, pipelineId: string): Promise<number> {
  const row = await db
    .selectFrom('pipeline_runs')
    .select((run) => run.fn.max('number').as('newest'))
    .where('pipeline_id', '=', pipelineId)
    .executeTakeFirst()
  return Number(row?.newest ?? 0) + 1
}

export async function updateRun(db: Db, id: string, change: Updateable<PipelineRunTable>): Promise<void> {
  await db.updateTable('pipeline_runs').set(change).where('id', '=', id).execute()
}

/** Updates a run that the caller holds; false when its lease was lost, so that the caller drops its result. */
export async function updateHeldRun(
  db: Db,
  run: Pick<PipelineRunRow, 'id' | 'lease_token'>,
  change: Updateable<PipelineRunTable>,
): Promise<boolean> {
  const result = await db
    .updateTable('pipeline_runs')
    .set(change)
    .where('id', '=', run.id)
    .where('lease_token', '=', run.lease_token)
    .executeTakeFirst()
  return Number(result.numUpdatedRows) === 1
}

/** What `claim` may take: everything that has not ended. */
export const ACTIVE_RUNS = sql`state in ('queued', 'running', 'cancelling')`

/** Gives a held run back. */
export async function releaseRun(ctx: Ctx, run: Pick<PipelineRunRow, 'id' | 'lease_token'>): Promise<void> {
  await inTransaction(ctx, (ctx) => updateHeldRun(ctx.db, run, { lease_token: null, lease_until: null }))
}

/** The pipeline of a run, archived or not. */
export async function getPipelineById(db: Db, id: string): Promise<PipelineRow> {
  return db.selectFrom('pipelines').selectAll().where('id', '=', id).executeTakeFirstOrThrow()
}

/** Holds a pipeline's row until the transaction ends. An update locks on both databases. */
export async function lockPipeline(db: Db, id: string): Promise<void> {
  await db
    .updateTable('pipelines')
    .set((row) => ({ revision_id: row.ref('revision_id') }))
    .where('id', '=', id)
    .execute()
}

/** Pipelines whose name holds `text` (lower case), or with that id; in one project or all. */
export async function searchPipelineRows(ctx: Ctx, text: string, project: string | undefined): Promise<PipelineRow[]> {
  const pattern = `%${text.replaceAll(/[%_\\]/g, String.raw`\$&`)}%`
  let rows = ctx.db
    .selectFrom('pipelines')
    .selectAll()
    .where('archived_at', 'is', null)
    .where((row) => row.or([sql<boolean>`lower(name) like ${pattern} escape '\\'`, row('id', '=', text)]))
  if (project !== undefined) rows = rows.where('project', '=', project)
  return rows.orderBy('name').limit(50).execute()
}
