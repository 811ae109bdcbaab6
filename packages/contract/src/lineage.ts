import { z } from 'zod'
import { defineEndpoint } from './endpoint.ts'
import { Instant, ProjectParams } from './primitives.ts'

export const NodeKind = z.enum([
  'dataset_version',
  'run',
  'job',
  'step_run',
  'pipeline_run',
  'model_version',
  'endpoint',
  'deployment',
  'prediction',
  'code',
  'environment',
  'person',
  'monitor_window',
  'loop_run',
])
export type NodeKind = z.infer<typeof NodeKind>

export const Relation = z.enum([
  'used',
  'generated',
  'registered_as',
  'deployed_as',
  'served_by',
  'reads',
  'triggered',
  'authored',
])
export type Relation = z.infer<typeof Relation>

export const LineageNode = z.object({
  kind: NodeKind,
  id: z.string(),
  label: z.string(),
  /** Steps from the asked node: negative upstream, positive downstream. */ distance: z.number().int(),
})
export const LineageEdge = z.object({ from: z.string(), relation: Relation, to: z.string(), at: Instant })
export const LineageGraph = z.object({
  root: z.string(),
  nodes: z.array(LineageNode),
  edges: z.array(LineageEdge),
  truncated: z.boolean(),
})
export type LineageGraph = z.infer<typeof LineageGraph>

export const getLineage = defineEndpoint({
  name: 'getLineage',
  method: 'GET',
  path: '/projects/:project/lineage',
  summary: 'What an object came from and what came of it; edges name their nodes as `kind:id`',
  action: 'project.read',
  params: ProjectParams,
  query: z.object({
    kind: NodeKind,
    id: z.string().min(1).max(200),
    upstream: z.coerce.number().int().min(0).max(20).default(10),
    downstream: z.coerce.number().int().min(0).max(20).default(10),
  }),
  response: LineageGraph,
  errors: ['project_not_found', 'lineage_node_not_found'],
})
