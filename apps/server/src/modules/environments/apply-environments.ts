import type { ApplySection, Change } from '@kiban/kit/module'
import { archiveSpec, listSpecs, upsertSpec } from './environments.store.ts'
import { requestEnvironment } from './request-environment.ts'

/** Makes the section `environments` of the project file so, and asks for each at once: it is built before the first step needs it. */
export const applyEnvironments: ApplySection = async (ctx, { project, file, codeManifest }) => {
  const changes: Change[] = []
  const known = new Map((await listSpecs(ctx.db, project)).map((row) => [row.name, row.spec]))
  for (const [name, value] of Object.entries(file.environments)) {
    const spec = JSON.stringify(value)
    const before = known.get(name)
    known.delete(name)
    if (before !== spec) {
      await upsertSpec(ctx.db, project, name, spec)
      changes.push({ kind: before === undefined ? 'create' : 'update', noun: 'environment', name })
    }
    await requestEnvironment(ctx, project, name, codeManifest)
  }
  for (const name of known.keys()) {
    await archiveSpec(ctx.db, project, name, ctx.clock.now())
    changes.push({ kind: 'archive', noun: 'environment', name })
  }
  return changes
}
