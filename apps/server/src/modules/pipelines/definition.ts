import { z } from 'zod'
import { Json } from '@kiban/contract/primitives'
import type { ProjectFile, StepSpec } from '@kiban/contract/project-file'
import { Defaults, PipelineSpec } from '@kiban/contract/project-file/pipeline-schema'

/** All of a project file that one pipeline's runs depend on, frozen with each run. */
export const Definition = z.object({
  spec: PipelineSpec,
  defaults: Defaults,
  vars: z.record(z.string(), Json),
  project: z.object({ name: z.string(), title: z.string().nullable() }),
  /** Globs of the files that are data, and so no code. */
  sources: z.array(z.string()),
})
export type Definition = z.infer<typeof Definition>

/** What a URI was pinned to when the run was created. */
export const Pin = z.object({
  kind: z.enum(['dataset', 'model']),
  versionId: z.string(),
  number: z.number().int(),
  tree: z.string(),
  runId: z.string().optional(),
})
export type Pin = z.infer<typeof Pin>
export const Pins = z.record(z.string(), Pin)
export type Pins = z.infer<typeof Pins>

/** Takes out of the file what one pipeline needs. */
export function definitionOf(file: ProjectFile, spec: PipelineSpec): Definition {
  return {
    spec,
    defaults: file.defaults,
    vars: file.vars,
    project: { name: file.project.name, title: file.project.title ?? null },
    sources: Object.values(file.datasets).flatMap((dataset) =>
      typeof dataset.source === 'string' ? [dataset.source] : [],
    ),
  }
}

/** As stored: steps stay in the order of the file. */
export function definitionText(definition: Definition): string {
  return JSON.stringify(definition)
}

export function parseDefinition(text: string): Definition {
  return Definition.parse(JSON.parse(text))
}

export type StepKindName = 'run' | 'sql' | 'uses' | 'notebook' | 'approval' | 'wait'

export function kindOf(step: StepSpec): StepKindName {
  if (step.run !== undefined) return 'run'
  if (step.sql !== undefined) return 'sql'
  if (step.uses !== undefined) return 'uses'
  if (step.notebook !== undefined) return 'notebook'
  return step.approval !== undefined ? 'approval' : 'wait'
}

/** What a step runs, in one line of at most 200 characters. */
export function summaryOf(step: StepSpec): string {
  const text = Array.isArray(step.run)
    ? step.run.map(String).join(' ')
    : (step.run ?? step.sql ?? step.uses ?? step.notebook ?? kindOf(step))
  const line = text.trim().replaceAll(/\s+/g, ' ')
  return line.length > 200 ? `${line.slice(0, 199)}…` : line
}

/** A step with what `defaults` gives it filled in. */
export function withDefaults(step: StepSpec, defaults: Definition['defaults']): StepSpec {
  const {
    description: _description,
    owner: _owner,
    labels: _labels,
    renamedFrom: _renamedFrom,
    env,
    ...rest
  } = defaults
  return { ...rest, ...step, env: { ...env, ...step.env } }
}

/** The outputs of a step, each with its type. */
export function outputsOf(
  step: StepSpec,
): Record<string, { type: string; publish?: string | undefined; optional: boolean }> {
  return Object.fromEntries(
    Object.entries(step.outputs).map(([name, output]) => [
      name,
      typeof output === 'string'
        ? { type: output, optional: false }
        : { type: output.type, publish: output.publish, optional: output.optional },
    ]),
  )
}
