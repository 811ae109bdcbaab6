import { canonicalJson } from '@kiban/kit/canonical-json'
import type { Ctx } from '@kiban/kit/context'
import type { ApplySection, Change } from '@kiban/kit/module'
import { createModel } from './create-model.ts'
import { findModel, updateModelRow } from './models.store.ts'

/** Makes `models` of the project file so. A model that leaves the file is archived with its versions; what serves goes on by its endpoint's own section. */
export const applyModels: ApplySection = async (ctx: Ctx, { project, file, previous }) => {
  const changes: Change[] = []
  for (const [name, { description, ...rest }] of Object.entries(file.models)) {
    const spec = canonicalJson(rest)
    const known = await findModel(ctx.db, project, name)
    if (!known) {
      await createModel(ctx, { project, name, description: description ?? '', spec, silent: true })
      changes.push({ kind: 'create', noun: 'model', name })
    } else if (known.spec !== spec || (description !== undefined && description !== known.description)) {
      await updateModelRow(ctx.db, known.id, {
        spec,
        description: description ?? known.description,
        updated_at: ctx.clock.now(),
      })
      changes.push({ kind: 'update', noun: 'model', name, detail: 'its gate, target or description changed' })
    }
  }
  for (const name of Object.keys(previous?.models ?? {})) {
    const gone = Object.hasOwn(file.models, name) ? undefined : await findModel(ctx.db, project, name)
    if (!gone) continue
    await updateModelRow(ctx.db, gone.id, { archived: 1, updated_at: ctx.clock.now() })
    changes.push({ kind: 'archive', noun: 'model', name })
  }
  return changes
}
