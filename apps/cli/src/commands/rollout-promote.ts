import { arg, option } from '../command.ts'
import type { CommandSpec } from '../command.ts'

/** `kiban rollout promote`: give all traffic to the new version now. */
export const rolloutPromote: CommandSpec = {
  name: 'rollout promote',
  summary: 'Give all traffic to the new version now',
  args: ['<endpoint>'],
  options: [{ flags: '--reason <text>', description: 'why' }],
  example: 'kiban rollout promote delay',
  run: async ({ client, project }, input) => {
    const reason = option(input, 'reason')
    const data = await client.promoteRollout({
      project: project(),
      endpoint: arg(input, 0),
      ...(reason === undefined ? {} : { reason }),
    })
    return { data, text: `${data.endpoint}: ${data.state}, v${data.to.number} at ${data.weight} %` }
  },
}
