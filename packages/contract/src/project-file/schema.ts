import { z } from 'zod'
import { Json } from '../primitives.ts'
import { DatasetSpec, EnvironmentSpec, FeaturesSpec, PoliciesSpec, SourceSpec, WorkspaceSpec } from './data-schema.ts'
import { ComponentSpec, Defaults, PipelineSpec } from './pipeline-schema.ts'
import { NAME_PATTERN, ProjectPath } from './scalars.ts'
import { AlertsSpec, EndpointSpec, LoopSpec, ModelSpec, MonitorSpec } from './serving-schema.ts'
import { keys, named } from './shape.ts'

const ProjectName = z.string().regex(NAME_PATTERN, 'bad_name')

const ProjectSpec = keys('the project', {
  name: ProjectName,
  title: z.string().optional(),
  useCase: ProjectPath.optional(),
})

/**
 * The whole of `kiban.yaml` (design: project-file.md §2). One schema gives the parser, the JSON Schema that editors complete with, and
 * the types that the server's modules work on. Maps are empty when absent; `project` is always an object.
 */
export const ProjectFile = keys('the project file', {
  kiban: z.literal(1).default(1),
  project: z
    .union([ProjectName, ProjectSpec])
    .transform((project): z.infer<typeof ProjectSpec> => (typeof project === 'string' ? { name: project } : project)),
  include: z.array(z.string()).optional(),
  vars: z.record(z.string().regex(NAME_PATTERN, 'bad_name'), Json).default({}),
  defaults: Defaults.default({}),
  stages: named(
    z.union([
      z.null(),
      keys('a stage', {
        promoteFrom: z.string().optional(),
        approvers: z.array(z.string()).optional(),
        overlay: z.union([z.string(), z.record(z.string(), Json)]).optional(),
      }),
    ]),
  ).optional(),
  environments: named(EnvironmentSpec).default({}),
  sources: named(SourceSpec).default({}),
  datasets: named(DatasetSpec).default({}),
  features: FeaturesSpec.optional(),
  components: named(ComponentSpec).default({}),
  pipelines: named(PipelineSpec).default({}),
  models: named(ModelSpec).default({}),
  endpoints: named(EndpointSpec).default({}),
  monitors: named(MonitorSpec).default({}),
  loops: named(LoopSpec).default({}),
  alerts: AlertsSpec.optional(),
  policies: PoliciesSpec.optional(),
  workspaces: named(WorkspaceSpec).default({}),
})
export type ProjectFile = z.infer<typeof ProjectFile>

/** The JSON Schema (draft 2020-12) of `kiban.yaml`, for editors. `x-*` keys are allowed everywhere. */
export function projectFileJsonSchema(): Record<string, unknown> {
  const schema = z.toJSONSchema(ProjectFile, { io: 'input', unrepresentable: 'any' })
  const withExtensions = (node: unknown): unknown => {
    if (Array.isArray(node)) return node.map(withExtensions)
    if (typeof node !== 'object' || node === null) return node
    const copy: Record<string, unknown> = {}
    for (const [key, value] of Object.entries(node)) copy[key] = withExtensions(value)
    if (copy['additionalProperties'] === false) copy['patternProperties'] = { '^x-': true }
    return copy
  }
  return { ...(withExtensions(schema) as Record<string, unknown>), title: 'kiban.yaml' } // an object in, an object out
}
