import { z } from 'zod'
import { Json } from '@kiban/contract/primitives'
import { StepOutput } from '@kiban/contract/pipelines'
import { pathMark } from '@kiban/contract/project-file'
import type { Scope } from '@kiban/contract/project-file'
import type { Definition } from './definition.ts'
import type { PipelineRunRow } from './pipelines.store.ts'
import type { StepRunRow } from './steps.store.ts'

/** How an artifact travels through expressions: an object under this key, never a text. */
const ARTIFACT = '$artifact'

export const Artifact = z.object({
  type: z.string(),
  tree: z.string(),
  /** The step run or version that it is from. */
  stepRunId: z.string().optional(),
  runId: z.string().optional(),
  uri: z.string().optional(),
  versionId: z.string().optional(),
})
export type Artifact = z.infer<typeof Artifact>

export const Outputs = z.record(z.string(), StepOutput)
export const Metrics = z.record(z.string(), z.number())
const Values = z.record(z.string(), Json)

/** The artifact in a value, if it is one. */
export function artifactIn(value: Json): Artifact | undefined {
  if (typeof value !== 'object' || value === null || Array.isArray(value) || !Object.hasOwn(value, ARTIFACT))
    return undefined
  return Artifact.parse(value[ARTIFACT])
}

/** What is known as soon as a run exists. */
export function runScope(
  run: Pick<
    PipelineRunRow,
    | 'id'
    | 'number'
    | 'pipeline'
    | 'created_at'
    | 'created_by'
    | 'params'
    | 'trigger_kind'
    | 'trigger_id'
    | 'trigger_facts'
  >,
  definition: Definition,
): Scope {
  return {
    vars: definition.vars,
    project: definition.project,
    stage: { name: 'production' },
    params: Values.parse(JSON.parse(run.params)),
    run: {
      id: run.id,
      number: run.number,
      pipeline: run.pipeline,
      createdAt: new Date(run.created_at).toISOString(),
      createdBy: run.created_by,
    },
    trigger: { kind: run.trigger_kind, id: run.trigger_id, ...Values.parse(JSON.parse(run.trigger_facts)) },
  }
}

/** `runScope` and what the ended steps gave. Outputs of a step that gave none are null. */
export function stepsScope(base: Scope, definition: Definition, steps: readonly StepRunRow[]): Scope {
  const ended = steps.filter((step) =>
    ['succeeded', 'skipped', 'failed', 'upstream_failed', 'cancelled'].includes(step.state),
  )
  return { ...base, steps: Object.fromEntries(ended.map((step) => [step.name, stepFacts(definition, step)])) }
}

function stepFacts(definition: Definition, step: StepRunRow): Json {
  const given = Outputs.parse(JSON.parse(step.outputs))
  const declared = Object.keys(definition.spec.steps[step.name]?.outputs ?? {})
  const outputs: Record<string, Json> = Object.fromEntries(declared.map((name) => [name, null]))
  for (const [name, output] of Object.entries(given)) {
    if (output.tree === undefined) outputs[name] = output.value ?? null
    else
      outputs[name] = {
        [ARTIFACT]: {
          type: output.type,
          tree: output.tree,
          stepRunId: step.id,
          ...(step.mlflow_run_id === null ? {} : { runId: step.mlflow_run_id }),
          ...(output.published ? { uri: output.published.uri, versionId: output.published.versionId } : {}),
        },
      }
  }
  return { status: step.state, outputs, metrics: Metrics.parse(JSON.parse(step.metrics)) }
}

/** What `run` and `env` see besides: inputs (artifacts as the mark of their path) and the paths of outputs. */
export function ownScope(
  base: Scope,
  inputs: Readonly<Record<string, { tree: string } | { value: Json }>>,
  outputs: readonly string[],
): Scope {
  return {
    ...base,
    inputs: Object.fromEntries(
      Object.entries(inputs).map(([name, input]) => [name, 'tree' in input ? pathMark('input', name) : input.value]),
    ),
    outputs: Object.fromEntries(outputs.map((name) => [name, pathMark('output', name)])),
  }
}
