import { emit, inTransaction } from '@kiban/kit/context'
import type { Ctx } from '@kiban/kit/context'
import { newHexId } from '@kiban/kit/ids'
import { recordAudit } from '../audit/index.ts'
import { ensureExperiment } from './create-experiment.ts'
import type { ExperimentRow } from './experiments.store.ts'
import { checkKey, checkLength, LIMITS, truncate, withoutNul } from './limits.ts'
import { randomRunName } from './run-name.ts'
import { insertParams, insertRun, setTags } from './runs.store.ts'
import type { KeyValue, RunRow } from './runs.store.ts'
import { badValue } from './tracking-error.ts'

export const RUN_NAME_TAG = 'mlflow.runName'
export const PARENT_TAG = 'mlflow.parentRunId'
export const NOTE_TAG = 'mlflow.note.content'

/** Starts a run in an experiment. Throws `tracking_invalid` when the experiment is deleted. */
export async function startRun(
  ctx: Ctx,
  input: {
    experiment: ExperimentRow
    name?: string | undefined
    userId?: string
    startTime?: number
    tags: readonly KeyValue[]
    params?: readonly KeyValue[]
  },
): Promise<RunRow> {
  const { experiment } = input
  if (experiment.state === 'deleted')
    throw badValue(`The experiment ${experiment.id} must be in the 'active' state. Current state is deleted.`)
  const tags = new Map(
    input.tags.map((tag, i) => [
      checkKey('tag', tag.key, `tags[${i}].key`),
      truncate(withoutNul(tag.value), LIMITS.runTagValue),
    ]),
  )
  const tagged = tags.get(RUN_NAME_TAG)
  if (input.name && tagged && input.name !== tagged)
    throw badValue(
      `Both 'run_name' argument and 'mlflow.runName' tag are specified, but with different values (run_name='${input.name.slice(0, 100)}', mlflow.runName='${tagged.slice(0, 100)}').`,
      { field: 'run_name' },
    )
  const name = checkLength(
    "'Run name'",
    withoutNul(input.name || tagged || randomRunName()),
    LIMITS.runName,
    'run_name',
  )
  tags.set(RUN_NAME_TAG, name)
  const row: Omit<RunRow, 'seq'> = {
    id: newHexId(),
    project: experiment.project,
    experiment_id: experiment.id,
    name,
    status: 'running',
    state: 'active',
    deleted_at: null,
    user_id: input.userId ?? ctx.actor.name,
    start_time: input.startTime ?? 0,
    end_time: null,
    parent_run_id: tags.get(PARENT_TAG) ?? null,
    created_by: ctx.actor.onBehalfOf ?? ctx.actor.id,
    created_at: ctx.clock.now(),
  }
  return inTransaction(ctx, async (ctx) => {
    const seq = await insertRun(ctx.db, row)
    await setTags(
      ctx.db,
      seq,
      [...tags].map(([key, value]) => ({ key, value })),
    )
    await insertParams(ctx.db, seq, input.params ?? [])
    await recordAudit(ctx, {
      action: 'run.create',
      resource: { kind: 'run', id: row.id },
      project: row.project,
      after: { experiment: String(experiment.id), name },
    })
    emit(ctx, { topic: `projects/${row.project}/runs`, kind: 'run.created', id: row.id })
    return { ...row, seq }
  })
}

/** For other modules: starts a run in the experiment of that name, which is made when there is none. */
export async function createRun(
  ctx: Ctx,
  input: {
    project: string
    experiment: string
    name: string
    tags: Readonly<Record<string, string>>
    params: Readonly<Record<string, string>>
    parentRunId?: string
  },
): Promise<{ runId: string; experimentId: string }> {
  return inTransaction(ctx, async (ctx) => {
    const experiment = await ensureExperiment(ctx, input.project, input.experiment)
    const tags = { ...input.tags, ...(input.parentRunId ? { [PARENT_TAG]: input.parentRunId } : {}) }
    const params = Object.entries(input.params).map(([key, value]) => ({
      key: checkKey('param', key, 'params.key'),
      value: truncate(withoutNul(value), LIMITS.paramValue),
    }))
    const row = await startRun(ctx, {
      experiment,
      name: input.name,
      startTime: ctx.clock.now(),
      tags: Object.entries(tags).map(([key, value]) => ({ key, value })),
      params,
    })
    return { runId: row.id, experimentId: String(row.experiment_id) }
  })
}
