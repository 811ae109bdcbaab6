import type { CommandSpec } from '../command.ts'
import { instant, table } from '../print.ts'

/** `kiban experiment list`: experiments with their number of runs. */
export const experimentList: CommandSpec = {
  name: 'experiment list',
  summary: 'Experiments with their number of runs',
  example: 'kiban experiment list',
  run: async ({ client, project }) => {
    const data = await client.listExperiments({ project: project() })
    return {
      data,
      text: table(
        ['ID', 'NAME', 'RUNS', 'LAST'],
        data.items.map((one) => [one.id, one.name, one.runCount, instant(one.lastRunAt)]),
      ),
    }
  },
}
