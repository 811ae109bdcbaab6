import { emit, inTransaction } from '@kiban/kit/context'
import type { Ctx } from '@kiban/kit/context'
import { AppError } from '@kiban/kit/errors'
import { recordAudit } from '../audit/index.ts'
import { checkExperimentTags } from './create-experiment.ts'
import {
  deleteExperimentTagRow,
  findExperimentByName,
  setExperimentTags,
  updateExperimentRow,
} from './experiments.store.ts'
import type { ExperimentRow, Lifecycle } from './experiments.store.ts'
import { checkExperimentName } from './limits.ts'
import { setStateOfRuns } from './runs.store.ts'
import { badValue } from './tracking-error.ts'

/** Renames an active experiment and sets or removes (null) tags; throws `experiment_exists`. */
export async function changeExperiment(
  ctx: Ctx,
  row: ExperimentRow,
  change: { name?: string | undefined; tags?: Readonly<Record<string, string | null>> | undefined },
): Promise<void> {
  requireActive(row)
  const name = change.name === undefined ? row.name : checkExperimentName(change.name)
  const set = Object.fromEntries(
    Object.entries(change.tags ?? {}).filter((entry): entry is [string, string] => entry[1] !== null),
  )
  checkExperimentTags(set)
  await inTransaction(ctx, async (ctx) => {
    const known = name === row.name ? undefined : await findExperimentByName(ctx.db, row.project, name)
    if (known) throw new AppError('experiment_exists', { message: `Experiment '${name}' already exists.` })
    await updateExperimentRow(ctx.db, row.project, row.id, { name, updated_at: ctx.clock.now() })
    await setExperimentTags(ctx.db, row.project, row.id, set)
    for (const [key, value] of Object.entries(change.tags ?? {}))
      if (value === null) await deleteExperimentTagRow(ctx.db, row.project, row.id, key)
    await recordAudit(ctx, {
      action: 'experiment.update',
      resource: { kind: 'experiment', id: String(row.id) },
      project: row.project,
      before: { name: row.name },
      after: { name, tags: Object.keys(change.tags ?? {}) },
    })
    emit(ctx, { topic: `projects/${row.project}/experiments`, kind: 'experiment.updated', id: String(row.id) })
  })
}

/** Deletes one tag; throws `not_found`. */
export async function deleteExperimentTag(ctx: Ctx, row: ExperimentRow, key: string): Promise<void> {
  requireActive(row)
  await inTransaction(ctx, async (ctx) => {
    if (!(await deleteExperimentTagRow(ctx.db, row.project, row.id, key)))
      throw new AppError('not_found', {
        message: `No tag with name: ${key.slice(0, 250)} in experiment with id ${row.id}`,
      })
    await recordAudit(ctx, {
      action: 'experiment.update',
      resource: { kind: 'experiment', id: String(row.id) },
      project: row.project,
      details: { removedTag: key },
    })
  })
}

/** Deletes an active experiment and its runs, or restores a deleted one and the runs that were deleted with it. */
export async function setExperimentState(ctx: Ctx, row: ExperimentRow, state: Lifecycle): Promise<void> {
  if (row.id === 0 && state === 'deleted')
    throw badValue('The experiment Default can not be deleted: clients log to it when they name none.')
  const now = ctx.clock.now()
  await inTransaction(ctx, async (ctx) => {
    await setStateOfRuns(ctx.db, {
      project: row.project,
      experimentId: row.id,
      state,
      at: state === 'deleted' ? now : null,
      deletedAt: row.updated_at,
    })
    await updateExperimentRow(ctx.db, row.project, row.id, { state, updated_at: now })
    await recordAudit(ctx, {
      action: state === 'deleted' ? 'experiment.delete' : 'experiment.restore',
      resource: { kind: 'experiment', id: String(row.id) },
      project: row.project,
      before: { state: row.state },
      after: { state },
    })
    emit(ctx, { topic: `projects/${row.project}/experiments`, kind: 'experiment.updated', id: String(row.id) })
  })
}

function requireActive(row: ExperimentRow): void {
  if (row.state === 'deleted')
    throw badValue(`The experiment ${row.id} must be in the 'active' state. Current state is deleted.`)
}
