import { models as contract } from '@kiban/contract'
import type { Ctx } from '@kiban/kit/context'
import { inTransaction } from '@kiban/kit/context'
import { AppError } from '@kiban/kit/errors'
import { route } from '@kiban/kit/module'
import { recordAudit } from '../audit/index.ts'
import { getProject } from '../projects/index.ts'
import { readCursor, sendArtifact } from '../tracking/index.ts'
import { getModel, getVersionRow } from './find-model.ts'
import { isProtected } from './models.policy.ts'
import { presentModel, presentModels, presentMove, presentSummaries, presentVersion } from './models.present.ts'
import { listAliasMoveRows, listModelRows, setModelTags, updateModelRow } from './models.store.ts'
import { decideApproval, promoteVersion, rollBack } from './promote-version.ts'
import { readSource, registerVersion } from './register-version.ts'
import { expectedId, modelOf, moveAlias, removeAlias } from './set-alias.ts'
import { listVersionRows, setVersionTags, updateVersionRow } from './versions.store.ts'

const page = <T>(rows: readonly T[], limit: number, offset: number) => ({
  rows: rows.slice(0, limit),
  nextCursor: rows.length > limit ? String(offset + limit) : null,
})

export const modelRoutes = [
  route(contract.listModels, async (ctx, { params, query }) => {
    await getProject(ctx, params.project)
    const offset = readCursor(query.cursor)
    const { rows, nextCursor } = page(
      await listModelRows(ctx.db, params.project, { limit: query.limit + 1, offset }),
      query.limit,
      offset,
    )
    return { items: await presentModels(ctx, rows), nextCursor }
  }),
  route(contract.getModel, async (ctx, { params }) =>
    presentModel(ctx, await getModel(ctx, params.project, params.model)),
  ),
  route(contract.updateModel, async (ctx, { params, body }) => {
    const model = await getModel(ctx, params.project, params.model)
    await inTransaction(ctx, async (ctx) => {
      await updateModelRow(ctx.db, model.id, {
        description: body.description ?? model.description,
        updated_at: ctx.clock.now(),
      })
      await setModelTags(ctx.db, model.id, body.tags ?? {})
      await recordAudit(ctx, {
        action: 'model.update',
        resource: { kind: 'model', id: model.id },
        project: model.project,
        details: { tags: Object.keys(body.tags ?? {}), description: body.description !== undefined },
      })
    })
    return presentModel(ctx, await getModel(ctx, params.project, params.model))
  }),
  route(contract.listModelVersions, async (ctx, { params, query }) => {
    const model = await getModel(ctx, params.project, params.model)
    const offset = readCursor(query.cursor)
    const { rows, nextCursor } = page(
      await listVersionRows(ctx.db, model.id, { limit: query.limit + 1, offset }),
      query.limit,
      offset,
    )
    return { items: await presentSummaries(ctx, rows), nextCursor }
  }),
  route(contract.registerModelVersion, async (ctx, { params, body }) => {
    const { contents, origin } = await readSource(ctx, params.project, body.source)
    return presentVersion(
      ctx,
      await registerVersion(ctx, {
        project: params.project,
        name: params.model,
        contents,
        origin,
        state: 'ready',
        description: body.description,
        createsModel: true,
      }),
    )
  }),
  route(contract.getModelVersion, async (ctx, { params }) =>
    presentVersion(ctx, await getVersionRow(ctx, params.project, params.model, params.version)),
  ),
  route(contract.updateModelVersion, async (ctx, { params, body }) => {
    const version = await getVersionRow(ctx, params.project, params.model, params.version)
    await inTransaction(ctx, async (ctx) => {
      await updateVersionRow(ctx.db, version.id, {
        description: body.description ?? version.description,
        card: body.card ?? version.card,
        updated_at: ctx.clock.now(),
      })
      await setVersionTags(ctx.db, version.id, body.tags ?? {})
      await recordAudit(ctx, {
        action: 'model_version.update',
        resource: { kind: 'model_version', id: version.id },
        project: version.project,
        details: { changed: Object.keys(body) },
      })
    })
    return presentVersion(ctx, await getVersionRow(ctx, params.project, params.model, String(version.number)))
  }),
  route(contract.getModelVersionFile, async (ctx, { params, query, request, reply }) => {
    const version = await getVersionRow(ctx, params.project, params.model, params.version)
    return sendArtifact(
      ctx,
      reply,
      { project: version.project, kind: 'model_version', id: version.id },
      query.path,
      request.headers.range,
    )
  }),
  route(contract.listAliasMoves, async (ctx, { params, query }) => {
    const model = await getModel(ctx, params.project, params.model)
    const offset = readCursor(query.cursor)
    const { rows, nextCursor } = page(
      await listAliasMoveRows(ctx.db, model.id, { alias: query.alias, limit: query.limit + 1, offset }),
      query.limit,
      offset,
    )
    return { items: rows.map(presentMove), nextCursor }
  }),
  route(contract.setModelAlias, async (ctx, { params, body }) => {
    refuseProtected(params.alias)
    const version = await getVersionRow(ctx, params.project, params.model, String(body.version))
    if (version.state === 'archived')
      throw new AppError('model_version_not_usable', { message: `${version.name} v${version.number} is archived.` })
    const expected = await expectedId(ctx, await modelOf(ctx, version), body.expected)
    return presentMove(await moveAlias(ctx, { version, alias: params.alias, expected, reason: body.reason }))
  }),
  route(contract.deleteModelAlias, async (ctx, { params }) => {
    refuseProtected(params.alias)
    return presentMove(await removeAlias(ctx, await getModel(ctx, params.project, params.model), params.alias))
  }),
  route(contract.promoteModelVersion, async (ctx, { params, body }) => {
    const version = await getVersionRow(ctx, params.project, params.model, params.version)
    const expected = await expectedId(ctx, await modelOf(ctx, version), body.expected)
    return presentMove(
      await promoteVersion(ctx, version, { alias: body.alias, expected, reason: body.reason, override: body.override }),
    )
  }),
  route(contract.rollbackModel, async (ctx, { params, body }) =>
    presentMove(
      await rollBack(ctx, await getModel(ctx, params.project, params.model), {
        alias: body.alias,
        to: body.to,
        reason: body.reason,
      }),
    ),
  ),
  route(contract.approveModelVersion, async (ctx, { params, body }) =>
    decide(ctx, params, { digest: body.digest, decision: 'approved', comment: body.comment }),
  ),
  route(contract.refuseModelVersion, async (ctx, { params, body }) =>
    decide(ctx, params, { digest: body.digest, decision: 'refused', comment: body.reason }),
  ),
]

async function decide(
  ctx: Ctx,
  params: { project: string; model: string; version: string },
  input: Parameters<typeof decideApproval>[2],
) {
  const version = await getVersionRow(ctx, params.project, params.model, params.version)
  await decideApproval(ctx, version, input)
  return presentVersion(ctx, await getVersionRow(ctx, params.project, params.model, String(version.number)))
}

function refuseProtected(alias: string): void {
  if (isProtected(alias))
    throw new AppError('alias_protected', {
      message: `The alias ${alias} is protected: it moves by a gate, by promoting a version, or by a rollback.`,
    })
}
