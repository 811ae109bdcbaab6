import { emit, inTransaction } from '@kiban/kit/context'
import type { Ctx } from '@kiban/kit/context'
import { AppError } from '@kiban/kit/errors'
import { recordAudit } from '../audit/index.ts'
import { deleteTag, findVersion, getDataset, listTags, upsertTag } from './datasets.store.ts'
import type { VersionRow } from './datasets.store.ts'

/** Points a tag at a version. Throws `dataset_version_not_found`. */
export async function tagVersion(
  ctx: Ctx,
  input: { project: string; dataset: string; tag: string; version: number },
): Promise<VersionRow> {
  return inTransaction(ctx, async (ctx) => {
    const dataset = await getDataset(ctx, input.project, input.dataset)
    const row = await findVersion(ctx, dataset.id, input.version)
    if (!row)
      throw new AppError('dataset_version_not_found', { message: `${input.dataset} has no version ${input.version}.` })
    const before = (await listTags(ctx, [dataset.id])).find((tag) => tag.name === input.tag)
    await upsertTag(ctx, { dataset_id: dataset.id, name: input.tag, number: input.version })
    await recordAudit(ctx, {
      action: 'dataset.tag',
      resource: { kind: 'dataset', id: dataset.id },
      project: input.project,
      before: { tag: input.tag, version: before?.number ?? null },
      after: { tag: input.tag, version: input.version },
    })
    emit(ctx, { topic: `projects/${input.project}/datasets`, kind: 'dataset.tagged', id: row.id })
    return row
  })
}

/** Removes a tag. Throws `dataset_tag_not_found`. */
export async function untagVersion(ctx: Ctx, input: { project: string; dataset: string; tag: string }): Promise<void> {
  await inTransaction(ctx, async (ctx) => {
    const dataset = await getDataset(ctx, input.project, input.dataset)
    if (!(await deleteTag(ctx, dataset.id, input.tag)))
      throw new AppError('dataset_tag_not_found', { message: `${input.dataset} has no tag ${input.tag}.` })
    await recordAudit(ctx, {
      action: 'dataset.untag',
      resource: { kind: 'dataset', id: dataset.id },
      project: input.project,
      before: { tag: input.tag },
      after: null,
    })
    emit(ctx, { topic: `projects/${input.project}/datasets`, kind: 'dataset.tagged', id: dataset.id })
  })
}
