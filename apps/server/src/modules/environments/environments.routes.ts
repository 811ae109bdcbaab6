import * as contract from '@kiban/contract/environments'
import { emit, inTransaction, wake } from '@kiban/kit/context'
import type { Ctx } from '@kiban/kit/context'
import { AppError } from '@kiban/kit/errors'
import { readLog } from '@kiban/kit/log-file'
import { route } from '@kiban/kit/module'
import type { Route } from '@kiban/kit/module'
import { recordAudit } from '../audit/index.ts'
import { getProject } from '../projects/index.ts'
import { environmentPaths } from './build-environment.ts'
import { presentEnvironment, presentSummary, stateOf } from './environments.present.ts'
import {
  findBuild,
  getEnvironmentRow,
  listEnvironmentRows,
  updateBuild,
  updateEnvironment,
} from './environments.store.ts'
import type { BuildRow, EnvironmentRow } from './environments.store.ts'

export const routes: readonly Route[] = [
  route(contract.listEnvironments, async (ctx, { params, query }) => {
    await getProject(ctx, params.project)
    // Each state of the code asks anew; what is the same specification of the same name is one row here, its newest.
    const seen = new Set<string>()
    const rows = (await listEnvironmentRows(ctx.db, params.project, 1000)).filter((row) => {
      const key = `${row.name} ${row.spec_hash ?? row.id}`
      return seen.has(key) ? false : seen.add(key)
    })
    return {
      environments: await Promise.all(
        rows.slice(0, query.limit).map(async (row) => presentSummary(row, await buildOf(ctx, row))),
      ),
    }
  }),
  route(contract.getEnvironment, async (ctx, { params }) => {
    await getProject(ctx, params.project)
    const row = await getEnvironmentRow(ctx.db, params.id, params.project)
    return presentEnvironment(row, await buildOf(ctx, row))
  }),
  route(contract.getEnvironmentLog, async (ctx, { params, query }) => {
    await getProject(ctx, params.project)
    const row = await getEnvironmentRow(ctx.db, params.id, params.project)
    const state = stateOf(row, await buildOf(ctx, row))
    const ended = state === 'ready' || state === 'failed'
    if (row.spec_hash === null) return { offset: 0, nextOffset: 0, sizeBytes: 0, ended, lines: [] }
    const { log } = environmentPaths(ctx.platform.home, row.spec_hash)
    const piece = await readLog(log, { offset: query.offset ?? 0, limit: query.limit, ended, mask: (bytes) => bytes })
    return { ...piece, ended: ended && piece.nextOffset >= piece.sizeBytes }
  }),
  route(contract.rebuildEnvironment, async (ctx, { params }) =>
    inTransaction(ctx, async (ctx) => {
      await getProject(ctx, params.project)
      const row = await getEnvironmentRow(ctx.db, params.id, params.project)
      const build = await buildOf(ctx, row)
      const state = stateOf(row, build)
      if (state !== 'failed')
        throw new AppError('environment_not_failed', {
          message: `The environment ${row.name} is ${state}. Only one whose build failed can be built again.`,
        })
      const clean = { cause: null, message: null }
      if (build) await updateBuild(ctx.db, build, { ...clean, state: 'queued', runner: null, ended_at: null })
      else await updateEnvironment(ctx.db, row.id, clean)
      await recordAudit(ctx, {
        action: 'environment.rebuild',
        resource: { kind: 'environment', id: row.id },
        project: row.project,
        before: { state },
        after: { state: 'queued' },
      })
      emit(ctx, { topic: `projects/${row.project}/environments`, kind: 'environment.queued', id: row.id })
      wake(ctx, 'environments')
      const after = await getEnvironmentRow(ctx.db, row.id)
      return presentSummary(after, await buildOf(ctx, after))
    }),
  ),
]

async function buildOf(ctx: Ctx, row: EnvironmentRow): Promise<BuildRow | undefined> {
  return row.spec_hash === null ? undefined : findBuild(ctx.db, row.spec_hash)
}
