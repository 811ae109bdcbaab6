import { arg } from '../command.ts'
import type { CommandSpec } from '../command.ts'
import { table } from '../print.ts'

/** `kiban pipeline show`: one pipeline run with its steps. */
export const pipelineShow: CommandSpec = {
  name: 'pipeline show',
  summary: 'One pipeline run with its steps',
  args: ['<run>'],
  example: 'kiban pipeline show prun_01',
  run: async ({ client, project }, input) => {
    const data = await client.getPipelineRun({ project: project(), run: arg(input, 0) })
    const rows = data.steps.map((one) => [
      one.name,
      one.item,
      one.state,
      one.cache?.result ?? '',
      one.jobId,
      one.message ?? one.reason,
    ])
    return {
      data,
      text: `${data.name}: ${data.state}${data.message === null ? '' : `: ${data.message}`}\n${table(['STEP', 'ITEM', 'STATE', 'CACHE', 'JOB', 'MESSAGE'], rows)}`,
    }
  },
}
