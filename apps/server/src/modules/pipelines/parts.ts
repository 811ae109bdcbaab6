import type { Ctx, Platform } from '@kiban/kit/context'
import type { StepComponent } from '@kiban/kit/module'

/** What later modules lend to pipelines, so that modules stay a DAG. */
export type PipelineParts = {
  /** Platform steps by name: `kiban/release`. */
  readonly components: Readonly<Record<string, StepComponent>>
  /** Finds a model version by URI. */
  readonly resolveModel?: (
    ctx: Ctx,
    project: string,
    uri: string,
  ) => Promise<{ id: string; number: number; manifest: string; runId?: string | null }>
}

const PARTS = new WeakMap<Platform, PipelineParts>()

/** Set once when a server starts. */
export function setParts(ctx: Ctx, parts: PipelineParts): void {
  PARTS.set(ctx.platform, parts)
}

export function partsOf(ctx: Ctx): PipelineParts {
  return PARTS.get(ctx.platform) ?? { components: {} }
}
