import type { CommandSpec } from '../command.ts'
import { instant, table } from '../print.ts'

/** `kiban secret list`: names of the secrets, never their values. */
export const secretList: CommandSpec = {
  name: 'secret list',
  summary: 'Names of the secrets, never their values',
  example: 'kiban secret list',
  run: async ({ client, project }) => {
    const data = await client.listSecrets({ project: project() })
    return {
      data,
      text: table(
        ['NAME', 'VERSION', 'UPDATED', 'BY'],
        data.secrets.map((one) => [one.name, one.version, instant(one.updatedAt), one.updatedBy]),
      ),
    }
  },
}
