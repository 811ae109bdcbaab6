import { arg } from '../command.ts'
import type { CommandSpec } from '../command.ts'

/** `kiban pipeline cancel`: stop a pipeline run. */
export const pipelineCancel: CommandSpec = {
  name: 'pipeline cancel',
  summary: 'Stop a pipeline run',
  args: ['<run>'],
  example: 'kiban pipeline cancel prun_01',
  run: async ({ client, project }, input) => {
    const data = await client.cancelPipelineRun({ project: project(), run: arg(input, 0) })
    return { data, text: `${data.name}: ${data.state}` }
  },
}
