import type { Insertable, Selectable, Updateable } from 'kysely'
import type { SweepState, TrialState } from '@kiban/contract/tuning'
import { inTransaction } from '@kiban/kit/context'
import type { Ctx } from '@kiban/kit/context'
import type { Db } from '@kiban/kit/database'
import { AppError } from '@kiban/kit/errors'

type SweepTable = {
  id: string
  project: string
  name: string
  pipeline_run_id: string
  step_run_id: string
  attempt: number
  state: SweepState
  cancel_requested: number
  cause: string | null
  message: string | null
  experiment: string
  parent_run_id: string | null
  seed: number
  sampler: string
  sampler_options: string
  /** JSON: dimension by name. */
  space: string
  metric: string
  direction: 'minimize' | 'maximize'
  trials: number
  time_ms: number | null
  parallel: number
  /** The interpreter in which the sampler runs. */
  python: string | null
  /** JSON of `TrialTemplate`. */
  template: string
  created_at: number
  created_by: string
  ended_at: number | null
  lease_token: string | null
  lease_until: number | null
}

type TrialTable = {
  id: string
  sweep_id: string
  number: number
  state: TrialState
  /** JSON: what the sampler chose. */
  vals: string
  objective: number | null
  metrics: string
  /** JSON of the job's outputs. */
  outputs: string
  job_id: string | null
  run_id: string | null
  cause: string | null
  message: string | null
  started_at: number
  ended_at: number | null
}

declare module '@kiban/kit/database' {
  interface Tables {
    sweeps: SweepTable
    trials: TrialTable
  }
}

export type SweepRow = Selectable<SweepTable>
export type TrialRow = Selectable<TrialTable>

export async function findSweepOfStep(db: Db, stepRunId: string, attempt: number): Promise<SweepRow | undefined> {
  return db
    .selectFrom('sweeps')
    .selectAll()
    .where('step_run_id', '=', stepRunId)
    .where('attempt', '=', attempt)
    .executeTakeFirst()
}

/** Throws `sweep_not_found`. */
export async function getSweepRow(db: Db, id: string, project?: string): Promise<SweepRow> {
  const row = await db.selectFrom('sweeps').selectAll().where('id', '=', id).executeTakeFirst()
  if (!row || (project !== undefined && row.project !== project))
    throw new AppError('sweep_not_found', {
      message: `There is no sweep ${JSON.stringify(id.slice(0, 80))} here. A step with \`sweep\` starts one.`,
    })
  return row
}

export async function listSweepRows(db: Db, project: string, pipelineRunId: string | undefined): Promise<SweepRow[]> {
  let rows = db.selectFrom('sweeps').selectAll().where('project', '=', project)
  if (pipelineRunId !== undefined) rows = rows.where('pipeline_run_id', '=', pipelineRunId)
  return rows.orderBy('id', 'desc').limit(200).execute()
}

export async function insertSweep(db: Db, row: Insertable<SweepTable>): Promise<void> {
  await db.insertInto('sweeps').values(row).execute()
}

export async function updateSweep(db: Db, id: string, change: Updateable<SweepTable>): Promise<void> {
  await db.updateTable('sweeps').set(change).where('id', '=', id).execute()
}

/** Updates a sweep that the caller holds; false when its lease was lost. */
export async function updateHeldSweep(
  db: Db,
  sweep: Pick<SweepRow, 'id' | 'lease_token'>,
  change: Updateable<SweepTable>,
): Promise<boolean> {
  const result = await db
    .updateTable('sweeps')
    .set(change)
    .where('id', '=', sweep.id)
    .where('lease_token', '=', sweep.lease_token)
    .executeTakeFirst()
  return Number(result.numUpdatedRows) === 1
}

export async function releaseSweep(ctx: Ctx, sweep: Pick<SweepRow, 'id' | 'lease_token'>): Promise<void> {
  await inTransaction(ctx, (ctx) => updateHeldSweep(ctx.db, sweep, { lease_token: null, lease_until: null }))
}

export async function listTrialRows(db: Db, sweepId: string): Promise<TrialRow[]> {
  return db.selectFrom('trials').selectAll().where('sweep_id', '=', sweepId).orderBy('number').execute()
}

export async function insertTrial(db: Db, row: Insertable<TrialTable>): Promise<void> {
  await db.insertInto('trials').values(row).execute()
}

export async function updateTrial(db: Db, id: string, change: Updateable<TrialTable>): Promise<void> {
  await db.updateTable('trials').set(change).where('id', '=', id).execute()
}
