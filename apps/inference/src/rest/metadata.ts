import type { Counter } from '../counters.ts'
import type { DataPlane } from '../dataplane.ts'
import type { ServedEndpoint, ServedVersion } from '../registry.ts'

/** Extensions of the protocol that are there, by Triton's names; `rows` is Kiban's own. */
const EXTENSIONS = ['binary_tensor_data', 'parameters', 'statistics', 'model_repository', 'rows']

export function serverMetadata(): { name: string; version: string; extensions: string[] } {
  return { name: 'kiban', version: '0.1.0', extensions: EXTENSIONS }
}

export function modelMetadata(endpoint: ServedEndpoint, version: ServedVersion): object {
  return {
    name: endpoint.route.name,
    versions: versionsOf(endpoint).map((each) => String(each.entry.number)),
    platform: 'onnxruntime_onnx',
    inputs: version.model.inputs,
    outputs: version.model.outputs,
    properties: {
      model: version.entry.model,
      version: String(version.entry.number),
      key: endpoint.route.key.join(','),
      timestamp: endpoint.route.timestamp ?? '',
    },
  }
}

/** All versions of the project's endpoints (extension model_repository). */
export function repositoryIndex(plane: DataPlane, project: string): object[] {
  return plane.registry.list(project).flatMap((endpoint) =>
    versionsOf(endpoint).map((version) => ({
      name: endpoint.route.name,
      version: String(version.entry.number),
      state: 'READY',
      reason: '',
    })),
  )
}

/** Statistics by endpoint and version (extension statistics); times in ns. */
export function modelStatistics(plane: DataPlane, project: string, endpoint?: string, version?: string): object {
  const counters = plane.counters
    .all()
    .filter(
      (counter) =>
        counter.project === project &&
        (endpoint === undefined || counter.endpoint === endpoint) &&
        (version === undefined || String(counter.number) === version),
    )
  const executions = new Map(
    plane.registry
      .list(project)
      .flatMap((each) => versionsOf(each).map((held) => [held.entry.id, held.batcher.executions] as const)),
  )
  return { model_stats: counters.map((counter) => present(counter, executions.get(counter.versionId) ?? 0)) }
}

function present(counter: Counter, executions: number): object {
  const success = counter.requests - counter.errors
  return {
    name: counter.endpoint,
    version: String(counter.number),
    inference_count: counter.rows,
    execution_count: executions,
    inference_stats: {
      success: { count: success, ns: Math.round(counter.latencyMsSum * 1e6) },
      fail: { count: counter.errors, ns: 0 },
    },
  }
}

function versionsOf(endpoint: ServedEndpoint): ServedVersion[] {
  return [...endpoint.variants.map((variant) => variant.version), ...endpoint.shadow]
}
