import { stat } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Client } from '@kiban/client'
import { ApiError } from '@kiban/client'
import { hashFile, uploadMissing } from '../project-folder.ts'
import { dayOf, instantOf, monthLabel } from './calendar.ts'
import type { Day } from './calendar.ts'
import type { Say } from './progress.ts'

/** What every step of the example's life works with. */
export type Life = {
  readonly client: Client
  readonly project: string
  /** The example's folder. */
  readonly folder: string
  readonly signal: AbortSignal
}

const POLL_MS = 250

/** Asks `look` until it gives something other than undefined. Throws an Error that says what it waited for. */
export async function waitFor<T>(
  life: Life,
  what: string,
  look: () => Promise<T | undefined>,
  timeoutMs = 180_000,
): Promise<T> {
  const deadline = Date.now() + timeoutMs
  for (;;) {
    const found = await look()
    if (found !== undefined) return found
    if (Date.now() > deadline) throw new Error(`${what} did not come within ${Math.round(timeoutMs / 1000)} s`)
    await sleep(POLL_MS, undefined, { signal: life.signal })
  }
}

/** What the call gives, or undefined when there is no such thing yet. */
export async function found<T>(call: Promise<T>): Promise<T | undefined> {
  try {
    return await call
  } catch (error) {
    if (error instanceof ApiError && error.status === 404) return undefined
    throw error
  }
}

/** Paths of the newest version's files. */
export async function pathsOf(life: Life, dataset: string): Promise<ReadonlySet<string>> {
  const paths = new Set<string>()
  let cursor: string | undefined
  do {
    const page = await found(
      life.client.listDatasetFiles({
        project: life.project,
        dataset,
        version: 'usable',
        limit: 1000,
        ...(cursor === undefined ? {} : { cursor }),
      }),
    )
    for (const file of page?.files ?? []) paths.add(file.path)
    cursor = page?.nextCursor ?? undefined
  } while (cursor !== undefined)
  return paths
}

/** Commits one month's file, unless the data set has it, and waits for what its contract says of it. */
export async function commitMonth(life: Life, dataset: string, month: number): Promise<void> {
  const path = `${dataset}-${monthLabel(month)}.parquet`
  if ((await pathsOf(life, dataset)).has(path)) return
  await commitFile(life, dataset, path, join(life.folder, 'data', path), monthLabel(month))
}

/** Commits a file and waits until its contract has been checked. Gives the version. */
export async function commitFile(life: Life, dataset: string, path: string, from: string, message: string) {
  const hash = await hashFile(from)
  const { size: sizeBytes } = await stat(from)
  await uploadMissing(life.client, life.project, [{ hash, sizeBytes, from }])
  const version = await life.client.commitDatasetVersion({
    project: life.project,
    dataset,
    files: [{ path, hash, sizeBytes }],
    mode: 'append',
    message,
  })
  return await waitFor(life, `The check of ${dataset} ${version.number}`, async () => {
    const now = await life.client.getDatasetVersion({ project: life.project, dataset, version: String(version.number) })
    return now.state === 'checking' ? undefined : now
  })
}

/** The replayed day, by the project's own clock; undefined before the replay has begun. */
export async function today(life: Life): Promise<Day | undefined> {
  const { clock } = await life.client.getProject({ project: life.project })
  return clock.mode === 'replay' ? dayOf(clock.now) : undefined
}

/** Sets the project's clock; a time that has passed is left as it is. */
export async function setClock(life: Life, day: Day, hour: number): Promise<void> {
  const now = instantOf(day, hour)
  const { clock } = await life.client.getProject({ project: life.project })
  if (clock.mode === 'replay' && clock.now >= now) return
  await life.client.setProjectClock({ project: life.project, mode: 'replay', now })
}

/**
 * Runs a pipeline once, whoever asks and however often: the key makes it one run. A run that failed is resumed once. Gives the run
 * at its end, which is a failure only when `mayFail`.
 */
export async function runPipeline(
  life: Life,
  input: {
    readonly pipeline: string
    readonly key: string
    readonly params: Readonly<Record<string, string | number>>
    readonly mayFail?: boolean
  },
  say: Say,
) {
  const { client, project } = life
  const started = await client.startPipelineRun({
    project,
    pipeline: input.pipeline,
    params: { ...input.params },
    idempotencyKey: input.key,
  })
  let resumed = false
  return await waitFor(
    life,
    `The end of ${started.name}`,
    async () => {
      const now = await client.getPipelineRun({ project, run: started.id })
      say(`${now.name}: ${now.steps.map((step) => `${step.name} ${step.state}${countOf(step)}`).join(', ')}`)
      if (now.state === 'succeeded' || (input.mayFail === true && now.state === 'failed')) return now
      if (now.state !== 'failed' && now.state !== 'cancelled') return undefined
      if (resumed) throw new Error(`${now.name} ${now.state}: ${now.message ?? now.cause ?? 'no reason was given'}`)
      resumed = true
      await client.resumePipelineRun({ project, run: started.id }).catch((error: unknown) => {
        throw new Error(`${now.name} ${now.state}: ${now.message ?? now.cause ?? 'no reason was given'}`, {
          cause: error,
        })
      })
      return undefined
    },
    600_000,
  )
}

function countOf(step: { readonly attempts: readonly unknown[] }): string {
  return step.attempts.length > 1 ? ` (attempt ${step.attempts.length})` : ''
}

/** The version of the model that a pipeline run made. */
export async function versionOfRun(life: Life, pipelineRunId: string) {
  const { items } = await life.client.listModelVersions({ project: life.project, model: 'delay' })
  for (const item of items) {
    const version = await life.client.getModelVersion({
      project: life.project,
      model: 'delay',
      version: String(item.number),
    })
    if (version.pipelineRunId === pipelineRunId) return version
  }
  return undefined
}
