import type { ApplySection, Change } from '@kiban/kit/module'
import { newId } from '@kiban/kit/ids'
import { definitionOf, definitionText, parseDefinition } from './definition.ts'
import { insertPipeline, listPipelineRows, updatePipeline } from './pipelines.store.ts'

/** Makes `pipelines` of the project file so. What left the file is archived with its runs; runs that have started keep their own copy. */
export const applyPipelines: ApplySection = async (ctx, { project, file, codeManifest, revisionId }) => {
  const known = new Map((await listPipelineRows(ctx.db, project)).map((row) => [row.name, row]))
  const changes: Change[] = []
  for (const [name, spec] of Object.entries(file.pipelines)) {
    const definition = definitionText(definitionOf(file, spec))
    const row = known.get(name) ?? (spec.renamedFrom === undefined ? undefined : known.get(spec.renamedFrom))
    if (!row) {
      await insertPipeline(ctx.db, {
        id: newId('pipe'),
        project,
        name,
        definition,
        code_manifest: codeManifest,
        revision_id: revisionId,
        archived_at: null,
        created_at: ctx.clock.now(),
        created_by: ctx.actor.id,
      })
      changes.push({ kind: 'create', noun: 'pipeline', name, detail: `${Object.keys(spec.steps).length} steps` })
      continue
    }
    known.delete(row.name)
    const detail =
      row.archived_at !== null
        ? 'brought back'
        : row.name !== name
          ? `renamed from ${row.name}`
          : row.definition !== definition
            ? changedSteps(row.definition, definition)
            : undefined
    await updatePipeline(ctx.db, row.id, {
      name,
      definition,
      code_manifest: codeManifest,
      revision_id: revisionId,
      archived_at: null,
    })
    if (detail !== undefined) changes.push({ kind: 'update', noun: 'pipeline', name, detail })
  }
  for (const row of known.values()) {
    if (row.archived_at !== null) continue
    await updatePipeline(ctx.db, row.id, { archived_at: ctx.clock.now() })
    changes.push({ kind: 'archive', noun: 'pipeline', name: row.name })
  }
  return changes
}

function changedSteps(before: string, after: string): string {
  const old = parseDefinition(before).spec.steps
  const fresh = parseDefinition(after).spec.steps
  const names = [...new Set([...Object.keys(old), ...Object.keys(fresh)])].filter(
    (name) => JSON.stringify(old[name]) !== JSON.stringify(fresh[name]),
  )
  return names.length > 0 ? `steps ${names.join(', ')}` : 'parameters or defaults'
}
