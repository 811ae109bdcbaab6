import { Json } from '@kiban/contract/primitives'
import type { Ctx, Platform } from '@kiban/kit/context'
import { Sampler } from './sampler-process.ts'
import type { SweepRow } from './tuning.store.ts'

const SAMPLERS = new WeakMap<Platform, Map<string, Sampler>>()

function samplersOf(ctx: Ctx): Map<string, Sampler> {
  const known = SAMPLERS.get(ctx.platform) ?? new Map<string, Sampler>()
  SAMPLERS.set(ctx.platform, known)
  return known
}

/** The warm sampler of a sweep; started when there is none or it has died. */
export function samplerOf(ctx: Ctx, sweep: SweepRow): Sampler {
  const samplers = samplersOf(ctx)
  const known = samplers.get(sweep.id)
  if (known && !known.ended) return known
  const sampler = new Sampler({
    python: sweep.python ?? 'python3',
    space: Json.parse(JSON.parse(sweep.space)),
    direction: sweep.direction,
    sampler: sweep.sampler,
    options: Json.parse(JSON.parse(sweep.sampler_options)),
    seed: sweep.seed,
  })
  samplers.set(sweep.id, sampler)
  return sampler
}

export function closeSampler(ctx: Ctx, sweepId: string): void {
  const samplers = samplersOf(ctx)
  samplers.get(sweepId)?.close()
  samplers.delete(sweepId)
}

export function closeSamplers(ctx: Ctx): void {
  for (const sampler of samplersOf(ctx).values()) sampler.close()
  samplersOf(ctx).clear()
}
