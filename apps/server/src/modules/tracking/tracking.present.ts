import type { z } from 'zod'
import type {
  Experiment as ExperimentSchema,
  Run as RunSchema,
  RunCells as RunCellsSchema,
} from '@kiban/contract/tracking'
import type { Ctx } from '@kiban/kit/context'
import { sumArtifacts } from './artifacts.store.ts'
import { NOTE_TAG } from './create-run.ts'
import { countRuns, findExperiment, listExperimentTags } from './experiments.store.ts'
import type { ExperimentRow } from './experiments.store.ts'
import { listLoggedModelPairs, listLoggedModelsById, listLoggedModelsOfRun } from './logged-models.store.ts'
import { listLatest } from './metrics.store.ts'
import { listRunDatasets, listRunModels } from './run-inputs.store.ts'
import { listChildren, listKeyed } from './runs.store.ts'
import type { RunRow } from './runs.store.ts'

type Experiment = z.infer<typeof ExperimentSchema>
type RunCells = z.infer<typeof RunCellsSchema>
type Run = z.infer<typeof RunSchema>

export async function presentExperiments(
  ctx: Ctx,
  project: string,
  rows: readonly ExperimentRow[],
): Promise<Experiment[]> {
  const ids = rows.map((row) => row.id)
  const tags = await listExperimentTags(ctx.db, project, ids)
  const runs = await countRuns(ctx.db, project, ids)
  return rows.map((row) => ({
    id: String(row.id),
    name: row.name,
    state: row.state,
    tags: tags.get(row.id) ?? {},
    runCount: runs.get(row.id)?.count ?? 0,
    lastRunAt: runs.get(row.id)?.lastRunAt ?? null,
    createdAt: row.created_at,
    createdBy: row.created_by,
    updatedAt: row.updated_at,
  }))
}

export async function presentExperiment(ctx: Ctx, row: ExperimentRow): Promise<Experiment> {
  const [experiment] = await presentExperiments(ctx, row.project, [row])
  if (!experiment) throw new Error('one row gives one experiment')
  return experiment
}

export type CellKeys = {
  readonly metrics?: readonly string[] | undefined
  readonly params?: readonly string[] | undefined
  readonly tags?: readonly string[] | undefined
}

/** Cells of the runs, in the order of `rows`; all metrics, params and tags unless keys are given. */
export async function presentCells(ctx: Ctx, rows: readonly RunRow[], keys: CellKeys = {}): Promise<RunCells[]> {
  const seqs = rows.map((row) => row.seq)
  const metrics = Map.groupBy(await listLatest(ctx.db, seqs, keys.metrics), (row) => row.run_seq)
  const params = Map.groupBy(await listKeyed(ctx.db, 'params', seqs, keys.params), (row) => row.run_seq)
  const tags = Map.groupBy(await listKeyed(ctx.db, 'tags', seqs, keys.tags), (row) => row.run_seq)
  return rows.map((row) => ({
    id: row.id,
    name: row.name,
    experimentId: String(row.experiment_id),
    status: row.status,
    state: row.state,
    startedAt: row.start_time === 0 ? null : row.start_time,
    endedAt: row.end_time,
    createdBy: row.created_by,
    parentRunId: row.parent_run_id,
    metrics: Object.fromEntries((metrics.get(row.seq) ?? []).map((m) => [m.key, m.is_nan ? null : m.value])),
    params: Object.fromEntries((params.get(row.seq) ?? []).map((p) => [p.key, p.value])),
    tags: Object.fromEntries((tags.get(row.seq) ?? []).map((t) => [t.key, t.value])),
  }))
}

export async function presentRun(ctx: Ctx, row: RunRow): Promise<Run> {
  const [cells] = await presentCells(ctx, [row])
  if (!cells) throw new Error('one row gives one run')
  const experiment = await findExperiment(ctx.db, row.project, row.experiment_id)
  const latest = await listLatest(ctx.db, [row.seq])
  const datasets = await listRunDatasets(ctx.db, [row.seq])
  const artifacts = await sumArtifacts(ctx.db, { project: row.project, kind: 'run', id: row.id })
  return {
    ...cells,
    experimentName: experiment?.name ?? String(row.experiment_id),
    latestMetrics: latest.map((m) => ({
      key: m.key,
      value: m.is_nan ? null : m.value,
      step: m.step,
      timestamp: m.timestamp,
      min: m.min_value,
      max: m.max_value,
      count: m.point_count,
    })),
    notes: cells.tags[NOTE_TAG] ?? '',
    // The column holds what logInputs wrote: a flat object of texts.
    inputs: datasets.map((d) => ({
      name: d.name,
      digest: d.digest,
      sourceType: d.source_type,
      source: d.source,
      tags: JSON.parse(d.tags) as Record<string, string>,
    })),
    models: await presentModels(ctx, row),
    children: (await listChildren(ctx.db, row.project, row.id)).map((child) => ({
      id: child.id,
      name: child.name,
      status: child.status,
    })),
    artifactBytes: artifacts.bytes,
    artifactCount: artifacts.count,
  }
}

const VERSIONS_TAG = 'mlflow.modelVersions'

async function presentModels(ctx: Ctx, run: RunRow): Promise<Run['models']> {
  const outputs = (await listRunModels(ctx.db, [run.seq]))
    .filter((model) => model.direction === 'output')
    .map((model) => model.model_id)
  const own = await listLoggedModelsOfRun(ctx.db, run.project, run.id)
  const others = await listLoggedModelsById(
    ctx.db,
    run.project,
    outputs.filter((id) => !own.some((model) => model.id === id)),
  )
  const models = [...own, ...others]
  const tags = Map.groupBy(
    await listLoggedModelPairs(
      ctx.db,
      'logged_model_tags',
      models.map((model) => model.id),
    ),
    (tag) => tag.model_id,
  )
  return models.map((model) => ({
    id: model.id,
    name: model.name,
    status: model.status,
    flavours: flavoursOf(model.model_type),
    createdAt: model.created_at,
    versions: registeredVersions(tags.get(model.id)?.find((tag) => tag.key === VERSIONS_TAG)?.value),
  }))
}

function flavoursOf(modelType: string): string[] {
  return modelType === '' ? [] : [modelType]
}

/** The client writes the versions that it registered into a tag: `[{"name": "delay", "version": 3}]`. */
function registeredVersions(text: string | undefined): { name: string; number: number }[] {
  if (text === undefined) return []
  try {
    const list: unknown = JSON.parse(text)
    if (!Array.isArray(list)) return []
    return list.flatMap((item: unknown) => {
      if (typeof item !== 'object' || item === null || !('name' in item) || !('version' in item)) return []
      const number = Number(item.version)
      return typeof item.name === 'string' && Number.isInteger(number) ? [{ name: item.name, number }] : []
    })
  } catch {
    return [] // a tag that anybody may write
  }
}
