import type {
  Deployment,
  EndpointDetail,
  EndpointLive,
  EndpointSummary,
  JudgeLook,
  Rollout,
} from '@kiban/contract/endpoints'
import type { Config } from '@kiban/kit/config'
import { exampleOf } from './describe-calls.ts'
import { StoredSpec } from './endpoint-spec.ts'
import type { DeploymentRow, EndpointRow } from './endpoints.store.ts'
import { planOf } from './move-rollout.ts'
import { versionRef } from './read-traffic.ts'
import { stepsOf, weightOf } from './rollout.state.ts'
import type { RolloutEventRow, RolloutRow } from './rollouts.store.ts'
import type { StoredSignature } from './routing-table.ts'

/** What is shown of a roll-out beside its row. */
export type RolloutView = {
  readonly row: RolloutRow
  readonly events: readonly RolloutEventRow[]
  readonly elapsedMs: number
  readonly stepRequests: number
}

export function presentSummary(
  config: Config,
  of: {
    endpoint: EndpointRow
    deployments: readonly DeploymentRow[]
    rollout: RolloutView | undefined
    live: EndpointLive | undefined
    /** The data plane has not answered for a while. */
    isPlaneSilent: boolean
  },
): EndpointSummary {
  const { endpoint } = of
  const active = of.deployments.filter((each) => each.role !== 'released')
  const spec = StoredSpec.parse(JSON.parse(endpoint.spec))
  return {
    id: endpoint.id,
    project: endpoint.project,
    name: endpoint.name,
    description: endpoint.description,
    model: spec.model,
    state: stateOf(endpoint, active, of),
    reason: reasonOf(endpoint, active, of.isPlaneSilent),
    traffic: active.map(presentDeployment),
    rollout: of.rollout ? presentRollout(endpoint, of.deployments, of.rollout) : null,
    live: of.isPlaneSilent ? null : (of.live ?? null),
    urls: urlsOf(config, endpoint),
    createdAt: endpoint.created_at,
    createdBy: endpoint.created_by,
    updatedAt: endpoint.updated_at,
  }
}

export function presentDetail(config: Config, of: Parameters<typeof presentSummary>[1]): EndpointDetail {
  const spec = StoredSpec.parse(JSON.parse(of.endpoint.spec))
  const signature = signatureOf(of.endpoint, of.deployments)
  return {
    ...presentSummary(config, of),
    config: JSON.parse(of.endpoint.spec) as EndpointDetail['config'], // stored by apply as JSON
    signature: signature
      ? { inputs: [...signature.inputs], outputs: [...signature.outputs], key: spec.key, timestamp: spec.timestamp }
      : null,
    example: signature ? exampleOf(signature, spec, of.endpoint.example) : null,
  }
}

/** What the running model takes and gives (before there is one: the candidate's). */
export function signatureOf(endpoint: EndpointRow, deployments: readonly DeploymentRow[]): StoredSignature | undefined {
  const own =
    deployments.find((each) => each.version_id === endpoint.running_version_id) ??
    deployments.find((each) => each.role === 'candidate')
  return own?.signature ? (JSON.parse(own.signature) as StoredSignature) : undefined // written by push-table
}

export function presentRollout(
  endpoint: EndpointRow,
  deployments: readonly DeploymentRow[],
  view: RolloutView,
): Rollout {
  const { row } = view
  const plan = planOf(row)
  const version = (id: string | null) => {
    const deployment = deployments.find((each) => each.version_id === id)
    return deployment ? versionRef(deployment) : null
  }
  return {
    id: row.id,
    endpointId: endpoint.id,
    endpoint: endpoint.name,
    strategy: plan.strategy,
    state: row.state,
    from: version(row.from_version_id),
    to: version(row.to_version_id) ?? { id: row.to_version_id, model: '', number: 0 },
    steps: [...stepsOf(plan)],
    step: row.step,
    weight: weightOf(plan, row),
    manual: plan.manual,
    onNotEnough: plan.onNotEnough,
    bakeMs: plan.bakeMs,
    maxBakeMs: plan.maxBakeMs,
    stepElapsedMs: view.elapsedMs,
    minRequests: plan.minRequests,
    stepRequests: view.stepRequests,
    judge: JSON.parse(row.judge) as JudgeLook[], // written by advance-rollout
    cause: row.cause,
    message: row.message,
    createdAt: row.created_at,
    createdBy: row.created_by,
    endedAt: row.ended_at,
    events: view.events.map((event) => ({
      at: event.at,
      kind: event.kind,
      from: event.from_state,
      to: event.to_state,
      step: event.step,
      weight: event.weight,
      message: event.message,
      actor: event.actor,
    })),
  }
}

/** Where an endpoint is called. */
export function urlsOf(config: Config, endpoint: Pick<EndpointRow, 'project' | 'name'>): EndpointSummary['urls'] {
  const host = config.host.includes(':') ? `[${config.host}]` : config.host
  const base = config.publicUrl?.replace(/\/$/, '') ?? `http://${host}:${config.port}`
  const prefix = endpoint.project === 'default' ? '' : `/projects/${endpoint.project}`
  const path = `${prefix}/v2/models/${endpoint.name}`
  return {
    rest: `${base}${path}/infer`,
    fast: `http://${host}:${config.inferencePort}${path}/infer`,
    rows: `${base}${path}/rows`,
    grpc: `${host}:${config.grpcPort}`,
  }
}

function presentDeployment(row: DeploymentRow): Deployment {
  return {
    version: versionRef(row),
    role: row.role === 'released' ? 'kept' : row.role,
    weight: row.weight,
    state: row.state,
    error: row.error,
    since: row.created_at,
  }
}

function stateOf(
  endpoint: EndpointRow,
  active: readonly DeploymentRow[],
  of: { rollout: RolloutView | undefined; isPlaneSilent: boolean },
): EndpointSummary['state'] {
  if (endpoint.archived_at !== null) return 'archived'
  const running = active.find((each) => each.version_id === endpoint.running_version_id)
  if (!running) return of.rollout ? 'loading' : endpoint.refused_version_id ? 'failed' : 'pending'
  if (running.state === 'failed') return 'failed'
  if (of.isPlaneSilent) return 'degraded'
  if (of.rollout) return 'rolling_out'
  if (running.state === 'loading') return 'loading'
  return endpoint.reason === null ? 'ready' : 'degraded'
}

function reasonOf(endpoint: EndpointRow, active: readonly DeploymentRow[], isPlaneSilent: boolean): string | null {
  const running = active.find((each) => each.version_id === endpoint.running_version_id)
  if (running && isPlaneSilent)
    return 'The data plane does not answer; the server starts it again. Its log is logs/inference.log in KIBAN_HOME.'
  return running?.state === 'failed' ? `Version ${running.number}: ${running.error}` : endpoint.reason
}
