import type { CommandSpec } from '../command.ts'
import { table } from '../print.ts'

/** `kiban pipeline list`: pipelines of the project with their last run. */
export const pipelineList: CommandSpec = {
  name: 'pipeline list',
  summary: 'Pipelines of the project with their last run',
  example: 'kiban pipeline list',
  run: async ({ client, project }) => {
    const data = await client.listPipelines({ project: project() })
    const rows = data.pipelines.map((one) => [
      one.name,
      one.lastRun?.number ?? null,
      one.lastRun?.state ?? '',
      one.description,
    ])
    return { data, text: table(['NAME', 'LAST RUN', 'STATE', 'DESCRIPTION'], rows) }
  },
}
