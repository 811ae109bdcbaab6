import { z } from 'zod'
import { projects as contract } from '@kiban/contract'
import { AppError } from '@kiban/kit/errors'
import { getManifest } from '@kiban/kit/manifests'
import { route } from '@kiban/kit/module'
import type { ApplySection, Module } from '@kiban/kit/module'
import { getProject } from '../projects/index.ts'
import { applyProject, planProject } from './apply-project.ts'
import { migrations } from './revisions.migrations.ts'
import { findRevision, listRevisionRows } from './revisions.store.ts'
import type { RevisionRow } from './revisions.store.ts'

const Stored = { git: z.object({ commit: z.string(), dirty: z.boolean() }), changes: z.array(contract.Change) }

/** The revisions module, given the sections that the other modules apply, in their order. */
export function revisionsModule(sections: readonly ApplySection[]): Module {
  return {
    name: 'revisions',
    migrations,
    routes: [
      route(contract.planProject, async (ctx, { params, body }) => ({
        changes: [...(await planProject(ctx, sections, params.project, body))],
      })),
      route(contract.applyProject, async (ctx, { params, body }) =>
        presentRevision(await applyProject(ctx, sections, params.project, body)),
      ),
      route(contract.listRevisions, async (ctx, { params, query }) => {
        await getProject(ctx, params.project)
        return { revisions: (await listRevisionRows(ctx, params.project, query.limit)).map(presentRevision) }
      }),
      route(contract.getRevisionFile, async (ctx, { params }) => {
        const row = await findRevision(ctx, params.project, params.number)
        if (!row)
          throw new AppError('revision_not_found', { message: `${params.project} has no revision ${params.number}.` })
        return { text: row.text, files: await getManifest(ctx.platform.blobs, row.code_manifest) }
      }),
    ],
  }
}

function presentRevision(row: RevisionRow) {
  return {
    id: row.id,
    number: row.number,
    appliedAt: row.applied_at,
    appliedBy: row.applied_by,
    codeManifest: row.code_manifest,
    ...(row.git_json === null ? {} : { git: Stored.git.parse(JSON.parse(row.git_json)) }),
    changes: Stored.changes.parse(JSON.parse(row.changes_json)),
  }
}
