import type { ManifestFile } from '@kiban/contract/primitives'
import { parseProjectFile } from '@kiban/contract/project-file'
import type { ProjectFile } from '@kiban/contract/project-file'
import { afterCommit, emit, inTransaction } from '@kiban/kit/context'
import type { Ctx } from '@kiban/kit/context'
import { AppError } from '@kiban/kit/errors'
import { newId } from '@kiban/kit/ids'
import { putManifest } from '@kiban/kit/manifests'
import type { ApplySection, Change } from '@kiban/kit/module'
import { recordAudit } from '../audit/index.ts'
import { requireProjectBlobs } from '../datasets/index.ts'
import { getProject, updateRevision } from '../projects/index.ts'
import { findNewestRevision, insertRevision } from './revisions.store.ts'
import type { RevisionRow } from './revisions.store.ts'

export type ApplyInput = {
  readonly text: string
  readonly files: readonly ManifestFile[]
  readonly git?: { commit: string; dirty: boolean; diff?: string | undefined } | undefined
}

/** Thrown inside the transaction of a plan to undo it. */
class PlanOnly extends Error {
  readonly changes: readonly Change[]
  constructor(changes: readonly Change[]) {
    super('plan')
    this.changes = changes
  }
}

/** What `applyProject` would change: the same work in a transaction that is rolled back. */
export async function planProject(
  ctx: Ctx,
  sections: readonly ApplySection[],
  project: string,
  input: ApplyInput,
): Promise<readonly Change[]> {
  try {
    await applyProject(ctx, sections, project, input, { plan: true })
  } catch (error) {
    if (error instanceof PlanOnly) return error.changes
    throw error
  }
  throw new Error('a plan must not commit')
}

/**
 * Makes the project as its file says: every module's section in one transaction, recorded as a revision. Applying the same text and
 * files again changes nothing and returns the revision that is there. Throws `project_file_invalid` with every error of the file.
 */
export async function applyProject(
  ctx: Ctx,
  sections: readonly ApplySection[],
  project: string,
  input: ApplyInput,
  options: { plan?: boolean } = {},
): Promise<RevisionRow> {
  const file = parse(input.text)
  if (file.project.name !== project)
    throw new AppError('project_file_invalid', {
      message: `kiban.yaml says project: ${file.project.name}, but it was sent to ${project}. Correct one of them.`,
    })
  await requireProjectBlobs(ctx, project, input.files)
  const codeManifest = await putManifest(ctx.platform.blobs, input.files)
  return inTransaction(ctx, async (ctx) => {
    const row = await getProject(ctx, project)
    const newest = await findNewestRevision(ctx, project)
    if (newest && newest.text === input.text && newest.code_manifest === codeManifest && !options.plan) {
      await recordAudit(ctx, {
        action: 'project.apply',
        resource: { kind: 'revision', id: newest.id },
        project,
        details: { unchanged: true },
      })
      return newest
    }
    const previous = newest ? parse(newest.text) : null
    const revisionId = newId('rev')
    const changes: Change[] = []
    for (const section of sections)
      changes.push(...(await section(ctx, { project, file, previous, codeManifest, revisionId })))
    if (options.plan) throw new PlanOnly(changes)
    const revision: RevisionRow = {
      id: revisionId,
      project,
      number: (newest?.number ?? 0) + 1,
      text: input.text,
      code_manifest: codeManifest,
      git_json: input.git ? JSON.stringify(input.git) : null,
      changes_json: JSON.stringify(changes),
      applied_at: ctx.clock.now(),
      applied_by: ctx.actor.id,
    }
    await insertRevision(ctx, revision)
    await updateRevision(ctx, project, {
      revision: revision.number,
      title: file.project.title ?? row.title,
      description: file.description ?? row.description,
    })
    await recordAudit(ctx, {
      action: 'project.apply',
      resource: { kind: 'revision', id: revisionId },
      project,
      before: newest ? { revision: newest.number } : null,
      after: { revision: revision.number, code: codeManifest, commit: input.git?.commit ?? null },
      details: { changes: changes.map((change) => `${change.kind} ${change.noun} ${change.name}`) },
    })
    emit(ctx, { topic: `projects/${project}`, kind: 'project.applied', id: revisionId })
    for (const loop of ['datasets', 'environments', 'pipelines', 'endpoints', 'monitors', 'loops'])
      afterCommit(ctx, () => ctx.platform.wake(loop))
    return revision
  })
}

function parse(text: string): ProjectFile {
  const parsed = parseProjectFile(text, { path: 'kiban.yaml' })
  if ('file' in parsed) return parsed.file
  const first = parsed.errors[0]
  throw new AppError('project_file_invalid', {
    message: first
      ? `${first.file}:${first.line}:${first.column}: ${first.message}${parsed.errors.length > 1 ? ` (and ${parsed.errors.length - 1} more)` : ''}`
      : 'kiban.yaml is not valid.',
    details: { errors: parsed.errors.map((error) => ({ ...error })) },
  })
}
