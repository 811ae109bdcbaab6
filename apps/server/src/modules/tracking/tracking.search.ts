import type { Ctx } from '@kiban/kit/context'
import { searchExperimentNames } from './experiments.store.ts'
import { searchRunNames } from './runs.store.ts'

/** Experiments and newest runs whose name holds the text, and runs whose id begins with it. */
export async function trackingSearch(ctx: Ctx, text: string, project: string | undefined) {
  const only = project ?? ctx.actor.project
  const experiments = await searchExperimentNames(ctx.db, text, only)
  const runs = await searchRunNames(ctx.db, text, only)
  return [
    ...experiments.map((row) => ({
      kind: 'experiment',
      id: String(row.id),
      name: row.name,
      project: row.project,
      path: `/p/${row.project}/experiments/${row.id}`,
    })),
    ...runs.map((row) => ({
      kind: 'run',
      id: row.id,
      name: row.name,
      project: row.project,
      path: `/p/${row.project}/experiments/${row.experiment_id}/runs/${row.id}`,
    })),
  ]
}
