import { inTransaction, SYSTEM } from '@kiban/kit/context'
import type { Ctx, Platform } from '@kiban/kit/context'
import { AppError } from '@kiban/kit/errors'
import { createProject, getProject } from '../projects/index.ts'
import { findExperiment, findExperimentByName, insertExperiment } from './experiments.store.ts'
import type { ExperimentRow } from './experiments.store.ts'
import { experimentNumber } from './limits.ts'

const withDefault = new WeakMap<Platform, Set<string>>()

/** Makes sure that the project exists and has its experiment `Default`, id 0, which every MLflow client expects. */
export async function ensureDefaultExperiment(ctx: Ctx, project: string): Promise<void> {
  const known = withDefault.get(ctx.platform) ?? new Set()
  withDefault.set(ctx.platform, known)
  if (known.has(project)) return
  await ensureProject(ctx, project)
  if (!(await findExperiment(ctx.db, project, 0))) await inTransaction(ctx, (ctx) => insertDefault(ctx, project))
  known.add(project)
}

/** The project `default` is made when a client that names none first needs it; others must exist. */
async function ensureProject(ctx: Ctx, project: string): Promise<void> {
  try {
    await getProject(ctx, project)
  } catch (error) {
    if (project !== 'default' || !(error instanceof AppError) || error.code !== 'project_not_found') throw error
    // Not a change that the request asked for, so not its audit event either.
    const { request: _request, ...outside } = ctx
    await createProject(
      { ...outside, actor: SYSTEM },
      { name: 'default', title: 'Default', description: 'For clients that name no project.' },
    )
  }
}

async function insertDefault(ctx: Ctx, project: string): Promise<void> {
  const now = ctx.clock.now()
  await insertExperiment(ctx.db, {
    project,
    id: 0,
    name: 'Default',
    state: 'active',
    artifact_location: null,
    created_by: 'system',
    created_at: now,
    updated_at: now,
  })
}

/** An experiment by its decimal id; throws `experiment_not_found`, `tracking_invalid` for an id that is no number. */
export async function getExperiment(ctx: Ctx, project: string, id: string): Promise<ExperimentRow> {
  const number = experimentNumber(id)
  if (number === 0) await ensureDefaultExperiment(ctx, project)
  const row = await findExperiment(ctx.db, project, number)
  if (!row) throw new AppError('experiment_not_found', { message: `No Experiment with id=${number} exists` })
  return row
}

export async function getExperimentByName(ctx: Ctx, project: string, name: string): Promise<ExperimentRow> {
  await ensureDefaultExperiment(ctx, project)
  const row = await findExperimentByName(ctx.db, project, name)
  if (!row)
    throw new AppError('experiment_not_found', {
      message: `Could not find experiment with name '${name.slice(0, 200)}'`,
    })
  return row
}

/** By id when the text is one and it exists, else by name. */
export async function getExperimentByIdOrName(ctx: Ctx, project: string, text: string): Promise<ExperimentRow> {
  await ensureDefaultExperiment(ctx, project)
  const byId = /^\d{1,15}$/.test(text) ? await findExperiment(ctx.db, project, Number(text)) : undefined
  return byId ?? getExperimentByName(ctx, project, text)
}
