import type { EndpointRoute, RoutingTable, TensorSpec } from '@kiban/contract/inference-control'
import { StoredSpec } from './endpoint-spec.ts'
import type { DeploymentRow, EndpointRow } from './endpoints.store.ts'

/** What the data plane reads from a model. */
export type StoredSignature = { readonly inputs: readonly TensorSpec[]; readonly outputs: readonly TensorSpec[] }

/** The routing table that the rows mean, but for its revision; `paths` are the model files by version id. Versions without one are left out. */
export function buildTable(
  endpoints: readonly EndpointRow[],
  deployments: readonly DeploymentRow[],
  paths: ReadonlyMap<string, string>,
): Omit<RoutingTable, 'revision'> {
  const versions = new Map<string, RoutingTable['versions'][number]>()
  for (const each of deployments) {
    const path = paths.get(each.version_id)
    if (path !== undefined)
      versions.set(each.version_id, {
        id: each.version_id,
        model: each.model,
        number: each.number,
        runtime: 'onnx',
        path,
      })
  }
  return {
    versions: [...versions.values()].toSorted((a, b) => (a.id < b.id ? -1 : 1)),
    endpoints: endpoints.flatMap((endpoint) => {
      const own = deployments.filter((each) => each.endpoint_id === endpoint.id && versions.has(each.version_id))
      return routeOf(endpoint, own) ?? []
    }),
  }
}

function routeOf(endpoint: EndpointRow, deployments: readonly DeploymentRow[]): EndpointRoute | undefined {
  const spec = StoredSpec.parse(JSON.parse(endpoint.spec))
  const running = deployments.find((each) => each.role === 'running')
  const candidate = deployments.find((each) => each.role === 'candidate' && each.weight > 0)
  const variants = [
    ...(running && running.weight > 0 ? [variant('running', running)] : []),
    ...(candidate ? [variant('candidate', candidate)] : []),
  ]
  if (variants.length === 0) return undefined
  return {
    id: endpoint.id,
    project: endpoint.project,
    name: endpoint.name,
    variants,
    shadow: deployments
      .filter((each) => each.role === 'shadow' && each.state === 'ready')
      .map((each) => each.version_id),
    fallback: candidate && running && spec.rollout.fallback ? running.version_id : null,
    stickyBy: spec.stickyBy,
    key: spec.key,
    timestamp: spec.timestamp,
    log: spec.log,
    batching: spec.batching,
    timeoutMs: spec.timeoutMs,
    maxBodyBytes: spec.maxBodyBytes,
  }
}

function variant(name: string, of: DeploymentRow): EndpointRoute['variants'][number] {
  return { name, versionId: of.version_id, weight: of.weight }
}
