import { emit, inTransaction, wake } from '@kiban/kit/context'
import type { Ctx } from '@kiban/kit/context'
import { AppError } from '@kiban/kit/errors'
import type { EnvironmentState } from '@kiban/contract/environments'
import { newId } from '@kiban/kit/ids'
import { stateOf } from './environments.present.ts'
import {
  findBuild,
  findRequest,
  findSpec,
  insertEnvironment,
  listSpecs,
  updateBuild,
  updateEnvironment,
} from './environments.store.ts'

/**
 * The environment `name` of the project as it is for this state of the code, asked for in the caller's transaction: at once when it was
 * asked for before, else queued, then read and built by the loop. One that failed for lack of network or disk is queued again.
 * Throws `environment_invalid` when the project file has no such environment.
 */
export async function requestEnvironment(
  ctx: Ctx,
  project: string,
  name: string,
  codeManifest: string,
): Promise<{ id: string; state: EnvironmentState }> {
  return inTransaction(ctx, async (ctx) => {
    const spec = await findSpec(ctx.db, project, name)
    if (spec === undefined) {
      const names = (await listSpecs(ctx.db, project)).map((row) => row.name)
      throw new AppError('environment_invalid', {
        message: `The project ${project} has no environment ${JSON.stringify(name)}; it has ${names.join(', ') || 'none'}. Add it under \`environments\` in kiban.yaml.`,
      })
    }
    const known = await findRequest(ctx.db, { project, name, spec, code: codeManifest })
    if (known) {
      const build = known.spec_hash === null ? undefined : await findBuild(ctx.db, known.spec_hash)
      const passing = (build ?? known).cause === 'start_failed'
      if (passing && build?.state === 'failed')
        await updateBuild(ctx.db, build, { state: 'queued', runner: null, cause: null, message: null, ended_at: null })
      if (passing && !build) await updateEnvironment(ctx.db, known.id, { cause: null, message: null })
      if (passing) wake(ctx, 'environments')
      return { id: known.id, state: passing ? 'queued' : stateOf(known, build) }
    }
    const id = newId('env')
    await insertEnvironment(ctx.db, {
      id,
      project,
      name,
      spec,
      code: codeManifest,
      created_at: ctx.clock.now(),
      created_by: ctx.actor.onBehalfOf ?? ctx.actor.id,
    })
    emit(ctx, { topic: `projects/${project}/environments`, kind: 'environment.queued', id })
    wake(ctx, 'environments')
    return { id, state: 'queued' }
  })
}
