import { datasets as contract } from '@kiban/contract'
import { inTransaction, wake } from '@kiban/kit/context'
import type { Ctx } from '@kiban/kit/context'
import { AppError } from '@kiban/kit/errors'
import { getManifest } from '@kiban/kit/manifests'
import { route } from '@kiban/kit/module'
import type { Route } from '@kiban/kit/module'
import { recordAudit } from '../audit/index.ts'
import { getProject } from '../projects/index.ts'
import { commitVersion } from './commit-dataset.ts'
import { settingsOf } from './dataset-settings.ts'
import {
  presentChecks,
  presentDatasets,
  presentOneDataset,
  presentOneVersion,
  presentVersion,
} from './datasets.present.ts'
import { getDataset, listDatasetRows, listTags, listVersionRows, updateVersion } from './datasets.store.ts'
import type { DatasetRow, VersionRow } from './datasets.store.ts'
import { diffVersions } from './diff-versions.ts'
import { previewVersion } from './preview-version.ts'
import { profileVersion } from './profile-version.ts'
import { listMissingBlobs, putProjectBlob, requireProjectBlobs } from './project-blobs.ts'
import { getVersionByRef } from './resolve-dataset.ts'
import { tagVersion, untagVersion } from './tag-version.ts'

export const routes: readonly Route[] = [
  route(contract.listDatasets, async (ctx, { params, query }) => {
    await getProject(ctx, params.project)
    return {
      datasets: await presentDatasets(ctx, params.project, await listDatasetRows(ctx, params.project, query.archived)),
    }
  }),
  route(contract.getDataset, async (ctx, { params }) => presentOneDataset(ctx, await findOne(ctx, params))),
  route(contract.getDatasetContract, async (ctx, { params }) => {
    const dataset = await findOne(ctx, params)
    const declared = settingsOf(dataset).contract
    if (!declared || dataset.contract_hash === null) return { contract: null }
    const text = (await ctx.platform.blobs.read(dataset.contract_hash)).toString('utf8')
    return { contract: { ...declared, hash: dataset.contract_hash, text } }
  }),
  route(contract.listDatasetVersions, async (ctx, { params, query }) => {
    const dataset = await findOne(ctx, params)
    const below = query.cursor === undefined ? undefined : numberOf(query.cursor)
    const rows = await listVersionRows(ctx, dataset.id, { limit: query.limit + 1, below })
    const shown = rows.slice(0, query.limit)
    const tags = await listTags(ctx, [dataset.id])
    return {
      versions: shown.map((row) => presentVersion(row, tags)),
      nextCursor: rows.length > query.limit ? String(shown.at(-1)?.number) : null,
    }
  }),
  route(contract.getDatasetVersion, async (ctx, { params }) =>
    presentOneVersion(ctx, (await findVersionOf(ctx, params)).row),
  ),
  route(contract.commitDatasetVersion, async (ctx, { params, body }) => {
    await getProject(ctx, params.project)
    await requireProjectBlobs(ctx, params.project, body.files)
    const { files, mode, message, ifNewest } = body
    const row = await commitVersion(ctx, {
      project: params.project,
      name: params.dataset,
      message,
      ...(ifNewest === undefined ? {} : { ifNewest }),
      ...(mode === 'append' ? { append: files } : { files }),
    })
    return presentOneVersion(ctx, row)
  }),
  route(contract.listMissingBlobs, async (ctx, { params, body }) => ({
    missing: await listMissingBlobs(ctx, params.project, body.hashes),
  })),
  route(contract.putBlob, async (ctx, { params, request }) =>
    putProjectBlob(ctx, {
      project: params.project,
      hash: params.sha256,
      body: request.body,
      maxBytes: contract.putBlob.maxBodyBytes,
    }),
  ),
  route(contract.listDatasetFiles, async (ctx, { params, query }) => {
    const { row } = await findVersionOf(ctx, params)
    const files = (await getManifest(ctx.platform.blobs, row.committed_manifest)).filter((file) =>
      file.path.startsWith(query.prefix),
    )
    const start = query.cursor === undefined ? 0 : numberOf(query.cursor)
    const end = start + query.limit
    return { files: files.slice(start, end), nextCursor: end < files.length ? String(end) : null }
  }),
  route(contract.downloadDatasetFile, async (ctx, { params, query, reply }) => {
    const { row } = await findVersionOf(ctx, params)
    const file = (await getManifest(ctx.platform.blobs, row.committed_manifest)).find(
      (candidate) => candidate.path === query.path,
    )
    if (!file)
      throw new AppError('dataset_file_not_found', {
        message: `Version ${row.number} of ${row.name} has no file ${JSON.stringify(query.path)}.`,
      })
    const name = encodeURIComponent(file.path.split('/').at(-1) ?? 'file')
    reply
      .header('content-disposition', `attachment; filename*=UTF-8''${name}`)
      .header('etag', `"${file.hash}"`)
      .header('content-length', file.sizeBytes)
    return ctx.platform.blobs.open(file.hash)
  }),
  route(contract.previewDatasetVersion, async (ctx, { params, query }) =>
    previewVersion(ctx, (await findVersionOf(ctx, params)).row, query),
  ),
  route(contract.getDatasetProfile, async (ctx, { params }) =>
    profileVersion(ctx, (await findVersionOf(ctx, params)).row),
  ),
  route(contract.getDatasetChecks, async (ctx, { params }) => {
    const { dataset, row } = await findVersionOf(ctx, params)
    return presentChecks(ctx, dataset, row)
  }),
  route(contract.checkDatasetVersion, async (ctx, { params }) => {
    const { dataset, row } = await findVersionOf(ctx, params)
    if (dataset.contract_hash === null)
      throw new AppError('dataset_no_contract', {
        message: `${dataset.name} has no contract. Give it one in kiban.yaml: datasets.${dataset.name}.contract`,
      })
    await inTransaction(ctx, async (ctx) => {
      await updateVersion(ctx, row.id, {
        check_due: 1,
        count_due: 0,
        ...(row.state === 'superseded' ? { state: 'checking' as const } : {}),
      })
      await recordAudit(ctx, {
        action: 'dataset.check',
        resource: { kind: 'dataset_version', id: row.id },
        project: params.project,
      })
      wake(ctx, 'datasets')
    })
    return presentOneVersion(ctx, (await findVersionOf(ctx, params)).row)
  }),
  route(contract.diffDatasetVersions, async (ctx, { params, query }) => {
    const dataset = await findOne(ctx, params)
    return diffVersions(
      ctx,
      await getVersionByRef(ctx, dataset, query.from),
      await getVersionByRef(ctx, dataset, query.to),
    )
  }),
  route(contract.setDatasetTag, async (ctx, { params, body }) =>
    presentOneVersion(
      ctx,
      await tagVersion(ctx, {
        project: params.project,
        dataset: params.dataset,
        tag: params.tag,
        version: body.version,
      }),
    ),
  ),
  route(contract.deleteDatasetTag, async (ctx, { params }) => {
    await untagVersion(ctx, { project: params.project, dataset: params.dataset, tag: params.tag })
    return null
  }),
]

async function findOne(ctx: Ctx, params: { project: string; dataset: string }): Promise<DatasetRow> {
  await getProject(ctx, params.project)
  return getDataset(ctx, params.project, params.dataset)
}

async function findVersionOf(
  ctx: Ctx,
  params: { project: string; dataset: string; version: string },
): Promise<{ dataset: DatasetRow; row: VersionRow }> {
  const dataset = await findOne(ctx, params)
  return { dataset, row: await getVersionByRef(ctx, dataset, params.version) }
}

function numberOf(cursor: string): number {
  if (!/^\d{1,9}$/.test(cursor))
    throw new AppError('bad_request', {
      message: `The cursor ${JSON.stringify(cursor.slice(0, 50))} is none that this list gave. Start without a cursor.`,
    })
  return Number(cursor)
}
