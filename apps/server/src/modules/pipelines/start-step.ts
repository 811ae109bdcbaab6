import { fileURLToPath } from 'node:url'
import { Json } from '@kiban/contract/primitives'
import { renderCommand } from '@kiban/contract/project-file'
import type { StepSpec } from '@kiban/contract/project-file'
import type { Ctx } from '@kiban/kit/context'
import { canonicalJson } from '@kiban/kit/canonical-json'
import { submitJob } from '../jobs/index.ts'
import type { JobSpec } from '../jobs/index.ts'
import { recordEdges } from '../lineage/index.ts'
import { createRun } from '../tracking/index.ts'
import { startSweep } from '../tuning/index.ts'
import { cacheKey, keyParts } from './cache-key.ts'
import type { Definition } from './definition.ts'
import { succeedStep } from './finish-step.ts'
import { changeStep, whileHeld } from './held-run.ts'
import { lookUpCache } from './look-up-cache.ts'
import { stepEdges } from './step-edges.ts'
import type { PipelineRunRow } from './pipelines.store.ts'
import type { PreparedStep, StepInput } from './prepare-step.ts'
import { StepFault } from './prepare-step.ts'
import { Metrics, Outputs } from './run-scope.ts'
import { jobText, stepJob } from './step-job.ts'
import type { StepJob } from './step-job.ts'
import { findSameKeyInFlight, insertAttempt, updateStepRun } from './steps.store.ts'
import type { StepRunRow } from './steps.store.ts'

type Given = {
  readonly run: PipelineRunRow
  readonly definition: Definition
  readonly row: StepRunRow
  readonly step: StepSpec
  readonly prepared: PreparedStep
}

const SQL_STEP = fileURLToPath(new URL('./sql-step.ts', import.meta.url))

/** Takes a prepared `run` or `sql` step from the cache, or starts its job or sweep. Waits while the same key is computed elsewhere. */
export async function startStep(ctx: Ctx, given: Given): Promise<void> {
  const { run, row, step, prepared } = given
  const parts = keyParts({
    step,
    body: prepared.body,
    variables: prepared.variables,
    env: prepared.env,
    secretEnv: prepared.secretEnv,
    sweep: step.sweep
      ? { budget: { trials: prepared.budget.trials, time: prepared.budget.time }, env: prepared.trialEnv }
      : null,
    code: prepared.code?.files ?? [],
    environment: prepared.environment
      ? { name: prepared.environment.name, lockHash: prepared.environment.lockHash, env: prepared.environment.env }
      : null,
    inputs: prepared.inputs,
  })
  const key = cacheKey(parts)
  const { report, entry } = await lookUpCache(ctx, { run, row, step, key, parts })
  const keyed = {
    cache_key: key,
    cache_parts: canonicalJson(parts.map((part) => ({ ...part }))),
    cache_report: JSON.stringify(report),
    inputs: JSON.stringify(shownInputs(prepared.inputs)),
  }
  if (entry) {
    const outputs = Object.fromEntries(
      Object.entries(Outputs.parse(JSON.parse(entry.outputs))).map(([name, output]) => [
        name,
        output.tree === undefined
          ? { value: output.value ?? null }
          : { tree: output.tree, sizeBytes: output.sizeBytes },
      ]),
    )
    const now = ctx.clock.now()
    await succeedStep(ctx, given, {
      outputs,
      metrics: Metrics.parse(JSON.parse(entry.metrics)),
      store: false,
      change: {
        ...keyed,
        mlflow_run_id: entry.mlflow_run_id,
        sweep_id: entry.sweep_id,
        started_at: now,
        environment_id: prepared.environment?.id ?? null,
        code_manifest: prepared.code?.hash ?? null,
      },
    })
    await whileHeld(ctx, run, (ctx) =>
      recordEdges(ctx, [
        { from: { kind: 'step_run', id: row.id }, relation: 'used', to: { kind: 'step_run', id: entry.step_run_id } },
      ]),
    )
    return
  }
  const other = step.cache === false ? undefined : await findSameKeyInFlight(ctx.db, row, key)
  if (other) {
    const reason = `The same computation is running in the step ${other.name} of another run; its result will be taken.`
    if (row.reason !== reason) await changeStep(ctx, run, row, { state: 'preparing', reason })
    return
  }
  await begin(ctx, given, keyed)
}

async function begin(
  ctx: Ctx,
  { run, row, step, prepared }: Given,
  keyed: Record<'cache_key' | 'cache_parts' | 'cache_report' | 'inputs', string>,
): Promise<void> {
  const params = Json.parse(JSON.parse(run.params))
  const job = stepJob({
    project: run.project,
    step,
    prepared,
    params,
    onBehalfOf: run.on_behalf_of,
    seed: `${run.id}/${row.name}/${row.item}`,
  })
  const name = `${run.pipeline}/${row.name}${row.attempt > 1 ? ` (${row.attempt})` : ''}`
  const now = ctx.clock.now()
  await whileHeld(ctx, run, async (ctx) => {
    const runId =
      step.run === undefined
        ? null
        : (
            await createRun(ctx, {
              project: run.project,
              experiment: run.pipeline,
              name: `${row.name} #${run.number}`,
              tags: tagsOf(run, row),
              params: step.sweep ? {} : paramsOf(prepared.inputs),
            })
          ).runId
    const started = step.sweep
      ? { sweep_id: await beginSweep(ctx, { run, row, step, prepared, job, runId }), job_id: null }
      : {
          sweep_id: null,
          job_id: await submitJob(ctx, {
            ...job,
            ...commandOf(step, prepared, job),
            name,
            owner: { kind: 'step_run', id: row.id },
            runId,
          }),
        }
    await updateStepRun(ctx.db, row.id, {
      ...keyed,
      ...started,
      state: 'running',
      reason: null,
      mlflow_run_id: runId,
      environment_id: prepared.environment?.id ?? null,
      code_manifest: prepared.code?.hash ?? null,
      started_at: row.started_at ?? now,
    })
    await insertAttempt(ctx.db, {
      step_run_id: row.id,
      number: row.attempt,
      job_id: started.job_id,
      state: 'running',
      cause: null,
      message: null,
      started_at: now,
      ended_at: null,
    })
    await recordEdges(ctx, stepEdges(row, prepared, { jobId: started.job_id, runId }))
  })
}

function commandOf(step: StepSpec, prepared: PreparedStep, job: StepJob): Partial<JobSpec> {
  if (step.sql !== undefined) {
    const inputs = Object.fromEntries(
      Object.entries(prepared.inputs).map(([name, input]) => [
        name,
        'tree' in input ? { type: input.type } : { value: input.value },
      ]),
    )
    // Values travel inside `params`, where no input's name can collide with ours.
    const trees = Object.fromEntries(Object.entries(job.inputs).filter(([, input]) => 'tree' in input))
    return {
      platform: true,
      argv: ['kiban-node', SQL_STEP],
      inputs: trees,
      params: { sql: String(prepared.body), inputs, outputs: Object.keys(step.outputs) },
    }
  }
  if (step.run === undefined) throw new StepFault('This step has nothing to run.')
  const command = renderCommand(step.run, prepared.scope)
  const env = Object.fromEntries(
    Object.entries({ ...prepared.env, ...command.variables }).map(([name, text]) => [name, jobText(text)]),
  )
  return command.argv ? { argv: command.argv.map(jobText), env } : { script: command.script, env }
}

async function beginSweep(
  ctx: Ctx,
  given: {
    run: PipelineRunRow
    row: StepRunRow
    step: StepSpec
    prepared: PreparedStep
    job: StepJob
    runId: string | null
  },
): Promise<string> {
  const { run, row, step, prepared } = given
  if (!step.sweep || step.run === undefined) throw new StepFault('A sweep needs `run`.')
  return startSweep(ctx, {
    project: run.project,
    pipelineRunId: run.id,
    stepRunId: row.id,
    attempt: row.attempt,
    name: `${run.pipeline}/${row.name}`,
    experiment: run.pipeline,
    parentRunId: given.runId,
    // The seed belongs to the step, not to the run: the same inputs search the same points.
    seedText: `${run.project}/${run.pipeline}/${row.name}`,
    space: step.sweep.space,
    objective: step.sweep.objective,
    sampler: step.sweep.sampler,
    budget: prepared.budget,
    parallel: prepared.budget.parallel,
    environmentPython: prepared.environment?.python ?? null,
    onBehalfOf: run.on_behalf_of,
    template: { job: given.job, run: step.run, env: prepared.trialEnv, scope: prepared.scope },
  })
}

function tagsOf(run: PipelineRunRow, row: StepRunRow): Record<string, string> {
  return {
    'kiban.pipeline': run.pipeline,
    'kiban.pipeline_run': run.id,
    'kiban.step': row.name,
    'kiban.step_run': row.id,
    'mlflow.source.name': `${run.pipeline}/${row.name}`,
    'mlflow.source.type': 'JOB',
  }
}

/** Small values that the step was given, as parameters of its MLflow run. */
function paramsOf(inputs: Readonly<Record<string, StepInput>>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(inputs).flatMap(([name, input]) =>
      'value' in input && input.value !== null
        ? [[name, typeof input.value === 'string' ? input.value : JSON.stringify(input.value)]]
        : [],
    ),
  )
}

function shownInputs(inputs: Readonly<Record<string, StepInput>>): Json {
  return Json.parse(JSON.parse(JSON.stringify(inputs)))
}
