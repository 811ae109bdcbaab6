import type { Ctx, Platform } from '@kiban/kit/context'
import { AppError } from '@kiban/kit/errors'
import { parseModelUri, StoredSpec } from './endpoint-spec.ts'
import type { EndpointRow } from './endpoints.store.ts'
import type { TargetVersion } from './start-rollout.ts'

/** What endpoints ask of the model registry. */
export type ModelRegistry = {
  /** The version that `models:/delay@production` or `models:/delay/3` names; throws an AppError if there is none. */
  resolveModel(ctx: Ctx, project: string, uri: string): Promise<TargetVersion>
  /** Points an alias back at an earlier version, if it still points at the later one; throws `alias_moved` if not. */
  moveAliasBack(
    ctx: Ctx,
    move: { project: string; model: string; alias: string; from: number; to: number; reason: string },
  ): Promise<void>
}

const registries = new WeakMap<Platform, ModelRegistry>()

export function useModelRegistry(platform: Platform, registry: ModelRegistry): void {
  registries.set(platform, registry)
}

/** The version that an endpoint should serve; or, in a sentence, why there is none. */
export async function findTarget(
  ctx: Ctx,
  endpoint: EndpointRow,
): Promise<{ version: TargetVersion; because: string } | { reason: string }> {
  const { model } = StoredSpec.parse(JSON.parse(endpoint.spec))
  try {
    return { version: await registryOf(ctx).resolveModel(ctx, endpoint.project, model), because: model }
  } catch (error) {
    if (error instanceof AppError && error.status < 500) return { reason: error.message }
    throw error
  }
}

/** After a roll-out that did not hold: the alias names the old version again, unless somebody has moved it since. */
export async function setAliasBack(
  ctx: Ctx,
  endpoint: EndpointRow,
  of: { from: number; to: number; reason: string },
): Promise<void> {
  const target = parseModelUri(StoredSpec.parse(JSON.parse(endpoint.spec)).model)
  if (target?.alias === undefined) return
  try {
    await registryOf(ctx).moveAliasBack(ctx, {
      project: endpoint.project,
      model: target.model,
      alias: target.alias,
      from: of.to,
      to: of.from,
      reason: of.reason,
    })
  } catch (error) {
    if (!(error instanceof AppError)) throw error
    ctx.log.warn({ endpoint: endpoint.name, err: error }, 'the alias was not set back')
  }
}

function registryOf(ctx: Ctx): ModelRegistry {
  const registry = registries.get(ctx.platform)
  if (!registry) throw new Error('the endpoints module was not started with a model registry')
  return registry
}
