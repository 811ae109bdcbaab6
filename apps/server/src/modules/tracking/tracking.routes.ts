import { tracking as contract } from '@kiban/contract'
import { AppError } from '@kiban/kit/errors'
import { route } from '@kiban/kit/module'
import { sendArtifact } from './mlflow/artifacts.faces.ts'
import { listFolder } from './artifacts.ts'
import { changeExperiment, setExperimentState } from './change-experiment.ts'
import { setRunState, setRunTags } from './change-run.ts'
import { createExperiment } from './create-experiment.ts'
import { NOTE_TAG, RUN_NAME_TAG } from './create-run.ts'
import { listExperimentRows } from './experiments.store.ts'
import { ensureDefaultExperiment, getExperimentByIdOrName } from './find-experiment.ts'
import { getActiveRun, getRunRow } from './find-run.ts'
import { readCurve } from './read-curve.ts'
import { searchRunRows } from './run-search.store.ts'
import { countColumns, listRunsById } from './runs.store.ts'
import { parseOrderBy } from './search/order-by.ts'
import { RUN_VOCABULARY } from './search/run-vocabulary.ts'
import { parseFilter } from './search/search-grammar.ts'
import { presentCells, presentExperiment, presentExperiments, presentRun } from './tracking.present.ts'

/** The place after a page, as text that callers hand back unread. */
export function readCursor(cursor: string | undefined): number {
  const offset = cursor === undefined ? 0 : Number(cursor)
  if (!Number.isSafeInteger(offset) || offset < 0)
    throw new AppError('bad_request', {
      message: `The cursor ${JSON.stringify(cursor?.slice(0, 80))} is not one that this server gave. Leave it out to begin again.`,
    })
  return offset
}

export const trackingRoutes = [
  route(contract.listExperiments, async (ctx, { params, query }) => {
    await ensureDefaultExperiment(ctx, params.project)
    const offset = readCursor(query.cursor)
    const rows = await listExperimentRows(ctx.db, {
      project: params.project,
      state: query.state,
      search: query.search ?? '',
      limit: query.limit + 1,
      offset,
    })
    return {
      items: await presentExperiments(ctx, params.project, rows.slice(0, query.limit)),
      nextCursor: rows.length > query.limit ? String(offset + query.limit) : null,
    }
  }),
  route(contract.createExperiment, async (ctx, { params, body }) =>
    presentExperiment(
      ctx,
      await createExperiment(ctx, {
        project: params.project,
        name: body.name,
        ...(body.tags ? { tags: body.tags } : {}),
      }),
    ),
  ),
  route(contract.getExperiment, async (ctx, { params }) =>
    presentExperiment(ctx, await getExperimentByIdOrName(ctx, params.project, params.experiment)),
  ),
  route(contract.updateExperiment, async (ctx, { params, body }) => {
    const row = await getExperimentByIdOrName(ctx, params.project, params.experiment)
    await changeExperiment(ctx, row, body)
    return presentExperiment(ctx, await getExperimentByIdOrName(ctx, params.project, String(row.id)))
  }),
  route(contract.deleteExperiment, async (ctx, { params }) => {
    const row = await getExperimentByIdOrName(ctx, params.project, params.experiment)
    await setExperimentState(ctx, row, 'deleted')
    return presentExperiment(ctx, await getExperimentByIdOrName(ctx, params.project, String(row.id)))
  }),
  route(contract.restoreExperiment, async (ctx, { params }) => {
    const row = await getExperimentByIdOrName(ctx, params.project, params.experiment)
    await setExperimentState(ctx, row, 'active')
    return presentExperiment(ctx, await getExperimentByIdOrName(ctx, params.project, String(row.id)))
  }),
  route(contract.searchRuns, async (ctx, { params, body }) => {
    const filter = parseFilter(body.filter, RUN_VOCABULARY, { extended: true })
    const orders = parseOrderBy(body.orderBy, RUN_VOCABULARY)
    await ensureDefaultExperiment(ctx, params.project)
    const rows = await searchRunRows(ctx.db, {
      project: params.project,
      experimentIds: body.experimentIds?.map(Number),
      filter,
      orders,
      state: body.state,
      limit: body.limit + 1,
      offset: 0,
    })
    return { ids: rows.slice(0, body.limit).map((row) => row.id), truncated: rows.length > body.limit }
  }),
  route(contract.getRunCells, async (ctx, { params, body }) => {
    const byId = new Map((await listRunsById(ctx.db, params.project, body.ids)).map((row) => [row.id, row]))
    return {
      runs: await presentCells(
        ctx,
        body.ids.flatMap((id) => byId.get(id) ?? []),
        body,
      ),
    }
  }),
  route(contract.listRunColumns, async (ctx, { params, query }) => {
    const experimentId = query.experimentId === undefined ? undefined : Number(query.experimentId)
    return {
      metrics: await countColumns(ctx.db, 'latest_metrics', params.project, experimentId),
      params: await countColumns(ctx.db, 'params', params.project, experimentId),
      tags: await countColumns(ctx.db, 'tags', params.project, experimentId),
    }
  }),
  route(contract.getRun, async (ctx, { params }) => presentRun(ctx, await getRunRow(ctx, params.project, params.run))),
  route(contract.updateRun, async (ctx, { params, body }) => {
    const run = await getActiveRun(ctx, params.project, params.run)
    const changes = Object.entries({
      ...body.tags,
      ...(body.notes === undefined ? {} : { [NOTE_TAG]: body.notes }),
      ...(body.name === undefined ? {} : { [RUN_NAME_TAG]: body.name }),
    })
    const set = changes.flatMap(([key, value]) => (value === null ? [] : [{ key, value }]))
    await setRunTags(ctx, run, set, {
      field: 'tags',
      removed: changes.filter(([, value]) => value === null).map(([key]) => key),
      each: true,
    })
    return presentRun(ctx, await getRunRow(ctx, params.project, params.run))
  }),
  route(contract.deleteRun, async (ctx, { params }) => {
    await setRunState(ctx, await getRunRow(ctx, params.project, params.run), 'deleted')
    return presentRun(ctx, await getRunRow(ctx, params.project, params.run))
  }),
  route(contract.restoreRun, async (ctx, { params }) => {
    await setRunState(ctx, await getRunRow(ctx, params.project, params.run), 'active')
    return presentRun(ctx, await getRunRow(ctx, params.project, params.run))
  }),
  route(contract.getMetricHistory, async (ctx, { params, query }) => {
    const run = await getRunRow(ctx, params.project, params.run)
    return { key: query.key, x: query.x, ...(await readCurve(ctx, run, query)) }
  }),
  route(contract.listRunArtifacts, async (ctx, { params, query }) => {
    const run = await getRunRow(ctx, params.project, params.run)
    const offset = readCursor(query.cursor)
    const entries = await listFolder(ctx, { project: run.project, kind: 'run', id: run.id }, query.path)
    const items = entries
      .slice(offset, offset + query.limit)
      .map(({ path, isFolder, sizeBytes }) => ({ path, isFolder, sizeBytes }))
    return { items, nextCursor: entries.length > offset + query.limit ? String(offset + query.limit) : null }
  }),
  route(contract.getRunArtifact, async (ctx, { params, query, request, reply }) => {
    const run = await getRunRow(ctx, params.project, params.run)
    return sendArtifact(
      ctx,
      reply,
      { project: run.project, kind: 'run', id: run.id },
      query.path,
      request.headers.range,
    )
  }),
]
