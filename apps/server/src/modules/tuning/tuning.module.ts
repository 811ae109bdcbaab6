import { tuning as contract } from '@kiban/contract'
import { route } from '@kiban/kit/module'
import type { Module } from '@kiban/kit/module'
import { getProject } from '../projects/index.ts'
import { tuningLoop } from './run-sweeps.worker.ts'
import { closeSamplers } from './samplers.ts'
import { migrations } from './tuning.migrations.ts'
import { presentSweep, presentTrial } from './tuning.present.ts'
import { getSweepRow, listSweepRows, listTrialRows } from './tuning.store.ts'

export const tuning: Module = {
  name: 'tuning',
  migrations,
  loops: [tuningLoop],
  routes: [
    route(contract.listSweeps, async (ctx, { params, query }) => {
      await getProject(ctx, params.project)
      const rows = await listSweepRows(ctx.db, params.project, query.pipelineRun)
      return {
        sweeps: await Promise.all(rows.map(async (row) => presentSweep(row, await listTrialRows(ctx.db, row.id)))),
      }
    }),
    route(contract.getSweep, async (ctx, { params }) => {
      await getProject(ctx, params.project)
      const row = await getSweepRow(ctx.db, params.sweep, params.project)
      return presentSweep(row, await listTrialRows(ctx.db, row.id))
    }),
    route(contract.listTrials, async (ctx, { params }) => {
      await getProject(ctx, params.project)
      const row = await getSweepRow(ctx.db, params.sweep, params.project)
      return { trials: (await listTrialRows(ctx.db, row.id)).map(presentTrial) }
    }),
  ],
  stop: async (ctx) => closeSamplers(ctx),
}
