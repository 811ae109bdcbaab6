import { emit, inTransaction } from '@kiban/kit/context'
import type { Ctx, Platform } from '@kiban/kit/context'
import { getManifest } from '@kiban/kit/manifests'
import type { Loop } from '@kiban/kit/module'
import { isRunning, thisProcess } from '@kiban/kit/process-identity'
import { buildEnvironment, isBuilt } from './build-environment.ts'
import { EnvironmentPlan, planOf, specHashOf } from './environment-plan.ts'
import { specOf } from './environments.present.ts'
import {
  findBuild,
  insertBuild,
  listRequestsOf,
  listUnfinishedBuilds,
  listUnread,
  updateBuild,
  updateEnvironment,
} from './environments.store.ts'
import type { BuildRow, EnvironmentRow } from './environments.store.ts'
import { PythonNotFound, findPython } from './find-python.ts'
import { RequirementsError, checkRequirement, readRequirements } from './requirements.ts'

/** How long a build that failed here is left alone; elsewhere it went well. */
const RETRY_MS = 30_000
const retryAt = new Map<string, number>()
const building = new WeakMap<Platform, Map<string, Promise<void>>>()

/** Reads what was asked for, then builds what nobody has built, one at a time and in the background. */
export const environmentsLoop: Loop = {
  name: 'environments',
  everyMs: 2000,
  run: async (ctx) => {
    for (const row of await listUnread(ctx.db)) await readRequest(ctx, row)
    const running = buildsOf(ctx.platform)
    for (const build of await listUnfinishedBuilds(ctx.db)) {
      if (running.size > 0) return
      await startBuild(ctx, build)
    }
  },
}

/**
 * Whether a ready environment is in this home, so that a job can start here. One that another server built in a home of its own, or that
 * was deleted, is built here in the background; the loop `jobs` is woken when that has ended.
 */
export async function isHere(ctx: Ctx, specHash: string): Promise<boolean> {
  if (isBuilt(ctx.platform.home, specHash)) return true
  const running = buildsOf(ctx.platform)
  const build = await findBuild(ctx.db, specHash)
  if (!build || build.state !== 'ready' || running.size > 0 || ctx.clock.now() < (retryAt.get(specHash) ?? 0))
    return false
  retryAt.set(specHash, ctx.clock.now() + RETRY_MS)
  const task = buildEnvironment(ctx.platform.home, specHash, EnvironmentPlan.parse(JSON.parse(build.plan)), ctx.signal)
    .then((result) => {
      if (!result.ok && !ctx.signal.aborted)
        ctx.log.error(
          { environment: specHash, ...result.error },
          'an environment built elsewhere could not be built here',
        )
    })
    .catch((error: unknown) => {
      if (!ctx.signal.aborted) ctx.log.error({ err: error, environment: specHash }, 'an environment could not be built')
    })
    .finally(() => {
      running.delete(specHash)
      ctx.platform.wake('environments')
      ctx.platform.wake('jobs')
    })
  running.set(specHash, task)
  return false
}

/** Waits for a build in progress to be ended by the server's own end. */
export async function stopBuilds(ctx: Ctx): Promise<void> {
  await Promise.all(buildsOf(ctx.platform).values())
}

async function readRequest(ctx: Ctx, row: EnvironmentRow): Promise<void> {
  const problem = await plan(ctx, row).then(
    async (plan) => {
      const specHash = specHashOf(plan)
      await inTransaction(ctx, async (ctx) => {
        await insertBuild(ctx.db, {
          spec_hash: specHash,
          state: 'queued',
          runner: null,
          plan: JSON.stringify(plan),
          packages: '[]',
          created_at: ctx.clock.now(),
        })
        await updateEnvironment(ctx.db, row.id, { spec_hash: specHash })
      })
      return undefined
    },
    (error: unknown) => error,
  )
  if (problem === undefined) return tell(ctx, [row], 'environment.read')
  const known = problem instanceof RequirementsError || problem instanceof PythonNotFound
  if (!known) throw problem
  const cause = problem instanceof PythonNotFound ? 'start_failed' : 'user_error'
  await inTransaction(ctx, (ctx) => updateEnvironment(ctx.db, row.id, { cause, message: problem.message }))
  tell(ctx, [row], 'environment.failed')
}

async function plan(ctx: Ctx, row: EnvironmentRow): Promise<EnvironmentPlan> {
  const spec = specOf(row)
  const python = await findPython(spec.python)
  const files = new Map((await getManifest(ctx.platform.blobs, row.code)).map((file) => [file.path, file.hash]))
  const texts = new Map<string, string>()
  // Requirements files name each other, and reading them is pure: fetch those of the project by their names first.
  for (const [path, hash] of files)
    if (/\.(txt|in|pip|lock)$/.test(path) || path === spec.requirements)
      texts.set(path, (await ctx.platform.blobs.read(hash)).toString('utf8'))
  const read =
    spec.requirements === undefined
      ? { lines: [], constraints: [], options: [] }
      : readRequirements(spec.requirements, (path) => texts.get(path))
  const packages = (spec.packages ?? []).map((line) => checkRequirement(line, `environments.${row.name}.packages`))
  return planOf(python, { ...read, lines: [...read.lines, ...packages] })
}

async function startBuild(ctx: Ctx, build: BuildRow): Promise<void> {
  const running = buildsOf(ctx.platform)
  if (running.has(build.spec_hash)) return
  // Another living server builds it; one on another machine has a home of its own, so its builds are not ours to judge.
  if (
    build.state === 'building' &&
    build.runner !== null &&
    build.runner !== thisProcess() &&
    isRunning(build.runner) !== false
  )
    return
  const mine = { spec_hash: build.spec_hash, state: 'building' as const, runner: thisProcess() }
  const taken = await inTransaction(ctx, (ctx) => updateBuild(ctx.db, build, { ...mine, started_at: ctx.clock.now() }))
  if (!taken) return
  await tellOfBuild(ctx, build.spec_hash, 'environment.building')
  const task = buildAndRecord(ctx, build, mine)
    .catch((error: unknown) => {
      if (!ctx.signal.aborted)
        ctx.log.error(
          { err: error, environment: build.spec_hash },
          'an environment could not be built; it is tried again',
        )
    })
    .finally(() => {
      running.delete(build.spec_hash)
      ctx.platform.wake('environments')
      ctx.platform.wake('jobs')
      ctx.platform.wake('pipelines')
      ctx.platform.wake('tuning')
    })
  running.set(build.spec_hash, task)
}

async function buildAndRecord(
  ctx: Ctx,
  build: BuildRow,
  mine: { spec_hash: string; state: 'building'; runner: string },
): Promise<void> {
  const result = await buildEnvironment(
    ctx.platform.home,
    build.spec_hash,
    EnvironmentPlan.parse(JSON.parse(build.plan)),
    ctx.signal,
  )
  // An orderly end of the server also ends the build: it stays `building`, and the next server begins again.
  if (ctx.signal.aborted) return
  const now = ctx.clock.now()
  await inTransaction(ctx, (ctx) =>
    updateBuild(
      ctx.db,
      mine,
      result.ok
        ? {
            state: 'ready',
            runner: null,
            lock_hash: result.built.lockHash,
            packages: JSON.stringify(result.built.packages),
            builder: result.built.builder,
            size_bytes: result.built.sizeBytes,
            cause: null,
            message: null,
            ended_at: now,
          }
        : { state: 'failed', runner: null, cause: result.error.cause, message: result.error.message, ended_at: now },
    ),
  )
  await tellOfBuild(ctx, build.spec_hash, result.ok ? 'environment.ready' : 'environment.failed')
}

async function tellOfBuild(ctx: Ctx, specHash: string, kind: string): Promise<void> {
  tell(ctx, await listRequestsOf(ctx.db, specHash), kind)
}

function tell(ctx: Ctx, rows: readonly EnvironmentRow[], kind: string): void {
  for (const row of rows) emit(ctx, { topic: `projects/${row.project}/environments`, kind, id: row.id })
  for (const loop of ['jobs', 'pipelines', 'tuning']) ctx.platform.wake(loop)
}

function buildsOf(platform: Platform): Map<string, Promise<void>> {
  const known = building.get(platform)
  if (known) return known
  const made = new Map<string, Promise<void>>()
  building.set(platform, made)
  return made
}
