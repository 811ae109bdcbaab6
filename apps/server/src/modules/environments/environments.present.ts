import type {
  Environment,
  EnvironmentError,
  EnvironmentPackage,
  EnvironmentState,
  EnvironmentSummary,
} from '@kiban/contract/environments'
import type { EnvironmentSpec } from '@kiban/contract/project-file/data-schema'
import type { EnvironmentPlan } from './environment-plan.ts'
import type { BuildRow, EnvironmentRow } from './environments.store.ts'

/** Of a request without a build: read error or not read yet; else what its build is. */
export function stateOf(row: EnvironmentRow, build: BuildRow | undefined): EnvironmentState {
  if (row.message !== null) return 'failed'
  return build?.state ?? 'queued'
}

export function errorOf(row: EnvironmentRow, build: BuildRow | undefined): EnvironmentError | null {
  const { cause, message } = row.message !== null ? row : (build ?? row)
  return cause === null || message === null ? null : { cause, message }
}

export function specOf(row: Pick<EnvironmentRow, 'spec'>): EnvironmentSpec {
  // Parsed when the project file was applied, then stored.
  return JSON.parse(row.spec) as EnvironmentSpec
}

export function planOfBuild(build: BuildRow): EnvironmentPlan {
  return JSON.parse(build.plan) as EnvironmentPlan
}

export function packagesOf(build: BuildRow): EnvironmentPackage[] {
  return JSON.parse(build.packages) as EnvironmentPackage[]
}

export function presentSummary(row: EnvironmentRow, build: BuildRow | undefined): EnvironmentSummary {
  const state = stateOf(row, build)
  const spec = specOf(row)
  const plan = build ? planOfBuild(build) : undefined
  const parts = [
    `Python ${spec.python ?? '(any)'}`,
    spec.requirements,
    spec.packages?.length ? `${spec.packages.length} packages` : undefined,
  ]
  return {
    id: row.id,
    project: row.project,
    name: row.name,
    state,
    kind: 'python',
    asked: parts.filter((part) => part !== undefined).join(', ') + (plan ? ` (${plan.lines.length} lines)` : ''),
    specHash: row.spec_hash,
    lockHash: build?.lock_hash ?? null,
    python: plan?.python.version ?? null,
    packageCount: build && state === 'ready' ? packagesOf(build).length : null,
    sizeBytes: build?.size_bytes ?? null,
    builder: build?.builder ?? null,
    error: errorOf(row, build),
    createdAt: row.created_at,
    createdBy: row.created_by,
    startedAt: build?.started_at ?? null,
    endedAt: build?.ended_at ?? null,
  }
}

export function presentEnvironment(row: EnvironmentRow, build: BuildRow | undefined): Environment {
  return {
    ...presentSummary(row, build),
    requirements: build ? planOfBuild(build).lines : [],
    packages: build ? packagesOf(build) : [],
  }
}
