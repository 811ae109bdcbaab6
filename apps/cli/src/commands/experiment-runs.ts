import type { CommandSpec } from '../command.ts'
import { table } from '../print.ts'

/** `kiban experiment runs`: runs that match a filter in MLflow’s words, newest first. */
export const experimentRuns: CommandSpec = {
  name: 'experiment runs',
  summary: 'Runs that match a filter in MLflow’s words, newest first',
  args: ['[filter]'],
  example: 'kiban experiment runs "metrics.auc > 0.7"',
  run: async ({ client, project }, input) => {
    const found = await client.searchRuns({ project: project(), filter: input.args[0] ?? '', limit: 50 })
    const runs = await Promise.all(found.ids.map((run) => client.getRun({ project: project(), run })))
    return {
      data: { runs, truncated: found.truncated },
      text: table(
        ['ID', 'NAME', 'EXPERIMENT', 'STATUS', 'AUC', 'LOG-LOSS'],
        runs.map((one) => [
          one.id,
          one.name,
          one.experimentName,
          one.status,
          one.metrics['auc'] ?? null,
          one.metrics['log_loss'] ?? null,
        ]),
      ),
    }
  },
}
