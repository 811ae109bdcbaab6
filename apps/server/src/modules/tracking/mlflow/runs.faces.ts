import type { Ctx } from '@kiban/kit/context'
import { setRunState, deleteRunTag, setRunTags, updateRun } from '../change-run.ts'
import { startRun } from '../create-run.ts'
import { getExperiment } from '../find-experiment.ts'
import { getActiveRun, getRunRow } from '../find-run.ts'
import { logBatch } from '../log-batch.ts'
import type { MetricInput } from '../log-batch.ts'
import { logInputs } from '../log-inputs.ts'
import { experimentNumber, LIMITS } from '../limits.ts'
import { listPoints } from '../metrics.store.ts'
import { listDatasetSummaries } from '../run-inputs.store.ts'
import { searchRunRows } from '../run-search.store.ts'
import { listRunsById } from '../runs.store.ts'
import type { RunStatus } from '../runs.store.ts'
import { parseOrderBy } from '../search/order-by.ts'
import { RUN_VOCABULARY } from '../search/run-vocabulary.ts'
import { parseFilter } from '../search/search-grammar.ts'
import { readViewType } from './experiments.faces.ts'
import { MlflowError } from './mlflow-error.ts'
import { mlflowFaces } from './mlflow-face.ts'
import { readExperimentIds } from './mlflow-fields.ts'
import type { Fields } from './mlflow-fields.ts'
import { metricMessage, runInfoMessage, runMessages } from './mlflow-present.ts'
import { pageToken, readMaxResults, readPageToken } from './page-token.ts'

const STATUSES: ReadonlySet<string> = new Set(['RUNNING', 'SCHEDULED', 'FINISHED', 'FAILED', 'KILLED'])
const HISTORY_MOST = 25_000
const LOG_BATCH_BYTES = 16 << 20
const LOG_INPUTS_BYTES = 32 << 20
const runId = (fields: Fields) => fields.requiredTextOf('run_id', 'run_uuid')
const pairs = (fields: Fields, name: string) =>
  fields.items(name).map((pair) => ({ key: pair.requiredText('key'), value: pair.text('value') ?? '' }))

export const runFaces = mlflowFaces([
  {
    method: 'POST',
    path: '/mlflow/runs/create',
    action: 'run.write',
    audit: 'each',
    handle: async (ctx, { project, fields }) => {
      const experiment = await getExperiment(ctx, project, fields.text('experiment_id') || '0')
      const userId = fields.text('user_id')
      const row = await startRun(ctx, {
        experiment,
        name: fields.text('run_name'),
        ...(userId ? { userId } : {}),
        startTime: fields.integer('start_time') ?? 0,
        tags: pairs(fields, 'tags'),
      })
      const [run] = await runMessages(ctx, [row])
      return { run }
    },
  },
  {
    method: 'GET',
    path: '/mlflow/runs/get',
    action: 'run.read',
    handle: async (ctx, { project, fields }) => {
      const [run] = await runMessages(ctx, [await getRunRow(ctx, project, runId(fields))])
      return { run }
    },
  },
  {
    method: 'POST',
    path: '/mlflow/runs/update',
    action: 'run.write',
    audit: 'each',
    handle: async (ctx, { project, fields }) => {
      const run = await getActiveRun(ctx, project, runId(fields))
      const row = await updateRun(ctx, run, {
        status: readStatus(fields.text('status')),
        endTime: fields.integer('end_time'),
        name: fields.text('run_name'),
      })
      return { run_info: runInfoMessage(row) }
    },
  },
  {
    method: 'POST',
    path: '/mlflow/runs/delete',
    action: 'run.delete',
    audit: 'each',
    handle: async (ctx, { project, fields }) => {
      await setRunState(ctx, await getActiveRun(ctx, project, fields.requiredText('run_id')), 'deleted')
      return {}
    },
  },
  {
    method: 'POST',
    path: '/mlflow/runs/restore',
    action: 'run.write',
    audit: 'each',
    handle: async (ctx, { project, fields }) => {
      await setRunState(ctx, await getRunRow(ctx, project, fields.requiredText('run_id')), 'active')
      return {}
    },
  },
  {
    method: 'POST',
    path: '/mlflow/runs/log-metric',
    action: 'run.write',
    audit: 'rolled',
    handle: async (ctx, { project, fields }) => {
      await logBatch(ctx, await getActiveRun(ctx, project, runId(fields)), {
        metrics: [readMetric(fields)],
        params: [],
        tags: [],
      })
      return {}
    },
  },
  {
    method: 'POST',
    path: '/mlflow/runs/log-parameter',
    action: 'run.write',
    audit: 'rolled',
    handle: async (ctx, { project, fields }) => {
      const run = await getActiveRun(ctx, project, runId(fields))
      await logBatch(ctx, run, {
        metrics: [],
        params: [{ key: fields.requiredText('key'), value: fields.text('value') ?? '' }],
        tags: [],
      })
      return {}
    },
  },
  {
    method: 'POST',
    path: '/mlflow/runs/set-tag',
    action: 'run.write',
    audit: 'rolled',
    handle: async (ctx, { project, fields }) => {
      await setRunTags(ctx, await getActiveRun(ctx, project, runId(fields)), [
        { key: fields.requiredText('key'), value: fields.text('value') ?? '' },
      ])
      return {}
    },
  },
  {
    method: 'POST',
    path: '/mlflow/runs/delete-tag',
    action: 'run.write',
    audit: 'rolled',
    handle: async (ctx, { project, fields }) => {
      await deleteRunTag(
        ctx,
        await getActiveRun(ctx, project, fields.requiredText('run_id')),
        fields.requiredText('key'),
      )
      return {}
    },
  },
  {
    method: 'POST',
    path: '/mlflow/runs/log-batch',
    action: 'run.write',
    audit: 'rolled',
    maxBodyBytes: LOG_BATCH_BYTES,
    handle: async (ctx, { project, fields }) => {
      const run = await getActiveRun(ctx, project, fields.requiredText('run_id'))
      await logBatch(ctx, run, {
        metrics: fields.items('metrics').map(readMetric),
        params: pairs(fields, 'params'),
        tags: pairs(fields, 'tags'),
      })
      return {}
    },
  },
  {
    method: 'POST',
    path: '/mlflow/runs/log-inputs',
    action: 'run.write',
    audit: 'rolled',
    maxBodyBytes: LOG_INPUTS_BYTES,
    handle: async (ctx, { project, fields }) => {
      const run = await getActiveRun(ctx, project, fields.requiredText('run_id'))
      const datasets = fields.items('datasets').map((item) => {
        const dataset = item.item('dataset')
        if (!dataset) throw item.missing('dataset')
        return {
          name: dataset.requiredText('name'),
          digest: dataset.requiredText('digest'),
          sourceType: dataset.requiredText('source_type'),
          source: dataset.requiredText('source'),
          schema: dataset.text('schema'),
          profile: dataset.text('profile'),
          tags: pairs(item, 'tags'),
        }
      })
      await logInputs(ctx, run, {
        datasets,
        inputModels: fields.items('models').map((model) => model.requiredText('model_id')),
        outputModels: [],
      })
      return {}
    },
  },
  {
    method: 'POST',
    path: '/mlflow/runs/outputs',
    action: 'run.write',
    audit: 'rolled',
    handle: async (ctx, { project, fields }) => {
      const run = await getActiveRun(ctx, project, fields.requiredText('run_id'))
      const outputModels = fields
        .items('models')
        .map((model) => ({ modelId: model.requiredText('model_id'), step: model.integer('step') ?? 0 }))
      await logInputs(ctx, run, { datasets: [], inputModels: [], outputModels })
      return {}
    },
  },
  {
    method: 'POST',
    path: '/mlflow/runs/search',
    action: 'run.read',
    audit: { none: 'reads only' },
    handle: searchRuns,
  },
  { method: 'GET', path: '/mlflow/metrics/get-history', action: 'run.read', handle: getHistory },
  {
    method: 'POST',
    path: '/mlflow/experiments/search-datasets',
    action: 'run.read',
    audit: { none: 'reads only' },
    ajaxOnly: true,
    handle: async (ctx, { project, fields }) => {
      const ids = fields.texts('experiment_ids').map(experimentNumber)
      if (ids.length > 20)
        throw new MlflowError(
          'INVALID_PARAMETER_VALUE',
          "Invalid value for parameter 'experiment_ids' supplied: at most 20 ids are allowed.",
        )
      const rows = ids.length === 0 ? [] : await listDatasetSummaries(ctx.db, project, ids)
      return {
        dataset_summaries: rows.map((row) => ({
          experiment_id: String(row.experiment_id),
          name: row.name,
          digest: row.digest,
          ...(row.context === null ? {} : { context: row.context }),
        })),
      }
    },
  },
])

function readMetric(fields: Fields): MetricInput {
  return {
    key: fields.requiredText('key'),
    value: fields.requiredDouble('value'),
    timestamp: fields.requiredInteger('timestamp'),
    step: fields.integer('step') ?? 0,
    modelId: fields.text('model_id'),
    datasetName: fields.text('dataset_name'),
    datasetDigest: fields.text('dataset_digest'),
  }
}

function readStatus(text: string | undefined): RunStatus | undefined {
  if (text === undefined || text === '') return undefined
  if (!STATUSES.has(text))
    throw new MlflowError(
      'INVALID_PARAMETER_VALUE',
      `Invalid value ${JSON.stringify(text.slice(0, 100))} for parameter 'status' supplied: Give one of ${[...STATUSES].join(', ')}.`,
    )
  return text.toLowerCase() as RunStatus // the set holds our states in capitals
}

async function searchRuns(ctx: Ctx, { project, fields }: { project: string; fields: Fields }) {
  const limit = readMaxResults(fields.integer('max_results'), { fallback: 1000, max: 50_000 })
  const offset = readPageToken(fields.text('page_token'))
  const filter = parseFilter(fields.text('filter') ?? '', RUN_VOCABULARY)
  const orders = parseOrderBy(fields.texts('order_by'), RUN_VOCABULARY)
  const experimentIds = readExperimentIds(fields)
  const state = readViewType(fields.text('run_view_type'), 'run_view_type')
  const found = await searchRunRows(ctx.db, { project, experimentIds, filter, orders, state, limit: limit + 1, offset })
  const ids = found.slice(0, limit).map((row) => row.id)
  const byId = new Map((await listRunsById(ctx.db, project, ids)).map((row) => [row.id, row]))
  const runs = await runMessages(
    ctx,
    ids.flatMap((id) => byId.get(id) ?? []),
  )
  return {
    ...(runs.length > 0 ? { runs } : {}),
    ...(found.length > limit ? { next_page_token: pageToken(offset + limit) } : {}),
  }
}

async function getHistory(ctx: Ctx, { project, fields }: { project: string; fields: Fields }) {
  const run = await getRunRow(ctx, project, runId(fields))
  const key = fields.requiredText('metric_key')
  if (key.length > LIMITS.key)
    throw new MlflowError(
      'INVALID_PARAMETER_VALUE',
      `'Metric name' exceeds the maximum length of ${LIMITS.key} characters`,
    )
  const limit = readMaxResults(fields.integer('max_results'), { fallback: HISTORY_MOST, max: HISTORY_MOST })
  const bound = `${run.id} ${key}`
  const offset = readPageToken(fields.text('page_token'), bound)
  const points = await listPoints(ctx.db, run.seq, key, { limit: limit + 1, offset })
  const page = points.slice(0, limit)
  return {
    ...(page.length > 0 ? { metrics: page.map(metricMessage) } : {}),
    ...(points.length > limit ? { next_page_token: pageToken(offset + limit, bound) } : {}),
  }
}
