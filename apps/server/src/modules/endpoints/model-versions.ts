import type { Ctx, Platform } from '@kiban/kit/context'
import { AppError } from '@kiban/kit/errors'
import { parseModelUri, StoredSpec } from './endpoint-spec.ts'
import type { EndpointRow } from './endpoints.store.ts'
import type { TargetVersion } from './start-rollout.ts'

/** What endpoints ask of the model registry. */
export type ModelRegistry = {
  /** The version that `models:/delay@production` or `models:/delay/3` names; throws an AppError if there is none. */
  resolveModel(ctx: Ctx, project: string, uri: string): Promise<TargetVersion>
  /** Points an alias at a version if it still points at `expected` (both version ids); throws `alias_moved` if not. */
  setAlias(
    ctx: Ctx,
    move: { versionId: string; alias: string; expected: string; reason: string; silent?: boolean },
  ): Promise<void>
  /** The version did not hold: it needs an override to be released again. */
  markRolledBack(ctx: Ctx, versionId: string, reason: string): Promise<void>
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

/**
 * After a roll-out that did not hold: the alias names the old version again, unless somebody has moved it since, and the new version
 * is marked as taken back. `silent`: the caller writes the audit event.
 */
export async function takeBack(
  ctx: Ctx,
  endpoint: EndpointRow,
  of: { oldVersionId: string; newVersionId: string; reason: string; silent?: boolean },
): Promise<void> {
  const registry = registryOf(ctx)
  const alias = parseModelUri(StoredSpec.parse(JSON.parse(endpoint.spec)).model)?.alias
  try {
    if (alias !== undefined)
      await registry.setAlias(ctx, {
        versionId: of.oldVersionId,
        alias,
        expected: of.newVersionId,
        reason: of.reason,
        silent: of.silent ?? false,
      })
  } catch (error) {
    if (!(error instanceof AppError) || error.status >= 500) throw error
    ctx.log.warn({ endpoint: endpoint.name, err: error }, 'the alias was not set back')
  }
  await registry.markRolledBack(ctx, of.newVersionId, of.reason)
}

function registryOf(ctx: Ctx): ModelRegistry {
  const registry = registries.get(ctx.platform)
  if (!registry) throw new Error('the endpoints module was not started with a model registry')
  return registry
}
