import { arg, option } from '../command.ts'
import type { CommandSpec } from '../command.ts'

/** `kiban rollout abort`: go back to the old version. */
export const rolloutAbort: CommandSpec = {
  name: 'rollout abort',
  summary: 'Go back to the old version',
  args: ['<endpoint>'],
  options: [{ flags: '--reason <text>', description: 'why' }],
  example: 'kiban rollout abort delay',
  run: async ({ client, project }, input) => {
    const reason = option(input, 'reason')
    const data = await client.abortRollout({
      project: project(),
      endpoint: arg(input, 0),
      ...(reason === undefined ? {} : { reason }),
    })
    return { data, text: `${data.endpoint}: ${data.state}, v${data.to.number} at ${data.weight} %` }
  },
}
