import { ModelName } from '@kiban/contract/models'
import { emit, inTransaction } from '@kiban/kit/context'
import type { Ctx } from '@kiban/kit/context'
import { AppError } from '@kiban/kit/errors'
import { newId } from '@kiban/kit/ids'
import { recordAudit } from '../audit/index.ts'
import { getProject } from '../projects/index.ts'
import { findModelOfAnyState, insertModel, setModelTags, updateModelRow } from './models.store.ts'
import type { RegisteredModelRow } from './models.store.ts'

/** Creates a registered model, or brings an archived one of that name back. Throws `model_exists`, `model_source_invalid` on a bad name. */
export async function createModel(
  ctx: Ctx,
  input: {
    project: string
    name: string
    description?: string
    tags?: Readonly<Record<string, string>>
    spec?: string
    silent?: boolean
  },
): Promise<RegisteredModelRow> {
  const name = ModelName.safeParse(input.name)
  if (!name.success || name.data !== input.name.normalize('NFC'))
    throw new AppError('model_source_invalid', {
      message: `Invalid model name ${JSON.stringify(input.name.slice(0, 200))}: 1 to 250 characters without "/", ":", "%" and control characters.`,
    })
  await getProject(ctx, input.project)
  return inTransaction(ctx, async (ctx) => {
    const now = ctx.clock.now()
    const known = await findModelOfAnyState(ctx.db, input.project, input.name)
    if (known && known.archived === 0) throw exists(input.name)
    const row: RegisteredModelRow = {
      ...(known ?? {
        id: newId('mdl'),
        project: input.project,
        name: input.name,
        next_number: 1,
        created_by: ctx.actor.onBehalfOf ?? ctx.actor.id,
        created_at: now,
      }),
      description: input.description ?? '',
      spec: input.spec ?? null,
      archived: 0,
      updated_at: now,
    }
    if (known)
      await updateModelRow(ctx.db, row.id, {
        archived: 0,
        description: row.description,
        spec: row.spec,
        updated_at: now,
      })
    else if (!(await insertModel(ctx.db, row))) throw exists(input.name)
    await setModelTags(ctx.db, row.id, input.tags ?? {})
    if (!input.silent)
      await recordAudit(ctx, {
        action: 'model.create',
        resource: { kind: 'model', id: row.id },
        project: row.project,
        after: { name: row.name },
      })
    emit(ctx, { topic: `projects/${row.project}/models`, kind: 'model.created', id: row.id })
    return row
  })
}

function exists(name: string): AppError {
  return new AppError('model_exists', { message: `Registered Model (name=${name}) already exists.` })
}
