import type { Ctx } from '@kiban/kit/context'
import { artifactFiles } from '../artifacts.ts'
import { getExperiment } from '../find-experiment.ts'
import { getRunRow } from '../find-run.ts'
import {
  addLoggedModelParams,
  createLoggedModel,
  deleteLoggedModel,
  deleteLoggedModelTag,
  finalizeLoggedModel,
  getLoggedModel,
  setLoggedModelTags,
} from '../logged-models.ts'
import { searchLoggedModelRows } from '../logged-models.store.ts'
import type { LoggedModelOrder, LoggedModelRow, LoggedModelStatus } from '../logged-models.store.ts'
import { LOGGED_MODEL_VOCABULARY } from '../search/logged-model-vocabulary.ts'
import { invalid, parseFilter } from '../search/search-grammar.ts'
import { MlflowError } from './mlflow-error.ts'
import { mlflowFaces } from './mlflow-face.ts'
import { readExperimentIds } from './mlflow-fields.ts'
import type { Fields } from './mlflow-fields.ts'
import { loggedModelMessages } from './mlflow-present.ts'
import { pageToken, readMaxResults, readPageToken } from './page-token.ts'

const STATUSES: Readonly<Record<string, LoggedModelStatus>> = {
  LOGGED_MODEL_PENDING: 'pending',
  LOGGED_MODEL_READY: 'ready',
  LOGGED_MODEL_UPLOAD_FAILED: 'failed',
}
const PARAMS_BYTES = 16 << 20
const pairs = (fields: Fields, name: string) =>
  fields.items(name).map((pair) => ({ key: pair.requiredText('key'), value: pair.text('value') ?? '' }))

/** A path parameter of the route, decoded. */
export function pathParameter(request: { params: unknown }, name: string): string {
  const params = request.params
  const value: unknown = typeof params === 'object' && params !== null ? Reflect.get(params, name) : undefined
  return typeof value === 'string' ? value : ''
}

export const loggedModelFaces = mlflowFaces([
  {
    method: 'POST',
    path: '/mlflow/logged-models',
    action: 'run.write',
    audit: 'each',
    maxBodyBytes: PARAMS_BYTES,
    handle: async (ctx, { project, fields }) => {
      const experiment = await getExperiment(ctx, project, fields.requiredText('experiment_id'))
      const sourceRunId = fields.text('source_run_id') || null
      if (sourceRunId !== null) await getRunRow(ctx, project, sourceRunId)
      const row = await createLoggedModel(ctx, {
        experiment,
        name: fields.text('name') ?? '',
        modelType: fields.text('model_type') ?? '',
        sourceRunId,
        params: pairs(fields, 'params'),
        tags: pairs(fields, 'tags'),
      })
      return presentModel(ctx, row)
    },
  },
  {
    method: 'GET',
    path: '/mlflow/logged-models/:modelId',
    action: 'run.read',
    handle: async (ctx, { project, request }) =>
      presentModel(ctx, await getLoggedModel(ctx, project, pathParameter(request, 'modelId'))),
  },
  {
    method: 'PATCH',
    path: '/mlflow/logged-models/:modelId',
    action: 'run.write',
    audit: 'rolled',
    handle: async (ctx, { project, fields, request }) => {
      const row = await getLoggedModel(ctx, project, pathParameter(request, 'modelId'))
      const text = fields.requiredText('status')
      const status = Object.hasOwn(STATUSES, text) ? STATUSES[text] : undefined
      if (!status)
        throw new MlflowError(
          'INVALID_PARAMETER_VALUE',
          `Invalid value ${JSON.stringify(text.slice(0, 100))} for parameter 'status' supplied: Give one of ${Object.keys(STATUSES).join(', ')}.`,
        )
      return presentModel(ctx, await finalizeLoggedModel(ctx, row, status))
    },
  },
  {
    method: 'DELETE',
    path: '/mlflow/logged-models/:modelId',
    action: 'run.delete',
    audit: 'each',
    handle: async (ctx, { project, request }) => {
      await deleteLoggedModel(ctx, await getLoggedModel(ctx, project, pathParameter(request, 'modelId')))
      return {}
    },
  },
  {
    method: 'POST',
    path: '/mlflow/logged-models/:modelId/params',
    action: 'run.write',
    audit: 'rolled',
    maxBodyBytes: PARAMS_BYTES,
    handle: async (ctx, { project, fields, request }) => {
      await addLoggedModelParams(
        ctx,
        await getLoggedModel(ctx, project, pathParameter(request, 'modelId')),
        pairs(fields, 'params'),
      )
      return {}
    },
  },
  {
    method: 'PATCH',
    path: '/mlflow/logged-models/:modelId/tags',
    action: 'run.write',
    audit: 'rolled',
    maxBodyBytes: PARAMS_BYTES,
    handle: async (ctx, { project, fields, request }) => {
      const row = await getLoggedModel(ctx, project, pathParameter(request, 'modelId'))
      await setLoggedModelTags(ctx, row, pairs(fields, 'tags'))
      return presentModel(ctx, row)
    },
  },
  {
    method: 'DELETE',
    path: '/mlflow/logged-models/:modelId/tags/:key',
    action: 'run.write',
    audit: 'rolled',
    handle: async (ctx, { project, request }) => {
      await deleteLoggedModelTag(
        ctx,
        await getLoggedModel(ctx, project, pathParameter(request, 'modelId')),
        pathParameter(request, 'key'),
      )
      return {}
    },
  },
  {
    method: 'GET',
    path: '/mlflow/logged-models/:modelId/artifacts/directories',
    action: 'run.read',
    handle: async (ctx, { project, request, fields }) => {
      const row = await getLoggedModel(ctx, project, pathParameter(request, 'modelId'))
      const files = await artifactFiles(
        ctx,
        { project, kind: 'logged_model', id: row.id },
        fields.text('artifact_directory_path') ?? '',
      )
      return {
        root_uri: `mlflow-artifacts:/${row.experiment_id}/models/${row.id}/artifacts`,
        files: files.map((file) => ({ path: file.path, is_dir: false, file_size: file.sizeBytes })),
      }
    },
  },
  {
    method: 'POST',
    path: '/mlflow/logged-models/search',
    action: 'run.read',
    audit: { none: 'reads only' },
    handle: searchLoggedModels,
  },
])

async function searchLoggedModels(ctx: Ctx, { project, fields }: { project: string; fields: Fields }) {
  const ids = readExperimentIds(fields)
  if (ids.length === 0) throw fields.missing('experiment_ids')
  const limit = readMaxResults(fields.integer('max_results'), { fallback: 50, max: 50_000 })
  const text = fields.text('filter') ?? fields.text('filter_string') ?? ''
  const orderFields = fields.items('order_by')
  const bound = JSON.stringify([ids, text])
  const offset = readPageToken(fields.text('page_token'), bound)
  const rows = await searchLoggedModelRows(ctx.db, {
    project,
    experimentIds: ids,
    filter: parseFilter(text, LOGGED_MODEL_VOCABULARY),
    datasets: fields
      .items('datasets')
      .map((dataset) => ({ name: dataset.requiredText('dataset_name'), digest: dataset.text('dataset_digest') })),
    orders: orderFields.map(readOrder),
    limit: limit + 1,
    offset,
  })
  const models = await loggedModelMessages(ctx, rows.slice(0, limit))
  return {
    ...(models.length > 0 ? { models } : {}),
    ...(rows.length > limit ? { next_page_token: pageToken(offset + limit, bound) } : {}),
  }
}

function readOrder(order: Fields): LoggedModelOrder {
  const name = order.requiredText('field_name')
  const dot = name.indexOf('.')
  const field = LOGGED_MODEL_VOCABULARY.field(dot < 0 ? undefined : name.slice(0, dot), name.slice(dot + 1))
  if (!field || (field.entity !== 'attribute' && field.entity !== 'metric'))
    throw invalid(
      `Invalid order_by field ${JSON.stringify(name.slice(0, 100))}. Valid are ${LOGGED_MODEL_VOCABULARY.valid}.`,
      0,
      name.length,
    )
  const dataset = order.text('dataset_name')
  if (dataset === undefined && order.has('dataset_digest')) throw order.missing('dataset_name')
  return {
    entity: field.entity,
    key: field.key,
    ascending: order.boolean('ascending') ?? true,
    dataset: dataset === undefined ? undefined : { name: dataset, digest: order.text('dataset_digest') },
  }
}

async function presentModel(ctx: Ctx, row: LoggedModelRow) {
  const [model] = await loggedModelMessages(ctx, [row])
  return { model }
}
