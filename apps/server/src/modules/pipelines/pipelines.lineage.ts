import type { LineageSource } from '../lineage/index.ts'
import { listRunsByIds } from './pipelines.store.ts'
import { listStepRunsByIds } from './steps.store.ts'

/** What pipelines say of their runs and steps to the lineage graph. */
export const pipelineLineage: LineageSource = {
  kinds: ['pipeline_run', 'step_run'],
  describe: async (ctx, project, kind, ids) => {
    if (kind === 'pipeline_run')
      return new Map(
        (await listRunsByIds(ctx.db, project, ids)).map((row) => [
          row.id,
          { label: `${row.pipeline} #${row.number}`, project: row.project },
        ]),
      )
    const steps = await listStepRunsByIds(ctx.db, project, ids)
    const runs = new Map(
      (await listRunsByIds(ctx.db, project, [...new Set(steps.map((step) => step.run_id))])).map((run) => [
        run.id,
        run,
      ]),
    )
    return new Map(
      steps.map((step) => {
        const run = runs.get(step.run_id)
        return [
          step.id,
          { label: run ? `${run.pipeline} #${run.number}: ${step.name}` : step.name, project: step.project },
        ]
      }),
    )
  },
}
