import { emit, inTransaction } from '@kiban/kit/context'
import type { Ctx } from '@kiban/kit/context'
import { AppError } from '@kiban/kit/errors'
import { recordAudit } from '../audit/index.ts'
import { findProjectByKey, insertProject } from './projects.store.ts'
import type { ProjectRow } from './projects.store.ts'

/** Creates an empty project; throws `project_exists` also when a name differs only by case or by `-` and `_`. */
export async function createProject(
  ctx: Ctx,
  input: { name: string; title: string; description: string },
): Promise<ProjectRow> {
  const key = input.name.toLowerCase().replaceAll('_', '-')
  return inTransaction(ctx, async (ctx) => {
    const known = await findProjectByKey(ctx, key)
    if (known)
      throw new AppError('project_exists', {
        message: `There is a project ${known.name} already. Choose another name, or use that one.`,
      })
    const row = await insertProject(ctx, { ...input, key })
    await recordAudit(ctx, {
      action: 'project.create',
      resource: { kind: 'project', id: row.id },
      project: row.name,
      after: { name: row.name, title: row.title },
    })
    emit(ctx, { topic: `projects/${row.name}`, kind: 'project.created', id: row.id })
    return row
  })
}
