import type { CommandSpec } from '../command.ts'
import { instant, table } from '../print.ts'

/** `kiban pipeline runs`: runs of the project’s pipelines, newest first. */
export const pipelineRuns: CommandSpec = {
  name: 'pipeline runs',
  summary: 'Runs of the project’s pipelines, newest first',
  args: ['[pipeline]'],
  example: 'kiban pipeline runs train',
  run: async ({ client, project }, input) => {
    const pipeline = input.args[0]
    const data = await client.listPipelineRuns({ project: project(), ...(pipeline === undefined ? {} : { pipeline }) })
    const rows = data.runs.map((one) => [
      one.name,
      one.state,
      JSON.stringify(one.params),
      instant(one.createdAt),
      one.id,
      one.message,
    ])
    return { data, text: table(['RUN', 'STATE', 'PARAMETERS', 'AT', 'ID', 'MESSAGE'], rows) }
  },
}
