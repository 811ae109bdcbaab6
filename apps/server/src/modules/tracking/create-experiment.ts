import { emit, inTransaction } from '@kiban/kit/context'
import type { Ctx } from '@kiban/kit/context'
import { AppError } from '@kiban/kit/errors'
import { recordAudit } from '../audit/index.ts'
import { findExperimentByName, insertExperiment, setExperimentTags, takeExperimentId } from './experiments.store.ts'
import type { ExperimentRow } from './experiments.store.ts'
import { ensureDefaultExperiment } from './find-experiment.ts'
import { checkExperimentName, checkKey, checkLength, LIMITS } from './limits.ts'
import { badValue } from './tracking-error.ts'

/**
 * Creates an experiment. Artifacts always live in the blob store: a location of the client's own is refused (access.md §10), the
 * server's own scheme is accepted and means the same. Throws `experiment_exists`, also for a deleted experiment's name.
 */
export async function createExperiment(
  ctx: Ctx,
  input: { project: string; name: string; tags?: Readonly<Record<string, string>>; artifactLocation?: string },
): Promise<ExperimentRow> {
  const name = checkExperimentName(input.name)
  const tags = checkExperimentTags(input.tags ?? {})
  checkArtifactLocation(input.artifactLocation)
  await ensureDefaultExperiment(ctx, input.project)
  return inTransaction(ctx, async (ctx) => {
    const known = await findExperimentByName(ctx.db, input.project, name)
    if (known) throw exists(known)
    const now = ctx.clock.now()
    const row: ExperimentRow = {
      project: input.project,
      id: await takeExperimentId(ctx.db, input.project),
      name,
      state: 'active',
      artifact_location: null,
      created_by: ctx.actor.onBehalfOf ?? ctx.actor.id,
      created_at: now,
      updated_at: now,
    }
    if (!(await insertExperiment(ctx.db, row))) throw exists({ name, state: 'active' })
    await setExperimentTags(ctx.db, input.project, row.id, tags)
    await recordAudit(ctx, {
      action: 'experiment.create',
      resource: { kind: 'experiment', id: String(row.id) },
      project: input.project,
      after: { name },
    })
    emit(ctx, { topic: `projects/${input.project}/experiments`, kind: 'experiment.created', id: String(row.id) })
    return row
  })
}

/** The experiment of that name, made when there is none; throws `tracking_invalid` when it is deleted. */
export async function ensureExperiment(ctx: Ctx, project: string, name: string): Promise<ExperimentRow> {
  const known = await findExperimentByName(ctx.db, project, name)
  if (!known) return createExperiment(ctx, { project, name })
  if (known.state === 'deleted')
    throw badValue(`The experiment ${JSON.stringify(name)} is deleted. Restore it, or choose another name.`)
  return known
}

export function checkExperimentTags(tags: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
  for (const [key, value] of Object.entries(tags)) {
    checkKey('tag', key, 'tags.key')
    checkLength(`'Tag value'`, value, LIMITS.experimentTagValue, `tags.${key.slice(0, 50)}`)
  }
  return tags
}

function checkArtifactLocation(location: string | undefined): void {
  if (location === undefined || location === '') return
  if (location.length > LIMITS.artifactLocation)
    throw badValue(`'Artifact location' exceeds the maximum length of ${LIMITS.artifactLocation} characters.`, {
      field: 'artifact_location',
    })
  if (/^mlflow-artifacts:\/?[\w/-]*$/.test(location)) return
  throw badValue(
    `Invalid artifact_location ${JSON.stringify(location.slice(0, 100))}: this server keeps artifacts itself. Leave artifact_location out.`,
    { field: 'artifact_location' },
  )
}

function exists(known: { name: string; state: string }): AppError {
  const hint = known.state === 'deleted' ? ' It is deleted: restore it, or choose another name.' : ''
  return new AppError('experiment_exists', { message: `Experiment '${known.name}' already exists.${hint}` })
}
