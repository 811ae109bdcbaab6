import { arg } from '../command.ts'
import type { CommandSpec } from '../command.ts'

/** `kiban pipeline resume`: go on with a failed run where it stopped. */
export const pipelineResume: CommandSpec = {
  name: 'pipeline resume',
  summary: 'Go on with a failed run where it stopped',
  args: ['<run>'],
  example: 'kiban pipeline resume prun_01',
  run: async ({ client, project }, input) => {
    const data = await client.resumePipelineRun({ project: project(), run: arg(input, 0) })
    return { data, text: `${data.name}: ${data.state}` }
  },
}
