import { emit, inTransaction } from '@kiban/kit/context'
import type { Ctx } from '@kiban/kit/context'
import { AppError } from '@kiban/kit/errors'
import { recordAudit } from '../audit/index.ts'
import { getProject, updateClock } from './projects.store.ts'

/** Sets the project's clock. A replayed clock never goes back: windows that have closed stay closed. */
export async function setClock(
  ctx: Ctx,
  input: { project: string; mode: 'system' | 'replay'; now: number | null },
): Promise<{ mode: 'system' | 'replay'; now: number }> {
  return inTransaction(ctx, async (ctx) => {
    const project = await getProject(ctx, input.project)
    if (input.now !== null && project.clock_now !== null && input.now < project.clock_now)
      throw new AppError('bad_request', {
        message: `body.now: the clock of ${project.name} stands at ${new Date(project.clock_now).toISOString()} and can't go back to ${new Date(input.now).toISOString()}.`,
      })
    await updateClock(ctx, project.name, { mode: input.mode, now: input.now })
    // Each tick of a replay is no event of its own; the change of mode is.
    if (project.clock_mode !== input.mode)
      await recordAudit(ctx, {
        action: 'project.manage',
        resource: { kind: 'project', id: project.id },
        project: project.name,
        before: { clock: project.clock_mode },
        after: { clock: input.mode },
      })
    emit(ctx, { topic: `projects/${project.name}`, kind: 'project.clock', id: project.id, data: { now: input.now } })
    for (const loop of ['monitors', 'rollouts', 'endpoints', 'loops'])
      ctx.transaction?.after.push(() => ctx.platform.wake(loop))
    return { mode: input.mode, now: input.now ?? ctx.clock.now() }
  })
}
