import { z } from 'zod'
import { CacheReport } from '@kiban/contract/pipelines'
import type { Pipeline, PipelineRun, PipelineRunDetail, StepRun } from '@kiban/contract/pipelines'
import { Json } from '@kiban/contract/primitives'
import type { Ctx } from '@kiban/kit/context'
import { paramRule } from './check-params.ts'
import { Pins, kindOf, parseDefinition, summaryOf } from './definition.ts'
import type { Definition } from './definition.ts'
import { listNewestRuns, listPipelineRows } from './pipelines.store.ts'
import type { PipelineRow, PipelineRunRow } from './pipelines.store.ts'
import { Metrics, Outputs } from './run-scope.ts'
import { needsOf } from './step-graph.ts'
import { countSteps, listAttempts, listStepRuns } from './steps.store.ts'
import type { StepAttemptRow, StepRunRow } from './steps.store.ts'

const Values = z.record(z.string(), Json)

export async function presentPipelines(ctx: Ctx, project: string): Promise<Pipeline[]> {
  const rows = await listPipelineRows(ctx.db, project)
  const newest = await presentRuns(ctx, await listNewestRuns(ctx.db, project))
  return rows
    .filter((row) => row.archived_at === null)
    .map((row) =>
      presentPipeline(
        row,
        newest.find((run) => run.pipeline === row.name),
      ),
    )
}

export function presentPipeline(row: PipelineRow, lastRun: PipelineRun | undefined): Pipeline {
  const definition = parseDefinition(row.definition)
  return {
    id: row.id,
    name: row.name,
    project: row.project,
    description: definition.spec.description ?? null,
    params: Object.entries(definition.spec.params).map(([name, spec]) => {
      const { enum: choices, ...rule } = paramRule(spec)
      return { name, ...rule, ...(choices ? { enum: [...choices] } : {}) }
    }),
    steps: Object.entries(definition.spec.steps).map(([name, step]) => ({
      name,
      kind: kindOf(step),
      summary: summaryOf(step),
      needs: needsOf(definition.spec, name),
    })),
    lastRun: lastRun ?? null,
    archivedAt: row.archived_at,
    createdAt: row.created_at,
    createdBy: row.created_by,
  }
}

export async function presentRuns(ctx: Ctx, rows: readonly PipelineRunRow[]): Promise<PipelineRun[]> {
  const counts = await countSteps(
    ctx.db,
    rows.map((row) => row.id),
  )
  return rows.map((row) => presentRun(row, counts.get(row.id) ?? {}))
}

export async function presentOneRun(ctx: Ctx, row: PipelineRunRow): Promise<PipelineRun> {
  const counts = await countSteps(ctx.db, [row.id])
  return presentRun(row, counts.get(row.id) ?? {})
}

export async function presentRunDetail(ctx: Ctx, row: PipelineRunRow): Promise<PipelineRunDetail> {
  const definition = parseDefinition(row.definition)
  const steps = await listStepRuns(ctx.db, row.id)
  const attempts = Map.groupBy(
    await listAttempts(
      ctx.db,
      steps.map((step) => step.id),
    ),
    (attempt) => attempt.step_run_id,
  )
  return {
    ...(await presentOneRun(ctx, row)),
    steps: steps.map((step) => presentStep(definition, step, attempts.get(step.id) ?? [])),
  }
}

function presentRun(row: PipelineRunRow, stepCounts: Record<string, number>): PipelineRun {
  const pins = Pins.parse(JSON.parse(row.pins))
  return {
    id: row.id,
    name: `${row.pipeline} #${row.number}`,
    project: row.project,
    pipeline: row.pipeline,
    number: row.number,
    state: row.state,
    cause: row.cause,
    message: row.message,
    params: Values.parse(JSON.parse(row.params)),
    trigger: { kind: row.trigger_kind, id: row.trigger_id, facts: Values.parse(JSON.parse(row.trigger_facts)) },
    code: row.code_manifest,
    pins: Object.fromEntries(
      Object.entries(pins).map(([uri, pin]) => [uri, { kind: pin.kind, versionId: pin.versionId, number: pin.number }]),
    ),
    outputs: Values.parse(JSON.parse(row.outputs)),
    stepCounts,
    rerunOf: row.rerun_of,
    createdAt: row.created_at,
    createdBy: row.created_by,
    startedAt: row.started_at,
    endedAt: row.ended_at,
  }
}

function presentStep(definition: Definition, row: StepRunRow, attempts: readonly StepAttemptRow[]): StepRun {
  const step = definition.spec.steps[row.name]
  return {
    id: row.id,
    name: row.name,
    item: row.item,
    kind: step ? kindOf(step) : 'run',
    summary: step ? summaryOf(step) : '',
    needs: needsOf(definition.spec, row.name),
    state: row.state,
    reason: row.reason,
    cause: row.cause,
    message: row.message,
    cache: row.cache_report === null ? null : CacheReport.parse(JSON.parse(row.cache_report)),
    jobId: row.job_id,
    runId: row.mlflow_run_id,
    sweepId: row.sweep_id,
    attempts: attempts.map((attempt) => ({
      number: attempt.number,
      jobId: attempt.job_id,
      state: attempt.state,
      cause: attempt.cause,
      message: attempt.message,
      startedAt: attempt.started_at,
      endedAt: attempt.ended_at,
    })),
    inputs: Values.parse(JSON.parse(row.inputs)),
    outputs: Outputs.parse(JSON.parse(row.outputs)),
    metrics: Metrics.parse(JSON.parse(row.metrics)),
    startedAt: row.started_at,
    endedAt: row.ended_at,
  }
}
