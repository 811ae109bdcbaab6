import { loops as contract } from '@kiban/contract'
import { route } from '@kiban/kit/module'
import type { Route } from '@kiban/kit/module'
import type { Ctx } from '@kiban/kit/context'
import { getProject, projectNow } from '../projects/index.ts'
import { stopFiring, switchLoop } from './change-loop.ts'
import { presentFiring, presentLoop } from './loops.present.ts'
import { getFiringRow, getLoopRow, listFiringRows, listLoopRows } from './loops.store.ts'
import type { LoopRow } from './loops.store.ts'

export const routes: readonly Route[] = [
  route(contract.listLoops, async (ctx, { params }) => {
    await getProject(ctx, params.project)
    const rows = await listLoopRows(ctx, params.project)
    return { loops: await Promise.all(rows.map((row) => view(ctx, row))) }
  }),
  route(contract.getLoop, async (ctx, { params }) => view(ctx, await getLoopRow(ctx, params.project, params.loop))),
  route(contract.listLoopFirings, async (ctx, { params, query }) => {
    const loop = await getLoopRow(ctx, params.project, params.loop)
    return { firings: (await listFiringRows(ctx, loop.id, query.limit)).map(presentFiring) }
  }),
  route(contract.getLoopFiring, async (ctx, { params }) =>
    presentFiring(await getFiringRow(ctx, await getLoopRow(ctx, params.project, params.loop), params.firing)),
  ),
  route(contract.enableLoop, (ctx, { params }) => switchLoop(ctx, { ...params, enabled: true })),
  route(contract.disableLoop, (ctx, { params }) => switchLoop(ctx, { ...params, enabled: false })),
  route(contract.stopLoopFiring, (ctx, { params }) => stopFiring(ctx, params)),
]

async function view(ctx: Ctx, row: LoopRow) {
  return presentLoop(row, await listFiringRows(ctx, row.id, 500), await projectNow(ctx, row.project))
}
