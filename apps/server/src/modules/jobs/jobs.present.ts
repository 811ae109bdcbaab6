import type { Job, JobAttempt, JobMetric, JobOutput, JobSummary, JobUsage } from '@kiban/contract/jobs'
import type { JobText, JobView, ParsedJobSpec } from './job-spec.ts'
import type { AttemptRow, JobRow } from './jobs.store.ts'

export function presentView(row: JobRow, reason: string | null): JobView {
  return {
    id: row.id,
    project: row.project,
    name: row.name,
    owner: { kind: row.owner_kind, id: row.owner_id },
    runId: row.run_id,
    state: row.state,
    cause: row.cause,
    message: row.message,
    exitCode: row.exit_code,
    attempt: row.attempt,
    outputs: outputsOf(row),
    metrics: metricsOf(row),
    createdAt: row.created_at,
    startedAt: row.started_at,
    endedAt: row.ended_at,
    reason,
  }
}

export function presentSummary(
  row: JobRow,
  place: { position: number; reason: string } | undefined,
  now: number,
): JobSummary {
  return {
    id: row.id,
    name: row.name,
    project: row.project,
    state: row.state,
    position: place?.position ?? null,
    reason: place?.reason ?? null,
    priority: row.priority,
    owner: { kind: row.owner_kind, id: row.owner_id },
    runId: row.run_id,
    environmentId: row.environment_id,
    resources: { cpu: row.cpu, memoryBytes: row.memory_bytes },
    attempt: row.attempt,
    cause: row.cause,
    message: row.message,
    exitCode: row.exit_code,
    createdAt: row.created_at,
    createdBy: row.created_by,
    startedAt: row.started_at,
    endedAt: row.ended_at,
    waitedMs: Math.max(0, (row.started_at ?? row.ended_at ?? now) - row.queued_at),
  }
}

export function presentJob(
  row: JobRow,
  attempts: readonly AttemptRow[],
  place: { position: number; reason: string } | undefined,
  now: number,
): Job {
  const spec = specOf(row)
  return {
    ...presentSummary(row, place, now),
    command: spec.script ?? (spec.argv ?? []).map(textOf).join(' '),
    code: spec.code,
    inputs: Object.fromEntries(
      Object.entries(spec.inputs).map(([name, input]) => [
        name,
        'tree' in input ? { tree: input.tree } : { value: input.value },
      ]),
    ),
    params: spec.params,
    outputs: outputsOf(row),
    metrics: metricsOf(row),
    timeoutMs: spec.timeoutMs ?? null,
    retryAt: row.state === 'queued' ? row.retry_at : null,
    cancelRequestedAt: row.cancel_requested_at,
    cancelledBy: row.cancelled_by,
    attempts: attempts.map(presentAttempt),
  }
}

function presentAttempt(row: AttemptRow): JobAttempt {
  return {
    number: row.number,
    state: row.state,
    cause: row.cause,
    message: row.message,
    exitCode: row.exit_code,
    signal: row.signal,
    resources: { cpu: row.cpu, memoryBytes: row.memory_bytes },
    // Written by this module only.
    usage: row.usage === null ? null : (JSON.parse(row.usage) as JobUsage),
    createdAt: row.created_at,
    startedAt: row.started_at,
    endedAt: row.ended_at,
    logBytes: row.log_bytes,
    logDroppedBytes: row.log_dropped_bytes,
  }
}

/** What the job was submitted with: parsed before it was stored, so not parsed again. */
export function specOf(row: JobRow): ParsedJobSpec {
  return JSON.parse(row.spec) as ParsedJobSpec
}

function outputsOf(row: JobRow): Record<string, JobOutput> {
  return JSON.parse(row.outputs) as Record<string, JobOutput>
}

function metricsOf(row: JobRow): JobMetric[] {
  return JSON.parse(row.metrics) as JobMetric[]
}

function textOf(text: JobText): string {
  if (typeof text === 'string') return text
  return text
    .map((piece) =>
      typeof piece === 'string'
        ? piece
        : 'input' in piece
          ? `$KIBAN_INPUTS/${piece.input}`
          : `$KIBAN_OUTPUTS/${piece.output}`,
    )
    .join('')
}
