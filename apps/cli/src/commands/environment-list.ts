import type { CommandSpec } from '../command.ts'
import { table } from '../print.ts'

/** `kiban environment list`: environments and whether they are built. */
export const environmentList: CommandSpec = {
  name: 'environment list',
  summary: 'Environments and whether they are built',
  example: 'kiban environment list',
  run: async ({ client, project }) => {
    const data = await client.listEnvironments({ project: project() })
    return {
      data,
      text: table(
        ['ID', 'NAME', 'STATE', 'PYTHON', 'PACKAGES', 'ERROR'],
        data.environments.map((one) => [
          one.id,
          one.name,
          one.state,
          one.python,
          one.packageCount,
          one.error === null ? '' : JSON.stringify(one.error),
        ]),
      ),
    }
  },
}
