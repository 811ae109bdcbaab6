import { arg } from '../command.ts'
import type { CommandSpec } from '../command.ts'

/** `kiban loop enable`: let a loop fire from now on. */
export const loopEnable: CommandSpec = {
  name: 'loop enable',
  summary: 'Let a loop fire from now on',
  args: ['<loop>'],
  example: 'kiban loop enable delay',
  run: async ({ client, project }, input) => {
    const data = await client.enableLoop({ project: project(), loop: arg(input, 0) })
    return { data, text: `${data.name}: ${data.enabled ? 'enabled' : 'disabled'}` }
  },
}
