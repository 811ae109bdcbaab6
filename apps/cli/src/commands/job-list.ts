import type { CommandSpec } from '../command.ts'
import { instant, table } from '../print.ts'

/** `kiban job list`: jobs, newest first. */
export const jobList: CommandSpec = {
  name: 'job list',
  summary: 'Jobs, newest first',
  example: 'kiban job list',
  run: async ({ client, project }) => {
    const data = await client.listJobs({ project: project() })
    return {
      data,
      text: table(
        ['ID', 'NAME', 'STATE', 'AT', 'REASON'],
        data.jobs.map((one) => [one.id, one.name, one.state, instant(one.createdAt), one.message ?? one.reason]),
      ),
    }
  },
}
