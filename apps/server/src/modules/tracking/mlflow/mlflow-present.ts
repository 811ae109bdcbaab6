import type { Ctx } from '@kiban/kit/context'
import type { ExperimentRow } from '../experiments.store.ts'
import { listLoggedModelMetrics, listLoggedModelPairs } from '../logged-models.store.ts'
import type { LoggedModelRow } from '../logged-models.store.ts'
import { listLatest } from '../metrics.store.ts'
import type { MetricPoint } from '../metrics.store.ts'
import { listRunDatasets, listRunModels } from '../run-inputs.store.ts'
import { listKeyed } from '../runs.store.ts'
import type { RunRow } from '../runs.store.ts'

export function experimentMessage(row: ExperimentRow, tags: Readonly<Record<string, string>>) {
  const list = Object.entries(tags).map(([key, value]) => ({ key, value }))
  return {
    experiment_id: String(row.id),
    name: row.name,
    artifact_location: `mlflow-artifacts:/${row.id}`,
    lifecycle_stage: row.state,
    last_update_time: row.updated_at,
    creation_time: row.created_at,
    ...(list.length > 0 ? { tags: list } : {}),
  }
}

export function runInfoMessage(row: RunRow) {
  return {
    run_id: row.id,
    run_uuid: row.id,
    run_name: row.name,
    experiment_id: String(row.experiment_id),
    user_id: row.user_id,
    status: row.status.toUpperCase(),
    ...(row.start_time === 0 ? {} : { start_time: row.start_time }),
    ...(row.end_time === null ? {} : { end_time: row.end_time }),
    artifact_uri: `mlflow-artifacts:/${row.experiment_id}/${row.id}/artifacts`,
    lifecycle_stage: row.state,
  }
}

/** JSON has no NaN: the protocol writes it as text. */
export function metricValue(point: { readonly value: number; readonly is_nan: number }): number | 'NaN' {
  return point.is_nan ? 'NaN' : point.value
}

export function metricMessage(point: MetricPoint) {
  return { key: point.key, value: metricValue(point), timestamp: point.timestamp, step: point.step }
}

/** Whole runs, in the order of `rows`, from a handful of queries whatever their number. */
export async function runMessages(ctx: Ctx, rows: readonly RunRow[]) {
  const seqs = rows.map((row) => row.seq)
  const metrics = groupBySeq(await listLatest(ctx.db, seqs))
  const params = groupBySeq(await listKeyed(ctx.db, 'params', seqs))
  const tags = groupBySeq(await listKeyed(ctx.db, 'tags', seqs))
  const datasets = groupBySeq(await listRunDatasets(ctx.db, seqs))
  const models = groupBySeq(await listRunModels(ctx.db, seqs))
  return rows.map((row) => {
    const runMetrics = metrics.get(row.seq)
    const runParams = params.get(row.seq)
    const runTags = tags.get(row.seq)
    const inputs = models.get(row.seq)?.filter((model) => model.direction === 'input') ?? []
    const outputs = models.get(row.seq)?.filter((model) => model.direction === 'output') ?? []
    const runDatasets = datasets.get(row.seq)
    return {
      info: runInfoMessage(row),
      data: {
        ...(runMetrics ? { metrics: runMetrics.map(metricMessage) } : {}),
        ...(runParams ? { params: runParams.map(({ key, value }) => ({ key, value })) } : {}),
        ...(runTags ? { tags: runTags.map(({ key, value }) => ({ key, value })) } : {}),
      },
      inputs: {
        ...(runDatasets ? { dataset_inputs: runDatasets.map(datasetInputMessage) } : {}),
        ...(inputs.length > 0 ? { model_inputs: inputs.map((model) => ({ model_id: model.model_id })) } : {}),
      },
      outputs:
        outputs.length > 0
          ? { model_outputs: outputs.map((model) => ({ model_id: model.model_id, step: model.step })) }
          : {},
    }
  })
}

function datasetInputMessage(row: Awaited<ReturnType<typeof listRunDatasets>>[number]) {
  // The column holds what logInputs wrote: a flat object of texts.
  const tags = Object.entries(JSON.parse(row.tags) as Record<string, string>).map(([key, value]) => ({ key, value }))
  return {
    ...(tags.length > 0 ? { tags } : {}),
    dataset: {
      name: row.name,
      digest: row.digest,
      source_type: row.source_type,
      source: row.source,
      ...(row.schema === null ? {} : { schema: row.schema }),
      ...(row.profile === null ? {} : { profile: row.profile }),
    },
  }
}

/** Whole logged models, in the order of `rows`. */
export async function loggedModelMessages(ctx: Ctx, rows: readonly LoggedModelRow[]) {
  const ids = rows.map((row) => row.id)
  const params = Map.groupBy(await listLoggedModelPairs(ctx.db, 'logged_model_params', ids), (row) => row.model_id)
  const tags = Map.groupBy(await listLoggedModelPairs(ctx.db, 'logged_model_tags', ids), (row) => row.model_id)
  const metrics = Map.groupBy(await listLoggedModelMetrics(ctx.db, ids), (row) => row.model_id)
  return rows.map((row) => {
    const modelParams = params.get(row.id)
    const modelMetrics = metrics.get(row.id)
    const modelTags = tags.get(row.id)
    return {
      info: {
        model_id: row.id,
        experiment_id: String(row.experiment_id),
        name: row.name,
        creation_timestamp_ms: row.created_at,
        last_updated_timestamp_ms: row.updated_at,
        artifact_uri: `mlflow-artifacts:/${row.experiment_id}/models/${row.id}/artifacts`,
        status:
          row.status === 'unspecified'
            ? 'LOGGED_MODEL_STATUS_UNSPECIFIED'
            : row.status === 'failed'
              ? 'LOGGED_MODEL_UPLOAD_FAILED'
              : `LOGGED_MODEL_${row.status.toUpperCase()}`,
        ...(row.model_type === '' ? {} : { model_type: row.model_type }),
        ...(row.source_run_id === null ? {} : { source_run_id: row.source_run_id }),
        ...(modelTags ? { tags: modelTags.map(({ key, value }) => ({ key, value })) } : {}),
      },
      data: {
        ...(modelParams ? { params: modelParams.map(({ key, value }) => ({ key, value })) } : {}),
        ...(modelMetrics
          ? {
              metrics: modelMetrics.map((m) => ({
                ...metricMessage(m),
                model_id: m.model_id,
                run_id: m.run_id,
                ...(m.dataset_name ? { dataset_name: m.dataset_name } : {}),
                ...(m.dataset_digest ? { dataset_digest: m.dataset_digest } : {}),
              })),
            }
          : {}),
      },
    }
  })
}

function groupBySeq<T extends { readonly run_seq: number }>(rows: readonly T[]): Map<number, T[]> {
  return Map.groupBy(rows, (row) => row.run_seq)
}
