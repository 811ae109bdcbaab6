import type { LineageGraph, NodeKind, Relation } from '@kiban/contract/lineage'
import type { Ctx } from '@kiban/kit/context'
import { AppError } from '@kiban/kit/errors'
import { listEdges } from './lineage.store.ts'
import type { EdgeRow } from './lineage.store.ts'
import type { LineageSource, NodeDescription } from './lineage-source.ts'

const MAX_NODES = 400

/** Edges are sentences; in these, what is named second came first. */
const AGAINST_TIME: ReadonlySet<Relation> = new Set(['used', 'served_by', 'reads'])

type Query = { project: string; kind: NodeKind; id: string; upstream: number; downstream: number }

/**
 * Walks upstream to what the object came from and downstream to what came of it, breadth first, and leaves out what belongs to
 * another project. Throws `lineage_node_not_found`.
 */
export async function findLineage(ctx: Ctx, sources: readonly LineageSource[], query: Query): Promise<LineageGraph> {
  const root = `${query.kind}:${query.id}`
  const describer = createDescriber(ctx, sources, query.project)
  if (!(await describer([root])).has(root))
    throw new AppError('lineage_node_not_found', {
      message: `There is no ${query.kind.replaceAll('_', ' ')} ${query.id} in ${query.project}.`,
    })
  const distances = new Map([[root, 0]])
  const edges = new Map<string, EdgeRow>()
  let truncated = false
  for (const [sign, depth] of [
    [-1, query.upstream],
    [1, query.downstream],
  ] as const) {
    let frontier = [root]
    for (let step = 1; step <= depth && frontier.length > 0; step++) {
      const found = [...(await stepFrom(ctx, frontier, sign)), ...(sign < 0 ? await origins(describer, frontier) : [])]
      const neighbours = [
        ...new Set(found.map((edge) => (frontier.includes(edge.from_node) ? edge.to_node : edge.from_node))),
      ].filter((node) => !distances.has(node))
      const visible = await describer(neighbours)
      frontier = neighbours.filter((node) => visible.has(node)).slice(0, MAX_NODES - distances.size)
      truncated ||= distances.size + frontier.length >= MAX_NODES
      for (const node of frontier) distances.set(node, sign * step)
      for (const edge of found)
        if (distances.has(edge.from_node) && distances.has(edge.to_node)) edges.set(edge.id, edge)
    }
  }
  const descriptions = await describer([...distances.keys()])
  return {
    root,
    nodes: [...distances].map(([node, distance]) => ({
      ...splitNode(node),
      label: descriptions.get(node)?.label ?? node,
      distance,
    })),
    edges: [...edges.values()].map((edge) => ({
      from: edge.from_node,
      relation: edge.relation,
      to: edge.to_node,
      at: edge.at,
    })),
    truncated,
  }
}

async function stepFrom(ctx: Ctx, frontier: readonly string[], sign: -1 | 1): Promise<EdgeRow[]> {
  const [fromHere, toHere] = await Promise.all([
    listEdges(ctx, frontier, 'from_node', MAX_NODES),
    listEdges(ctx, frontier, 'to_node', MAX_NODES),
  ])
  const later = [
    ...fromHere.filter((edge) => !AGAINST_TIME.has(edge.relation)),
    ...toHere.filter((edge) => AGAINST_TIME.has(edge.relation)),
  ]
  const earlier = [
    ...toHere.filter((edge) => !AGAINST_TIME.has(edge.relation)),
    ...fromHere.filter((edge) => AGAINST_TIME.has(edge.relation)),
  ]
  return sign > 0 ? later : earlier
}

type Describer = (nodes: readonly string[]) => Promise<ReadonlyMap<string, NodeDescription>>

async function origins(describer: Describer, frontier: readonly string[]): Promise<EdgeRow[]> {
  const known = await describer(frontier)
  return frontier.flatMap((node) =>
    (known.get(node)?.origin ?? []).map((end) => ({
      id: `${node}<${end.kind}:${end.id}`,
      from_node: node,
      relation: 'served_by' as const,
      to_node: `${end.kind}:${end.id}`,
      at: 0,
    })),
  )
}

/** Descriptions of nodes of this project (and of people), each asked for once. */
function createDescriber(ctx: Ctx, sources: readonly LineageSource[], project: string): Describer {
  const cache = new Map<string, NodeDescription | null>()
  return async (nodes) => {
    const missing = nodes.filter((node) => !cache.has(node)).map(splitNode)
    for (const kind of new Set(missing.map((node) => node.kind))) {
      const ids = missing.filter((node) => node.kind === kind).map((node) => node.id)
      const source = sources.find((candidate) => candidate.kinds.includes(kind))
      const found = await source?.describe(ctx, project, kind, ids)
      for (const id of ids) {
        const description = found?.get(id)
        cache.set(
          `${kind}:${id}`,
          description && (description.project === null || description.project === project) ? description : null,
        )
      }
    }
    return new Map(
      nodes.flatMap((node) => {
        const description = cache.get(node)
        return description ? [[node, description] as const] : []
      }),
    )
  }
}

function splitNode(node: string): { kind: NodeKind; id: string } {
  const at = node.indexOf(':')
  return { kind: node.slice(0, at) as NodeKind, id: node.slice(at + 1) } // nodes are made from kind and id by recordEdges
}
