import type { Ctx } from '@kiban/kit/context'
import { AppError } from '@kiban/kit/errors'
import { getManifest } from '@kiban/kit/manifests'
import { localParquetPaths, resolveDataset } from '../datasets/index.ts'
import { findEndpoint, predictionFiles } from '../endpoints/index.ts'
import { getVersion, modelSpecOf, onnxFileOf } from '../models/index.ts'
import type { ModelVersion } from '../models/index.ts'
import type { MonitorSources, WatchedVersion } from './monitor-sources.ts'

/** What monitors of this server read from: its endpoints, registry and datasets. */
export const platformSources: MonitorSources = {
  findEndpoint: async (ctx, project, name) => {
    const endpoint = await findEndpoint(ctx, project, name)
    return endpoint ? { id: endpoint.id, model: null } : null
  },
  predictionFiles,
  findVersion: (ctx, id) => orNull(() => findVersion(ctx, id)),
  datasetFiles: (ctx, project, uri) =>
    orNull(async () => {
      const version = await resolveDataset(ctx, project, uri)
      return { versionId: version.id, paths: await localParquetPaths(ctx, version.id) }
    }),
}

async function findVersion(ctx: Ctx, id: string): Promise<WatchedVersion> {
  const version = await getVersion(ctx, id)
  const spec = await modelSpecOf(ctx, id)
  const onnx = await onnxFileOf(ctx, version)
  const { importances } = version
  return {
    id,
    label: `${version.name} v${version.number}`,
    features: version.signature ? version.signature.inputs.map(({ name }) => name) : null,
    notFeatures: [...spec.key, ...(spec.timestamp === undefined ? [] : [spec.timestamp])],
    timestamp: spec.timestamp ?? null,
    task: spec.task === 'regression' || spec.task === 'forecasting' ? 'regression' : 'classification',
    threshold: spec.threshold,
    training: await trainingOf(ctx, version),
    // Permutation importance, computed once a version when its gate judges it (models: permutationImportances).
    importances: importances ? Object.entries(importances).map(([feature, drop]) => ({ feature, drop })) : null,
    onnxPath: onnx ? (ctx.platform.blobs.localPath(onnx.hash) ?? null) : null,
  }
}

/** What the version was trained on; where only the rows that its gate judged it on are known, those: they are of the same time. */
async function trainingOf(ctx: Ctx, version: ModelVersion): Promise<WatchedVersion['training']> {
  const label = `${version.name} v${version.number}`
  if (version.trainingVersionId !== null) {
    const id = version.trainingVersionId
    const paths = await orNull(() => localParquetPaths(ctx, id))
    if (paths) return { paths, name: `training of ${label}` }
  }
  for (const [tree, what] of [
    [version.trainingTree, 'training'],
    [version.evaluationTree, 'hold-out'],
  ] as const) {
    if (tree === null) continue
    const files = await getManifest(ctx.platform.blobs, tree)
    const paths = files.flatMap((file) =>
      file.path.endsWith('.parquet') ? (ctx.platform.blobs.localPath(file.hash) ?? []) : [],
    )
    if (paths.length > 0) return { paths, name: `${what} of ${label}` }
  }
  return null
}

/** Null where the thing is not there (yet); other failures are thrown. */
async function orNull<T>(find: () => Promise<T>): Promise<T | null> {
  try {
    return await find()
  } catch (error) {
    if (error instanceof AppError && error.status < 500) return null
    throw error
  }
}
