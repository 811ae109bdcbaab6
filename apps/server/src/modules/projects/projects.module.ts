import { projects as contract } from '@kiban/contract'
import type { Ctx } from '@kiban/kit/context'
import { route } from '@kiban/kit/module'
import type { Module } from '@kiban/kit/module'
import { createProject } from './create-project.ts'
import { migrations } from './projects.migrations.ts'
import { getProject, listProjectRows } from './projects.store.ts'
import type { ProjectRow } from './projects.store.ts'
import { setClock } from './set-clock.ts'

export const projects: Module = {
  name: 'projects',
  migrations,
  routes: [
    route(contract.listProjects, async (ctx) => ({
      projects: (await listProjectRows(ctx))
        .filter((row) => ctx.actor.project === undefined || row.name === ctx.actor.project)
        .map((row) => presentProject(ctx, row)),
    })),
    route(contract.createProject, async (ctx, { body }) => presentProject(ctx, await createProject(ctx, body))),
    route(contract.getProject, async (ctx, { params }) => presentProject(ctx, await getProject(ctx, params.project))),
    route(contract.setProjectClock, async (ctx, { params, body }) =>
      setClock(ctx, { project: params.project, mode: body.mode, now: body.mode === 'replay' ? body.now : null }),
    ),
  ],
}

function presentProject(ctx: Ctx, row: ProjectRow) {
  return {
    id: row.id,
    name: row.name,
    title: row.title,
    description: row.description,
    createdAt: row.created_at,
    createdBy: row.created_by,
    clock: { mode: row.clock_mode, now: row.clock_now ?? ctx.clock.now() },
    revision: row.revision,
  }
}
