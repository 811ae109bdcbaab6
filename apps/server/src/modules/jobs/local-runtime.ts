import { emit, inTransaction } from '@kiban/kit/context'
import type { Ctx } from '@kiban/kit/context'
import { AppError } from '@kiban/kit/errors'
import { isRunning, processStart, thisProcess } from '@kiban/kit/process-identity'
import { issueJobToken, revokeJobToken } from '../access/index.ts'
import { getEnvironment, machinePythonBin } from '../environments/index.ts'
import { openSecrets } from '../secrets/index.ts'
import { attemptFolder } from './attempt-folder.ts'
import type { Ending } from './classify-end.ts'
import { applyResult, finishAttempt } from './finish-attempt.ts'
import { specOf } from './jobs.present.ts'
import { next } from './jobs.state.ts'
import {
  deleteAttempt,
  findJobRow,
  insertAttempt,
  listHeld,
  listAttempts,
  takeOver,
  touchRunner,
  updateAttempt,
  updateJob,
} from './jobs.store.ts'
import type { AttemptRow, JobRow } from './jobs.store.ts'
import { boundLog } from '@kiban/kit/log-file'
import { UnstartableJob, prepareAttempt } from './prepare-attempt.ts'
import { kernelOomKills, listProcesses, markOf, membersOf, sessionUse, signalAll } from './process-table.ts'
import { findSupervisor, startSupervisor } from './start-supervisor.ts'
import type { Supervisor } from './start-supervisor.ts'

type Held = AttemptRow & { readonly job: JobRow }

type Watched = {
  readonly supervisor: Supervisor
  readonly memoryBytes: number
  gone: boolean
  ending: Ending | null
  killAt: number
  usage: { maxRssBytes: number | null; cpuSeconds: number; sampleCount: number }
  droppedBytes: number
}

const DEFAULT_GRACE_MS = 10_000
const STOP_GRACE_MS = 3000
const SAMPLE_MS = 1000
const TOUCH_MS = 10_000
/** A runner on another machine that has not been seen for so long is taken for dead. */
const SILENT_RUNNER_MS = 60_000
/** How often an attempt is looked at that is no child of this process. */
const ADOPTED_POLL_MS = 200

/**
 * Attempts as processes of this machine. Each runs in a session of its own under a small shell that writes its id, log and exit status
 * to the attempt's folder, so it goes on when the server ends; the next server finds it by id and start time. One per server process.
 */
export class LocalRuntime {
  readonly #watched = new Map<string, Watched>()
  /** Attempts being prepared or finished, so that no second pass takes them for lost. */
  readonly #tasks = new Map<string, Promise<void>>()
  readonly #swept = new Set<string>()
  #sampledAt = 0
  #sweptAt = 0
  #touchedAt = 0

  /** Takes a queued job if nobody else did, and starts its next attempt in the background. */
  async start(ctx: Ctx, job: JobRow): Promise<void> {
    const number = job.attempt + 1
    const now = ctx.clock.now()
    const token = await inTransaction(ctx, async (ctx) => {
      const state = next(job.state, 'claim')
      if (!state || !(await updateJob(ctx.db, job.id, job.state, { state, attempt: number, retry_at: null })))
        return undefined
      await insertAttempt(ctx.db, {
        job_id: job.id,
        number,
        state,
        runner: thisProcess(),
        runner_seen_at: now,
        cpu: job.cpu,
        memory_bytes: job.memory_bytes,
        log_bytes: 0,
        log_dropped_bytes: 0,
        created_at: now,
      })
      emit(ctx, { topic: `projects/${job.project}/jobs`, kind: 'job.preparing', id: job.id })
      return issueJobToken(ctx, {
        project: job.project,
        jobId: job.id,
        attempt: number,
        runId: job.run_id,
        owner: job.created_by,
      })
    })
    if (token !== undefined)
      this.#background(
        ctx,
        keyOf(job.id, number),
        () => this.#launch(ctx, { ...job, attempt: number }, token),
        () => this.#settle(ctx, job.id, number),
      )
  }

  /** One look at every attempt that holds resources: adopts, cancels, times out, samples and finishes. */
  async reconcile(ctx: Ctx, held: readonly Held[]): Promise<void> {
    for (const attempt of held) {
      const key = keyOf(attempt.job_id, attempt.number)
      if (this.#tasks.has(key)) continue
      const watched = this.#watched.get(key) ?? (await this.#adopt(ctx, attempt))
      if (watched) await this.#look(ctx, attempt, watched)
    }
    const now = Date.now()
    if (this.#watched.size > 0 && now - this.#sampledAt >= SAMPLE_MS) {
      this.#sampledAt = now
      await this.#sample(ctx, held)
    }
    if (this.#watched.size > 0 && now - this.#touchedAt >= TOUCH_MS) {
      this.#touchedAt = now
      await inTransaction(ctx, (ctx) => touchRunner(ctx.db, thisProcess(), ctx.clock.now()))
    }
    if ([...this.#watched.values()].some((watched) => !watched.supervisor.child && !watched.gone))
      wakeIn(ctx, ADOPTED_POLL_MS)
    this.#sweep()
  }

  /**
   * Waits for what is being prepared or finished. Running jobs go on, and the next server finds them; with `KIBAN_JOBS_ON_STOP=end` they
   * are asked to leave first, then made to, and the next server starts them again from their checkpoints.
   */
  async stop(ctx: Ctx): Promise<void> {
    await Promise.all(this.#tasks.values())
    if (process.env['KIBAN_JOBS_ON_STOP'] !== 'end') return
    const running = (await listHeld(ctx.db)).flatMap((attempt) => {
      const watched = this.#watched.get(keyOf(attempt.job_id, attempt.number))
      return watched && !watched.gone ? [{ attempt, watched }] : []
    })
    for (const { attempt, watched } of running) await this.#end(ctx, attempt, watched, 'preempt', STOP_GRACE_MS)
    const deadline = Date.now() + STOP_GRACE_MS
    while (running.some(({ watched }) => !watched.gone) && Date.now() < deadline + 1000) {
      await new Promise((resolve) => setTimeout(resolve, 50))
      for (const { attempt, watched } of running) {
        watched.gone ||= processStart(watched.supervisor.pid) !== watched.supervisor.start
        if (!watched.gone && Date.now() >= deadline) this.#kill(attempt, watched)
      }
    }
  }

  async #launch(ctx: Ctx, job: JobRow, token: string): Promise<void> {
    const spec = specOf(job)
    const folder = attemptFolder(ctx.platform.home, job.id, job.attempt)
    try {
      const environment = job.environment_id === null ? undefined : await getEnvironment(ctx, job.environment_id)
      const launch = await prepareAttempt({
        blobs: ctx.platform.blobs,
        folder,
        spec,
        environment: { bin: environment?.bin ?? null, env: environment?.env ?? {} },
        pythonBin: await machinePythonBin(ctx.platform.home),
        secrets: await openSecrets(ctx, job.project, [
          ...new Set([...Object.values(spec.secretEnv ?? {}), ...(spec.secrets ?? [])]),
        ]),
        token,
        config: ctx.platform.config,
        jobId: job.id,
        attempt: job.attempt,
        cpu: job.cpu,
      })
      const latest = await findJobRow(ctx.db, job.id)
      if (latest?.cancel_requested_at != null) return await this.#endUnstarted(ctx, job, { outcome: 'cancelled' })
      const supervisor = await startSupervisor(folder, launch)
      this.#watch(ctx, job, job.attempt, job.memory_bytes, supervisor)
      await this.#recordStart(ctx, job, supervisor)
    } catch (error) {
      if (this.#watched.has(keyOf(job.id, job.attempt))) throw error
      const message = error instanceof Error ? error.message : String(error)
      const own = error instanceof UnstartableJob || (error instanceof AppError && error.code !== 'internal')
      ctx.log.warn({ err: error, job: job.id, attempt: job.attempt }, 'an attempt could not be started')
      await this.#endUnstarted(ctx, job, {
        outcome: 'failed',
        cause: own ? 'user_error' : 'start_failed',
        message: `It could not be started: ${message}`,
        exitCode: null,
        signal: null,
        metrics: [],
      })
    }
  }

  async #recordStart(ctx: Ctx, job: JobRow, supervisor: Supervisor): Promise<void> {
    await inTransaction(ctx, async (ctx) => {
      const now = ctx.clock.now()
      await updateJob(ctx.db, job.id, 'preparing', { state: 'running', started_at: now })
      await updateAttempt(ctx.db, job.id, job.attempt, {
        state: 'running',
        pid: supervisor.pid,
        pid_start: supervisor.start,
        oom_kills_before: kernelOomKills(),
        started_at: now,
      })
      emit(ctx, { topic: `projects/${job.project}/jobs`, kind: 'job.running', id: job.id })
    })
  }

  async #endUnstarted(ctx: Ctx, job: JobRow, result: Parameters<typeof applyResult>[1]['result']): Promise<void> {
    await applyResult(ctx, {
      job,
      attempt: { number: job.attempt },
      result,
      usage: null,
      log: { bytes: 0, droppedBytes: 0 },
    })
  }

  #watch(
    ctx: Ctx,
    job: JobRow,
    number: number,
    memoryBytes: number,
    supervisor: Supervisor,
    ending: Ending | null = null,
  ): Watched {
    const watched: Watched = {
      supervisor,
      memoryBytes,
      gone: false,
      ending,
      killAt: ending ? Date.now() + DEFAULT_GRACE_MS : Infinity,
      usage: { maxRssBytes: null, cpuSeconds: 0, sampleCount: 0 },
      droppedBytes: 0,
    }
    this.#watched.set(keyOf(job.id, number), watched)
    supervisor.child?.once('exit', () => {
      watched.gone = true
      this.#settle(ctx, job.id, number)
    })
    return watched
  }

  /** An attempt that no map of this process knows: of a dead server, of another one that lives, or begun here before a failure. */
  async #adopt(ctx: Ctx, attempt: Held): Promise<Watched | undefined> {
    const runner = attempt.runner === thisProcess() ? false : isRunning(attempt.runner)
    if (runner === true) return undefined
    if (runner === undefined && ctx.clock.now() - attempt.runner_seen_at < SILENT_RUNNER_MS) return undefined
    // `attempt` was read before this pass began: its background work may have ended it since.
    const now = (await listAttempts(ctx.db, attempt.job_id)).find((row) => row.number === attempt.number)
    if (!now || now.ended_at !== null) return undefined
    const taken = await inTransaction(ctx, (ctx) => takeOver(ctx.db, attempt, thisProcess(), ctx.clock.now()))
    if (!taken) return undefined
    const found = await findSupervisor(attemptFolder(ctx.platform.home, attempt.job_id, attempt.number))
    if (found === 'never') {
      // Begun by a dead server with another home on this machine: nobody will take in what it makes, so it ends before it is begun again.
      if (attempt.pid !== null && runner === false && processStart(attempt.pid) === attempt.pid_start)
        this.#kill(attempt, { supervisor: { pid: attempt.pid, start: attempt.pid_start } })
      await this.#giveBack(ctx, attempt)
      return undefined
    }
    ctx.log.info(
      { job: attempt.job_id, attempt: attempt.number, found: found === 'gone' ? 'ended' : 'running' },
      'found a job of an earlier server',
    )
    const supervisor = found === 'gone' ? { pid: attempt.pid ?? 0, start: '-' } : found
    const watched = this.#watch(ctx, attempt.job, attempt.number, attempt.memory_bytes, supervisor, attempt.ending)
    watched.gone = found === 'gone'
    return watched
  }

  /** Its server ended before the command began: as if it had never been taken. */
  async #giveBack(ctx: Ctx, attempt: Held): Promise<void> {
    await inTransaction(ctx, async (ctx) => {
      const state = next(attempt.job.state, 'return') ?? 'queued'
      if (
        !(await updateJob(ctx.db, attempt.job_id, attempt.job.state, {
          state,
          attempt: attempt.number - 1,
          started_at: null,
        }))
      )
        return
      await revokeJobToken(ctx, attempt.job_id, attempt.number)
      await deleteAttempt(ctx.db, attempt.job_id, attempt.number)
    })
  }

  async #look(ctx: Ctx, attempt: Held, watched: Watched): Promise<void> {
    const { job } = attempt
    if (attempt.state === 'preparing') await this.#recordStart(ctx, job, watched.supervisor)
    if (!watched.gone && !watched.supervisor.child)
      watched.gone = processStart(watched.supervisor.pid) !== watched.supervisor.start
    if (watched.gone) return this.#settle(ctx, attempt.job_id, attempt.number)
    const now = ctx.clock.now()
    const { timeoutMs, graceMs } = specOf(job)
    if (!watched.ending && job.cancel_requested_at !== null)
      await this.#end(ctx, attempt, watched, 'cancel', graceMs ?? DEFAULT_GRACE_MS)
    else if (
      !watched.ending &&
      timeoutMs !== undefined &&
      attempt.started_at !== null &&
      attempt.started_at + timeoutMs <= now
    )
      await this.#end(ctx, attempt, watched, 'timeout', graceMs ?? DEFAULT_GRACE_MS)
    if (Date.now() >= watched.killAt) this.#kill(attempt, watched)
  }

  /** Says why in the database first, so that a restart in the middle still knows; then asks, and later does not ask. */
  async #end(ctx: Ctx, attempt: Held, watched: Watched, ending: Ending, graceMs: number): Promise<void> {
    watched.ending = ending
    await inTransaction(ctx, (ctx) =>
      updateAttempt(ctx.db, attempt.job_id, attempt.number, { ending, ending_at: ctx.clock.now() }),
    )
    watched.killAt = Date.now() + graceMs
    wakeIn(ctx, graceMs)
    const members = membersOf(watched.supervisor.pid, keyOf(attempt.job_id, attempt.number))
    if (graceMs === 0) this.#kill(attempt, watched)
    else signalAll(process.platform === 'linux' ? members : [-watched.supervisor.pid], 'SIGTERM')
  }

  #kill(attempt: Held, watched: Pick<Watched, 'supervisor'>): void {
    if (process.platform !== 'linux') return signalAll([-watched.supervisor.pid], 'SIGKILL')
    signalAll(membersOf(watched.supervisor.pid, keyOf(attempt.job_id, attempt.number)), 'SIGKILL')
  }

  /** Takes in the end of an attempt whose processes are gone, unless that, or its start, is still being recorded. */
  #settle(ctx: Ctx, jobId: string, number: number): void {
    const key = keyOf(jobId, number)
    const watched = this.#watched.get(key)
    if (!watched?.gone || this.#tasks.has(key) || ctx.signal.aborted) return
    this.#background(ctx, key, async () => {
      // What the command left behind ends with it, before its outputs are read; what left the session too, at the next sweep.
      if (watched.supervisor.child) signalAll([-watched.supervisor.pid], 'SIGKILL')
      else if (watched.supervisor.pid > 0) signalAll(membersOf(watched.supervisor.pid, key), 'SIGKILL')
      const latest = (await listAttempts(ctx.db, jobId)).find((row) => row.number === number)
      const job = await findJobRow(ctx.db, jobId)
      if (job && latest) await finishAttempt(ctx, job, latest, watched)
      this.#watched.delete(key)
      this.#swept.add(key)
    })
  }

  async #sample(ctx: Ctx, held: readonly Held[]): Promise<void> {
    const table = listProcesses()
    for (const attempt of held) {
      const watched = this.#watched.get(keyOf(attempt.job_id, attempt.number))
      if (!watched || watched.gone) continue
      const use = sessionUse(watched.supervisor.pid, table)
      const { usage } = watched
      usage.maxRssBytes = Math.max(usage.maxRssBytes ?? 0, use.rssBytes, use.peakBytes)
      usage.cpuSeconds = Math.max(usage.cpuSeconds, use.cpuSeconds)
      usage.sampleCount += 1
      watched.droppedBytes += await boundLog(attemptFolder(ctx.platform.home, attempt.job_id, attempt.number).log)
      if (use.privateBytes > watched.memoryBytes && !watched.ending) await this.#end(ctx, attempt, watched, 'memory', 0)
    }
  }

  /** Kills what left the session of an ended attempt: one look at all processes serves all attempts that ended since the last. */
  #sweep(): void {
    const now = Date.now()
    if (this.#swept.size === 0 || now - this.#sweptAt < SAMPLE_MS) return
    this.#sweptAt = now
    const left = listProcesses().filter((entry) => this.#swept.has(markOf(entry.pid) ?? ''))
    signalAll(
      left.map((entry) => entry.pid),
      'SIGKILL',
    )
    this.#swept.clear()
  }

  #background(ctx: Ctx, key: string, work: () => Promise<void>, then?: () => void): void {
    const task = work().then(
      () => {
        this.#tasks.delete(key)
        then?.()
      },
      (error: unknown) => {
        // Not done again at once: the loop's next pass, a second later, tries again.
        this.#tasks.delete(key)
        if (!ctx.signal.aborted)
          ctx.log.error({ err: error, attempt: key }, 'work on an attempt failed; it is tried again')
      },
    )
    this.#tasks.set(key, task)
  }
}

function keyOf(jobId: string, attempt: number): string {
  return `${jobId}/${attempt}`
}

function wakeIn(ctx: Ctx, ms: number): void {
  setTimeout(() => ctx.platform.wake('jobs'), ms).unref()
}
