import type { Ctx } from '@kiban/kit/context'
import { AppError } from '@kiban/kit/errors'
import { changeExperiment, deleteExperimentTag, setExperimentState } from '../change-experiment.ts'
import { createExperiment } from '../create-experiment.ts'
import { listExperimentTags, searchExperimentRows } from '../experiments.store.ts'
import type { ExperimentRow } from '../experiments.store.ts'
import { ensureDefaultExperiment, getExperiment, getExperimentByName } from '../find-experiment.ts'
import { EXPERIMENT_VOCABULARY } from '../search/experiment-vocabulary.ts'
import { parseOrderBy } from '../search/order-by.ts'
import { parseFilter } from '../search/search-grammar.ts'
import type { Fields } from './mlflow-fields.ts'
import { mlflowFaces } from './mlflow-face.ts'
import { experimentMessage } from './mlflow-present.ts'
import { MlflowError } from './mlflow-error.ts'
import { pageToken, readMaxResults, readPageToken } from './page-token.ts'

/** `ViewType` of the protocol as the state to look for. */
export function readViewType(text: string | undefined, name: string): 'active' | 'deleted' | 'all' {
  if (text === undefined || text === '' || text === 'ACTIVE_ONLY') return 'active'
  if (text === 'DELETED_ONLY') return 'deleted'
  if (text === 'ALL') return 'all'
  throw new MlflowError(
    'INVALID_PARAMETER_VALUE',
    `Invalid value ${JSON.stringify(text.slice(0, 100))} for parameter '${name}' supplied: Give ACTIVE_ONLY, DELETED_ONLY or ALL.`,
  )
}

export const experimentFaces = mlflowFaces([
  {
    method: 'POST',
    path: '/mlflow/experiments/create',
    action: 'run.write',
    audit: 'each',
    handle: async (ctx, { project, fields }) => {
      const location = fields.text('artifact_location')
      const tags = Object.fromEntries(
        fields.items('tags').map((tag) => [tag.requiredText('key'), tag.text('value') ?? '']),
      )
      const row = await createExperiment(ctx, {
        project,
        name: fields.requiredText('name'),
        tags,
        ...(location === undefined ? {} : { artifactLocation: location }),
      })
      return { experiment_id: String(row.id) }
    },
  },
  {
    method: 'GET',
    path: '/mlflow/experiments/get',
    action: 'run.read',
    handle: async (ctx, { project, fields }) =>
      presentExperiment(ctx, await getExperiment(ctx, project, fields.requiredText('experiment_id'))),
  },
  {
    method: 'GET',
    path: '/mlflow/experiments/get-by-name',
    action: 'run.read',
    handle: async (ctx, { project, fields }) =>
      presentExperiment(ctx, await getExperimentByName(ctx, project, fields.requiredText('experiment_name'))),
  },
  {
    method: 'POST',
    path: '/mlflow/experiments/delete',
    action: 'run.delete',
    audit: 'each',
    handle: async (ctx, { project, fields }) => {
      const row = await getExperiment(ctx, project, fields.requiredText('experiment_id'))
      if (row.state === 'deleted') throw notThere(row)
      await setExperimentState(ctx, row, 'deleted')
      return {}
    },
  },
  {
    method: 'POST',
    path: '/mlflow/experiments/restore',
    action: 'run.write',
    audit: 'each',
    handle: async (ctx, { project, fields }) => {
      const row = await getExperiment(ctx, project, fields.requiredText('experiment_id'))
      if (row.state === 'active') throw notThere(row)
      await setExperimentState(ctx, row, 'active')
      return {}
    },
  },
  {
    method: 'POST',
    path: '/mlflow/experiments/update',
    action: 'run.write',
    audit: 'each',
    handle: async (ctx, { project, fields }) => {
      const row = await getExperiment(ctx, project, fields.requiredText('experiment_id'))
      await changeExperiment(ctx, row, { name: fields.text('new_name') })
      return {}
    },
  },
  {
    method: 'POST',
    path: '/mlflow/experiments/set-experiment-tag',
    action: 'run.write',
    audit: 'each',
    handle: async (ctx, { project, fields }) => {
      const row = await getExperiment(ctx, project, fields.requiredText('experiment_id'))
      await changeExperiment(ctx, row, { tags: { [fields.requiredText('key')]: fields.text('value') ?? '' } })
      return {}
    },
  },
  {
    method: 'POST',
    path: '/mlflow/experiments/delete-experiment-tag',
    action: 'run.write',
    audit: 'each',
    handle: async (ctx, { project, fields }) => {
      await deleteExperimentTag(
        ctx,
        await getExperiment(ctx, project, fields.requiredText('experiment_id')),
        fields.requiredText('key'),
      )
      return {}
    },
  },
  { method: 'GET', path: '/mlflow/experiments/search', action: 'run.read', handle: searchExperiments },
  {
    method: 'POST',
    path: '/mlflow/experiments/search',
    action: 'run.read',
    audit: { none: 'reads only' },
    handle: searchExperiments,
  },
])

async function searchExperiments(ctx: Ctx, { project, fields }: { project: string; fields: Fields }) {
  const limit = readMaxResults(fields.integer('max_results'), { fallback: 0, max: 50_000 })
  const filter = parseFilter(fields.text('filter') ?? '', EXPERIMENT_VOCABULARY)
  const orders = parseOrderBy(fields.texts('order_by'), EXPERIMENT_VOCABULARY)
  const offset = readPageToken(fields.text('page_token'))
  await ensureDefaultExperiment(ctx, project)
  const rows = await searchExperimentRows(ctx.db, {
    project,
    state: readViewType(fields.text('view_type'), 'view_type'),
    filter,
    orders,
    limit: limit + 1,
    offset,
  })
  const page = rows.slice(0, limit)
  const tags = await tagsOf(ctx, project, page)
  return {
    ...(page.length > 0 ? { experiments: page.map((row) => experimentMessage(row, tags.get(row.id) ?? {})) } : {}),
    ...(rows.length > limit ? { next_page_token: pageToken(offset + limit) } : {}),
  }
}

async function presentExperiment(ctx: Ctx, row: ExperimentRow) {
  const tags = await tagsOf(ctx, row.project, [row])
  return { experiment: experimentMessage(row, tags.get(row.id) ?? {}) }
}

function tagsOf(ctx: Ctx, project: string, rows: readonly ExperimentRow[]) {
  return listExperimentTags(
    ctx.db,
    project,
    rows.map((row) => row.id),
  )
}

function notThere(row: ExperimentRow): AppError {
  return new AppError('experiment_not_found', {
    message: `No Experiment with id=${row.id} exists in the state that this call needs; it is ${row.state}.`,
  })
}
