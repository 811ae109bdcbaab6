import { createHash } from 'node:crypto'
import type { Json } from '@kiban/contract/primitives'
import { emit, inTransaction, wake } from '@kiban/kit/context'
import type { Ctx } from '@kiban/kit/context'
import { AppError } from '@kiban/kit/errors'
import { newId } from '@kiban/kit/ids'
import { recordAudit } from '../audit/index.ts'
import { recordEdges } from '../lineage/index.ts'
import { getProject } from '../projects/index.ts'
import { checkParams } from './check-params.ts'
import { parseDefinition } from './definition.ts'
import type { Definition, Pins } from './definition.ts'
import { pinInputs } from './pin-inputs.ts'
import { findRunByTrigger, getPipeline, insertRun, lockPipeline, nextRunNumber } from './pipelines.store.ts'
import type { PipelineRow, PipelineRunRow } from './pipelines.store.ts'
import { runScope } from './run-scope.ts'
import { insertStepRuns } from './steps.store.ts'

/** What made a run start. `id` is the occurrence: one run a pipeline for one (kind, id), however often it is asked for. */
export type RunTrigger = { readonly kind: string; readonly id: string; readonly facts?: Readonly<Record<string, Json>> }

export type StartInput = {
  readonly project: string
  readonly pipeline: string
  readonly params?: Readonly<Record<string, Json>>
  readonly trigger: RunTrigger
  readonly noCache?: boolean
  readonly recompute?: readonly string[]
}

/**
 * Starts a run of a pipeline: file, code, parameters and the version of everything it reads are frozen now. A trigger that has started
 * its run already gives that run. Throws `pipeline_not_found`, `pipeline_params_invalid`, `pipeline_input_unresolved`, `bad_request`.
 */
export async function startPipelineRun(ctx: Ctx, input: StartInput): Promise<PipelineRunRow> {
  await getProject(ctx, input.project)
  const pipeline = await getPipeline(ctx.db, input.project, input.pipeline)
  const known = await findRunByTrigger(ctx.db, pipeline.id, input.trigger.kind, input.trigger.id)
  if (known) return auditRepeat(ctx, known)
  const definition = parseDefinition(pipeline.definition)
  checkSteps(definition, input.recompute ?? [])
  const params = checkParams(pipeline.name, definition.spec.params, input.params ?? {})
  const draft = {
    pipeline,
    definition: pipeline.definition,
    code: pipeline.code_manifest,
    revisionId: pipeline.revision_id,
    params,
    trigger: input.trigger,
    rerunOf: null,
    recompute: new Set(input.noCache ? Object.keys(definition.spec.steps) : (input.recompute ?? [])),
  }
  const scope = runScope(
    {
      id: '',
      number: 0,
      pipeline: pipeline.name,
      created_at: ctx.clock.now(),
      created_by: ctx.actor.id,
      params: JSON.stringify(params),
      trigger_kind: input.trigger.kind,
      trigger_id: input.trigger.id,
      trigger_facts: JSON.stringify(input.trigger.facts ?? {}),
    },
    definition,
  )
  const pins = await pinInputs(ctx, input.project, definition, scope)
  return insertPipelineRun(ctx, { ...draft, definitionValue: definition, pins })
}

export type RunDraft = {
  readonly pipeline: PipelineRow
  readonly definition: string
  readonly definitionValue: Definition
  readonly code: string
  readonly revisionId: string
  readonly params: Readonly<Record<string, Json>>
  readonly pins: Pins
  readonly trigger: RunTrigger
  readonly rerunOf: string | null
  /** Steps whose cache is not asked. */
  readonly recompute: ReadonlySet<string>
}

/** Writes a run and its steps in one transaction. Two callers with one trigger get the same run. */
export async function insertPipelineRun(ctx: Ctx, draft: RunDraft): Promise<PipelineRunRow> {
  const { pipeline, trigger } = draft
  return inTransaction(ctx, async (ctx) => {
    // One starter at a time, so that the second sees the first one's run and number.
    await lockPipeline(ctx.db, pipeline.id)
    const known = await findRunByTrigger(ctx.db, pipeline.id, trigger.kind, trigger.id)
    if (known) return auditRepeat(ctx, known)
    const now = ctx.clock.now()
    const row: PipelineRunRow = {
      id: newId('prun'),
      project: pipeline.project,
      pipeline_id: pipeline.id,
      pipeline: pipeline.name,
      number: await nextRunNumber(ctx.db, pipeline.id),
      state: 'queued',
      cause: null,
      message: null,
      definition: draft.definition,
      code_manifest: draft.code,
      revision_id: draft.revisionId,
      params: JSON.stringify(draft.params),
      pins: JSON.stringify(draft.pins),
      trigger_kind: trigger.kind,
      trigger_id: trigger.id,
      trigger_facts: JSON.stringify(trigger.facts ?? {}),
      outputs: '{}',
      rerun_of: draft.rerunOf,
      created_at: now,
      created_by: ctx.actor.id,
      on_behalf_of: ctx.actor.onBehalfOf ?? ctx.actor.id,
      started_at: null,
      ended_at: null,
      lease_token: null,
      lease_until: null,
    }
    await insertRun(ctx.db, row)
    const steps = Object.keys(draft.definitionValue.spec.steps).map((name, position) => ({
      ...emptyStep(row, name, position),
      recompute: draft.recompute.has(name) ? 1 : 0,
    }))
    await insertStepRuns(ctx.db, steps)
    await recordEdges(
      ctx,
      [
        {
          from: {
            kind: ctx.actor.kind === 'person' ? 'person' : 'pipeline_run',
            id: ctx.actor.kind === 'person' ? ctx.actor.id : (draft.rerunOf ?? row.id),
          },
          relation: 'triggered',
          to: { kind: 'pipeline_run', id: row.id },
        } as const,
        {
          from: { kind: 'pipeline_run', id: row.id },
          relation: 'used',
          to: { kind: 'code', id: row.code_manifest },
        } as const,
        ...steps.map(
          (step) =>
            ({
              from: { kind: 'pipeline_run', id: row.id },
              relation: 'generated',
              to: { kind: 'step_run', id: step.id },
            }) as const,
        ),
      ].filter((edge) => edge.from.id !== edge.to.id),
    )
    await recordAudit(ctx, {
      action: 'pipeline_run.start',
      resource: { kind: 'pipeline_run', id: row.id },
      project: row.project,
      after: { pipeline: row.pipeline, number: row.number, trigger: trigger.kind, code: row.code_manifest },
    })
    emit(ctx, { topic: `projects/${row.project}/pipeline-runs`, kind: 'pipeline_run.queued', id: row.id })
    wake(ctx, 'pipelines')
    return row
  })
}

/** A repeated call changes nothing, but a request leaves its event all the same. */
async function auditRepeat(ctx: Ctx, run: PipelineRunRow): Promise<PipelineRunRow> {
  if (ctx.request)
    await inTransaction(ctx, (ctx) =>
      recordAudit(ctx, {
        action: 'pipeline_run.start',
        resource: { kind: 'pipeline_run', id: run.id },
        project: run.project,
        details: { unchanged: true },
      }),
    )
  return run
}

function emptyStep(run: PipelineRunRow, name: string, position: number) {
  return {
    id: newId('step'),
    run_id: run.id,
    project: run.project,
    name,
    item: '',
    position,
    state: 'waiting' as const,
    attempt: 1,
    inputs: '{}',
    outputs: '{}',
    metrics: '{}',
  }
}

/** Throws `pipeline_step_not_found` when a name is no step of the pipeline. */
export function checkSteps(definition: Definition, names: readonly string[]): void {
  const steps = Object.keys(definition.spec.steps)
  const unknown = names.find((name) => !steps.includes(name))
  if (unknown !== undefined)
    throw new AppError('pipeline_step_not_found', {
      message: `There is no step ${unknown}. The pipeline has ${steps.join(', ')}.`,
    })
}

/** The occurrence of a call by a client: its idempotency key, else one of its own. */
export function callTrigger(ctx: Ctx, idempotencyKey: string | undefined): RunTrigger {
  const id =
    idempotencyKey === undefined
      ? newId('call')
      : createHash('sha256').update(`${ctx.actor.id}\n${idempotencyKey}`).digest('hex')
  return { kind: 'api', id, facts: { time: new Date(ctx.clock.now()).toISOString() } }
}
