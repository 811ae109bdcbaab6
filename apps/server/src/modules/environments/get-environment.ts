import { join } from 'node:path'
import type { EnvironmentError, EnvironmentPackage, EnvironmentState } from '@kiban/contract/environments'
import type { Ctx } from '@kiban/kit/context'
import { environmentPaths } from './build-environment.ts'
import { errorOf, packagesOf, planOfBuild, specOf, stateOf } from './environments.present.ts'
import { findBuild, getEnvironmentRow } from './environments.store.ts'

/** An environment as jobs use it. `prefix`, `bin` and `python` are absolute paths, there once it is ready. */
export type EnvironmentView = {
  readonly id: string
  readonly name: string
  readonly state: EnvironmentState
  readonly prefix: string | null
  readonly bin: string | null
  readonly python: string | null
  readonly pythonVersion: string | null
  readonly specHash: string | null
  readonly lockHash: string | null
  readonly packages: readonly EnvironmentPackage[]
  /** Variables that the project file gives it. */
  readonly env: Readonly<Record<string, string>>
  readonly error: EnvironmentError | null
}

/** Throws `environment_not_found`. */
export async function getEnvironment(ctx: Ctx, id: string): Promise<EnvironmentView> {
  const row = await getEnvironmentRow(ctx.db, id)
  const build = row.spec_hash === null ? undefined : await findBuild(ctx.db, row.spec_hash)
  const state = stateOf(row, build)
  const prefix =
    state === 'ready' && row.spec_hash !== null ? environmentPaths(ctx.platform.home, row.spec_hash).prefix : null
  const env = Object.entries(specOf(row).env ?? {}).map(([name, value]) => [name, String(value)] as const)
  return {
    id,
    name: row.name,
    state,
    prefix,
    bin: prefix === null ? null : join(prefix, 'bin'),
    python: prefix === null ? null : join(prefix, 'bin', 'python'),
    pythonVersion: build ? planOfBuild(build).python.version : null,
    specHash: row.spec_hash,
    lockHash: build?.lock_hash ?? null,
    packages: build ? packagesOf(build) : [],
    env: Object.fromEntries(env),
    error: errorOf(row, build),
  }
}
