import { arg } from '../command.ts'
import type { CommandSpec } from '../command.ts'

/** `kiban loop disable`: stop a loop from firing. */
export const loopDisable: CommandSpec = {
  name: 'loop disable',
  summary: 'Stop a loop from firing',
  args: ['<loop>'],
  example: 'kiban loop disable delay',
  run: async ({ client, project }, input) => {
    const data = await client.disableLoop({ project: project(), loop: arg(input, 0) })
    return { data, text: `${data.name}: ${data.enabled ? 'enabled' : 'disabled'}` }
  },
}
