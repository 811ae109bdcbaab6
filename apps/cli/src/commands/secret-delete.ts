import { arg } from '../command.ts'
import type { CommandSpec } from '../command.ts'

/** `kiban secret delete`: delete a secret. */
export const secretDelete: CommandSpec = {
  name: 'secret delete',
  summary: 'Delete a secret',
  args: ['<name>'],
  example: 'kiban secret delete PW',
  run: async ({ client, project }, input) => {
    const data = await client.deleteSecret({ project: project(), name: arg(input, 0) })
    return { data, text: `${arg(input, 0)} is deleted` }
  },
}
