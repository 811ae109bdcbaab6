import { emit, inTransaction } from '@kiban/kit/context'
import type { Ctx } from '@kiban/kit/context'
import { AppError } from '@kiban/kit/errors'
import { recordAudit } from '../audit/index.ts'
import { PARENT_TAG, RUN_NAME_TAG } from './create-run.ts'
import type { Lifecycle } from './experiments.store.ts'
import { checkKey, checkLength, LIMITS, truncate, withoutNul } from './limits.ts'
import { deleteTagRow, findRunById, setTags, updateRunRow } from './runs.store.ts'
import type { KeyValue, RunRow, RunStatus } from './runs.store.ts'

const ENDED: ReadonlySet<RunStatus> = new Set(['finished', 'failed', 'killed'])

/** Changes status, end and name of an active run; one audit event when it ends. */
export async function updateRun(
  ctx: Ctx,
  run: RunRow,
  change: { status?: RunStatus | undefined; endTime?: number | undefined; name?: string | undefined },
): Promise<RunRow> {
  const status = change.status ?? run.status
  const end_time = change.endTime ?? (ENDED.has(status) ? run.end_time : null)
  const name = change.name ? checkLength("'Run name'", withoutNul(change.name), LIMITS.runName, 'run_name') : run.name
  return inTransaction(ctx, async (ctx) => {
    await updateRunRow(ctx.db, run.seq, { status, end_time, name })
    if (name !== run.name) await setTags(ctx.db, run.seq, [{ key: RUN_NAME_TAG, value: name }])
    await recordAudit(ctx, {
      action: ENDED.has(status) ? 'run.end' : 'run.update',
      resource: { kind: 'run', id: run.id },
      project: run.project,
      before: { status: run.status, name: run.name },
      after: { status, name },
    })
    emit(ctx, { topic: `projects/${run.project}/runs`, kind: 'run.updated', id: run.id })
    return { ...run, status, end_time, name }
  })
}

/** For other modules: ends a run that they started; a run that ended already stays as it is. */
export async function endRun(ctx: Ctx, runId: string, status: 'FINISHED' | 'FAILED' | 'KILLED'): Promise<void> {
  await inTransaction(ctx, async (ctx) => {
    const run = await findRunById(ctx.db, runId)
    if (!run) throw new AppError('run_not_found', { message: `Run with id=${runId} not found` })
    if (ENDED.has(run.status)) return
    // The status words of MLflow are ours in capitals.
    await updateRun(ctx, run, { status: status.toLowerCase() as RunStatus, endTime: ctx.clock.now() })
  })
}

/** Sets tags of an active run; `mlflow.runName` renames it. `each` writes an audit event, otherwise the run's end covers it. */
export async function setRunTags(
  ctx: Ctx,
  run: RunRow,
  tags: readonly KeyValue[],
  options: { field?: string; removed?: readonly string[]; each?: boolean } = {},
): Promise<void> {
  const checked = tags.map((tag) => ({
    key: checkKey('tag', tag.key, options.field ?? 'key'),
    value: truncate(withoutNul(tag.value), LIMITS.runTagValue),
  }))
  await inTransaction(ctx, async (ctx) => {
    await writeTags(ctx, run, checked)
    for (const key of options.removed ?? []) await deleteTagRow(ctx.db, run.seq, key)
    if (options.each)
      await recordAudit(ctx, {
        action: 'run.update',
        resource: { kind: 'run', id: run.id },
        project: run.project,
        details: { tags: [...tags.map((tag) => tag.key), ...(options.removed ?? [])] },
      })
    emit(ctx, { topic: `projects/${run.project}/runs`, kind: 'run.updated', id: run.id })
  })
}

/** Writes checked tags and what hangs on two of them: the run's name and its parent. In a transaction. */
export async function writeTags(ctx: Ctx, run: RunRow, tags: readonly KeyValue[]): Promise<void> {
  const byKey = new Map(tags.map((tag) => [tag.key, tag.value]))
  await setTags(
    ctx.db,
    run.seq,
    [...byKey].map(([key, value]) => ({ key, value })),
  )
  const name = byKey.get(RUN_NAME_TAG)
  const parent = byKey.get(PARENT_TAG)
  if (name || parent)
    await updateRunRow(ctx.db, run.seq, { ...(name ? { name } : {}), ...(parent ? { parent_run_id: parent } : {}) })
}

/** Deletes one tag; throws `not_found`. */
export async function deleteRunTag(ctx: Ctx, run: RunRow, key: string): Promise<void> {
  await inTransaction(ctx, async (ctx) => {
    if (!(await deleteTagRow(ctx.db, run.seq, key)))
      throw new AppError('not_found', { message: `No tag with name: ${key.slice(0, 250)} in run with id ${run.id}` })
    if (key === PARENT_TAG) await updateRunRow(ctx.db, run.seq, { parent_run_id: null })
    emit(ctx, { topic: `projects/${run.project}/runs`, kind: 'run.updated', id: run.id })
  })
}

/** Deletes a run or brings it back. */
export async function setRunState(ctx: Ctx, run: RunRow, state: Lifecycle): Promise<void> {
  await inTransaction(ctx, async (ctx) => {
    await updateRunRow(ctx.db, run.seq, { state, deleted_at: state === 'deleted' ? ctx.clock.now() : null })
    await recordAudit(ctx, {
      action: state === 'deleted' ? 'run.delete' : 'run.restore',
      resource: { kind: 'run', id: run.id },
      project: run.project,
      before: { state: run.state },
      after: { state },
    })
    emit(ctx, { topic: `projects/${run.project}/runs`, kind: 'run.updated', id: run.id })
  })
}
