import { existsSync } from 'node:fs'
import { readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { JobCause, JobMetric, JobOutput, JobUsage } from '@kiban/contract/jobs'
import { afterCommit, emit, inTransaction } from '@kiban/kit/context'
import type { Ctx } from '@kiban/kit/context'
import { revokeJobToken } from '../access/index.ts'
import { attemptFolder, readExit } from './attempt-folder.ts'
import type { AttemptFolder } from './attempt-folder.ts'
import { machineCapacity } from './capacity.ts'
import { classifyEnd } from './classify-end.ts'
import { collectMetrics } from './collect-metrics.ts'
import { collectOutputs, declaredOutputs } from './collect-outputs.ts'
import { WAKES } from './job-events.ts'
import { isEnd, next } from './jobs.state.ts'
import { specOf } from './jobs.present.ts'
import { findJobRow, listAttempts, updateAttempt, updateJob } from './jobs.store.ts'
import type { AttemptRow, JobRow } from './jobs.store.ts'
import { boundLog, maskLog, readTail, sizeOfLog } from '@kiban/kit/log-file'
import { maskOf } from './mask-secrets.ts'
import { kernelOomKills } from './process-table.ts'
import { attemptSecrets } from './read-job-log.ts'
import { decideRetry } from './retry-policy.ts'

/** How an attempt ended, before it is decided whether another follows. */
export type AttemptResult =
  | {
      readonly outcome: 'succeeded'
      readonly outputs: Record<string, JobOutput>
      readonly metrics: readonly JobMetric[]
    }
  | { readonly outcome: 'cancelled' }
  | {
      readonly outcome: 'failed'
      readonly cause: JobCause
      readonly message: string
      readonly exitCode: number | null
      readonly signal: string | null
      readonly metrics: readonly JobMetric[]
    }

/** What the watcher knows about an attempt beside its row. */
export type Watch = {
  readonly usage: { readonly maxRssBytes: number | null; readonly cpuSeconds: number; readonly sampleCount: number }
  readonly droppedBytes: number
}

/**
 * Takes in the end of an attempt whose processes are gone: classifies it, stores outputs and metrics, decides on a retry, and moves the
 * job in one transaction. May be done again after a crash at any point: bytes are content-addressed and the transaction counts once.
 */
export async function finishAttempt(ctx: Ctx, job: JobRow, attempt: AttemptRow, watch: Watch): Promise<void> {
  const folder = attemptFolder(ctx.platform.home, job.id, attempt.number)
  const exit = await readExit(folder)
  const mask = maskOf(await attemptSecrets(folder))
  const droppedBytes = watch.droppedBytes + (await boundLog(folder.log))
  await maskLog(folder.log, mask)
  await rm(folder.secrets, { recursive: true, force: true })
  const kills = kernelOomKills()
  const end = classifyEnd({
    status: exit?.status ?? null,
    ending: attempt.ending,
    kernelKilled: kills !== null && attempt.oom_kills_before !== null && kills > attempt.oom_kills_before,
    tail: await readTail(folder.log, 30, mask),
    timeoutMs: specOf(job).timeoutMs ?? null,
    memoryBytes: attempt.memory_bytes,
  })
  const result = end.outcome === 'cancelled' ? end : await collect(ctx, job, folder, end)
  const usage: JobUsage = { ...watch.usage, cpuSeconds: exit?.cpuSeconds ?? watch.usage.cpuSeconds }
  await applyResult(ctx, { job, attempt, result, usage, log: { bytes: await sizeOfLog(folder.log), droppedBytes } })
  await removeWork(folder)
}

async function collect(
  ctx: Ctx,
  job: JobRow,
  folder: AttemptFolder,
  end: Exclude<ReturnType<typeof classifyEnd>, { outcome: 'cancelled' }>,
): Promise<AttemptResult> {
  const metrics = await collectMetrics({ log: folder.log, outputs: folder.outputs, timestamp: ctx.clock.now() })
  if (end.outcome === 'failed') return { ...end, metrics: typeof metrics === 'string' ? [] : metrics }
  const wrong = (message: string): AttemptResult => ({
    outcome: 'failed',
    cause: 'user_error',
    message,
    exitCode: 0,
    signal: null,
    metrics: [],
  })
  if (typeof metrics === 'string') return wrong(metrics)
  const outputs = await collectOutputs(ctx.platform.blobs, folder.outputs, declaredOutputs(specOf(job)))
  if (typeof outputs === 'string') return wrong(outputs)
  return { outcome: 'succeeded', outputs, metrics }
}

/** Moves job and attempt to the result, once: an attempt that has ended already, or that is not the newest, is left alone. */
export async function applyResult(
  ctx: Ctx,
  input: {
    readonly job: Pick<JobRow, 'id'>
    readonly attempt: Pick<AttemptRow, 'number'>
    readonly result: AttemptResult
    readonly usage: JobUsage | null
    readonly log: { readonly bytes: number; readonly droppedBytes: number }
  },
): Promise<void> {
  const { result } = input
  await inTransaction(ctx, async (ctx) => {
    const job = await findJobRow(ctx.db, input.job.id)
    const { number } = input.attempt
    const attempt = (await listAttempts(ctx.db, input.job.id)).find((row) => row.number === number)
    if (!job || !attempt || attempt.ended_at !== null || job.attempt !== number || isEnd(job.state)) return
    const now = ctx.clock.now()
    const failure = result.outcome === 'failed' ? result : undefined
    await updateAttempt(ctx.db, job.id, number, {
      state: result.outcome,
      cause: failure?.cause ?? null,
      message: failure?.message ?? null,
      exit_code: result.outcome === 'succeeded' ? 0 : (failure?.exitCode ?? null),
      signal: failure?.signal ?? null,
      usage: input.usage === null ? null : JSON.stringify(input.usage),
      log_bytes: input.log.bytes,
      log_dropped_bytes: input.log.droppedBytes,
      ended_at: now,
    })
    await revokeJobToken(ctx, job.id, number)
    const change = changeOf(job, result, now)
    await updateJob(ctx.db, job.id, job.state, change)
    emit(ctx, { topic: `projects/${job.project}/jobs`, kind: `job.${change.state}`, id: job.id })
    afterCommit(ctx, () => {
      ctx.platform.wake('jobs')
      if (isEnd(change.state)) for (const loop of WAKES) ctx.platform.wake(loop)
    })
  })
}

function changeOf(job: JobRow, result: AttemptResult, now: number) {
  if (result.outcome === 'succeeded') {
    // A success that was asked to end too late is a success all the same.
    const state = next(job.state, 'succeed') ?? 'failed'
    return {
      state,
      cause: null,
      message: null,
      exit_code: 0,
      outputs: JSON.stringify(result.outputs),
      metrics: JSON.stringify(result.metrics),
      ended_at: now,
    }
  }
  if (result.outcome === 'cancelled' || job.cancel_requested_at !== null)
    return { state: 'cancelled' as const, cause: null, message: null, ended_at: now }
  const spec = specOf(job)
  const counts = JSON.parse(job.retry_counts) as Record<string, number> // written here only
  const decision = decideRetry({
    rules: spec.retry ?? [],
    cause: result.cause,
    exitCode: result.exitCode,
    attempt: job.attempt,
    counts,
    resources: { cpu: job.cpu, memoryBytes: job.memory_bytes },
    memoryLimitBytes: machineCapacity().memoryBytes,
    seed: spec.seed ?? `${job.owner_id}/${job.name}`,
  })
  const failure = {
    cause: result.cause,
    message: result.message,
    exit_code: result.exitCode,
    metrics: JSON.stringify(result.metrics),
  }
  if (!decision.retry) return { ...failure, state: 'failed' as const, ended_at: now }
  return {
    ...failure,
    state: 'queued' as const,
    retry_counts: JSON.stringify({ ...counts, [decision.rule]: (counts[decision.rule] ?? 0) + 1 }),
    retry_at: now + decision.delayMs,
    queued_at: now,
    started_at: null,
    memory_bytes: decision.resources.memoryBytes,
  }
}

/** All but the control folder (log, exit status) goes: outputs are in the blob store now, checkpoints lie outside. */
async function removeWork(folder: AttemptFolder): Promise<void> {
  for (const path of [folder.secrets, folder.inputs, folder.outputs, folder.tmp, folder.work])
    await rm(path, { recursive: true, force: true })
}

/** Removes what a server that was killed right behind the end of an attempt did not: `work` goes last, so its folder tells. */
export async function removeLeftWork(ctx: Ctx): Promise<void> {
  const jobs = join(ctx.platform.home, 'jobs')
  for (const jobId of await readdir(jobs).catch(() => [])) {
    const numbers = (await readdir(join(jobs, jobId))).filter((name) => existsSync(join(jobs, jobId, name, 'work')))
    if (numbers.length === 0) continue
    const ended = (await listAttempts(ctx.db, jobId)).filter((attempt) => attempt.ended_at !== null)
    for (const { number } of ended)
      if (numbers.includes(String(number))) await removeWork(attemptFolder(ctx.platform.home, jobId, number))
  }
}
