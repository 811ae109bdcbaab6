import { z } from 'zod'
import type { CacheReport } from '@kiban/contract/pipelines'
import { durationMs } from '@kiban/contract/project-file'
import type { StepSpec } from '@kiban/contract/project-file'
import type { Ctx } from '@kiban/kit/context'
import { getManifest } from '@kiban/kit/manifests'
import { differences } from './cache-key.ts'
import type { KeyPart } from './cache-key.ts'
import type { PipelineRunRow } from './pipelines.store.ts'
import { Outputs } from './run-scope.ts'
import { findCacheEntry, findNewestSuccess } from './steps.store.ts'
import type { CacheEntryRow, StepRunRow } from './steps.store.ts'

const Parts = z.array(z.object({ part: z.string(), name: z.string(), value: z.string() }))

/** The newest success of this key within `ttl` whose outputs all exist, or why there is none (project-file §4). */
export async function lookUpCache(
  ctx: Ctx,
  given: { run: PipelineRunRow; row: StepRunRow; step: StepSpec; key: string; parts: readonly KeyPart[] },
): Promise<{ readonly report: CacheReport; readonly entry: CacheEntryRow | undefined }> {
  const { run, row, step, key } = given
  const newest = await findNewestSuccess(ctx.db, { project: run.project, pipeline: run.pipeline, step: row.name })
  const miss = (
    reason: CacheReport['reason'],
    changes: CacheReport['differences'] = [],
  ): { report: CacheReport; entry: undefined } => ({
    report: {
      result: reason === 'disabled' ? 'disabled' : 'miss',
      key,
      stepRunId: newest?.step_run_id ?? null,
      reason,
      differences: changes,
    },
    entry: undefined,
  })
  if (step.cache === false || row.recompute === 1) return miss('disabled')
  const entry = await findCacheEntry(ctx.db, run.project, key)
  if (!entry) {
    if (!newest) return miss('first_run')
    return miss('changed', differences(Parts.parse(JSON.parse(newest.parts)), given.parts))
  }
  const ttl = typeof step.cache === 'object' ? step.cache.ttl : undefined
  if (ttl !== undefined && entry.created_at + durationMs(ttl) < ctx.clock.now()) return miss('ttl')
  if (!(await allThere(ctx, entry))) return miss('output_gone')
  return { report: { result: 'hit', key, stepRunId: entry.step_run_id, reason: 'same', differences: [] }, entry }
}

async function allThere(ctx: Ctx, entry: CacheEntryRow): Promise<boolean> {
  const { blobs } = ctx.platform
  for (const output of Object.values(Outputs.parse(JSON.parse(entry.outputs)))) {
    if (output.tree === undefined) continue
    if (!(await blobs.has(output.tree))) return false
    for (const file of await getManifest(blobs, output.tree)) if (!(await blobs.has(file.hash))) return false
  }
  return true
}
