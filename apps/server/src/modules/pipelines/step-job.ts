import { OutputType } from '@kiban/contract/jobs'
import type { Json } from '@kiban/contract/primitives'
import { durationMs, parseDuration, parseSize, renderValue } from '@kiban/contract/project-file'
import type { RetryRule, Scope, StepSpec } from '@kiban/contract/project-file'
import type { JobSpec, JobText } from '../jobs/index.ts'
import type { PathText } from '@kiban/contract/project-file'
import { outputsOf } from './definition.ts'
import { StepFault } from './prepare-step.ts'
import type { PreparedStep } from './prepare-step.ts'

/** What every job of a step has in common, a sweep's trials included: all but the command, its owner and its MLflow run. */
export type StepJob = Omit<JobSpec, 'name' | 'owner' | 'runId' | 'argv' | 'script'>

export function stepJob(input: {
  readonly project: string
  readonly step: StepSpec
  readonly prepared: PreparedStep
  readonly params: Json
  readonly onBehalfOf: string
  readonly seed: string
}): StepJob {
  const { step, prepared } = input
  const timeoutMs = timeoutOf(step, prepared.scope)
  const resources = resourcesOf(step, prepared.scope)
  return {
    project: input.project,
    code: prepared.code?.hash ?? null,
    environmentId: prepared.environment?.id ?? null,
    inputs: Object.fromEntries(
      Object.entries(prepared.inputs).map(([name, value]) => [
        name,
        'tree' in value ? { tree: value.tree, type: outputType(value.type) } : { value: value.value },
      ]),
    ),
    outputs: Object.fromEntries(
      Object.entries(outputsOf(step)).map(([name, output]) => [
        name,
        { type: outputType(output.type), optional: output.optional },
      ]),
    ),
    params: input.params,
    env: Object.fromEntries(Object.entries(prepared.env).map(([name, text]) => [name, jobText(text)])),
    secretEnv: { ...prepared.secretEnv },
    onBehalfOf: input.onBehalfOf,
    seed: input.seed,
    ...(step.dir === undefined ? {} : { dir: step.dir }),
    ...(timeoutMs === undefined ? {} : { timeoutMs }),
    ...(resources === undefined ? {} : { resources }),
    ...(step.retry === undefined ? {} : { retry: step.retry.map(retryRule) }),
    ...(step.priority === undefined ? {} : { priority: step.priority }),
  }
}

export function jobText(text: PathText): JobText {
  return typeof text === 'string' ? text : [...text]
}

/** An output's declared type in a job's words; a date, time or list travels as JSON or text. */
function outputType(type: string): OutputType {
  const known = OutputType.safeParse(type)
  if (known.success) return known.data
  return ['date', 'datetime', 'duration'].includes(type) ? 'string' : 'json'
}

function timeoutOf(step: StepSpec, scope: Scope): number | undefined {
  if (step.timeout === undefined) return undefined
  const text = renderValue(step.timeout, scope)
  if (typeof text !== 'string' || !parseDuration(text))
    throw new StepFault(`\`timeout\` is ${JSON.stringify(text)}; give a duration such as 10m.`)
  return Math.max(1, durationMs(text))
}

function resourcesOf(step: StepSpec, scope: Scope): { cpu?: number; memoryBytes?: number } | undefined {
  const { cpu, memory } = step.resources ?? {}
  if (cpu === undefined && memory === undefined) return undefined
  const cpus = cpu === undefined ? undefined : renderValue(cpu, scope)
  const size = memory === undefined ? undefined : renderValue(memory, scope)
  if (cpus !== undefined && (typeof cpus !== 'number' || cpus <= 0))
    throw new StepFault(`\`resources.cpu\` is ${JSON.stringify(cpus)}; give a number above 0.`)
  const memoryBytes = typeof size === 'number' || typeof size === 'string' ? parseSize(size) : undefined
  if (size !== undefined && !memoryBytes)
    throw new StepFault(`\`resources.memory\` is ${JSON.stringify(size)}; give a size such as 2Gi.`)
  return { ...(cpus === undefined ? {} : { cpu: cpus }), ...(memoryBytes === undefined ? {} : { memoryBytes }) }
}

function retryRule(rule: RetryRule) {
  return {
    on: Array.isArray(rule.on) ? rule.on : [rule.on],
    times: rule.times,
    delayMs: durationMs(rule.delay),
    maxDelayMs: durationMs(rule.maxDelay),
    ...(rule.memory === undefined ? {} : { memoryFactor: Number(rule.memory.slice(1)) }),
    ...(rule.maxMemory === undefined ? {} : { maxMemoryBytes: parseSize(rule.maxMemory) ?? 1 }),
  }
}
