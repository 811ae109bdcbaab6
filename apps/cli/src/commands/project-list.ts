import type { CommandSpec } from '../command.ts'
import { table } from '../print.ts'

/** `kiban project list`: projects you may see. */
export const projectList: CommandSpec = {
  name: 'project list',
  summary: 'Projects you may see',
  example: 'kiban project list',
  run: async ({ client }) => {
    const data = await client.listProjects()
    return {
      data,
      text: table(
        ['NAME', 'TITLE', 'REVISION', 'CLOCK'],
        data.projects.map((one) => [one.name, one.title, one.revision, one.clock.mode]),
      ),
    }
  },
}
