import { arg } from '../command.ts'
import type { CommandSpec } from '../command.ts'

/** `kiban job cancel`: stop a job. */
export const jobCancel: CommandSpec = {
  name: 'job cancel',
  summary: 'Stop a job',
  args: ['<job>'],
  example: 'kiban job cancel job_01',
  run: async ({ client, project }, input) => {
    const data = await client.cancelJob({ project: project(), id: arg(input, 0) })
    return { data, text: `${data.name}: ${data.state}` }
  },
}
