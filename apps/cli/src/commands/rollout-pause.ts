import { arg, option } from '../command.ts'
import type { CommandSpec } from '../command.ts'

/** `kiban rollout pause`: hold the roll-out at its share of traffic. */
export const rolloutPause: CommandSpec = {
  name: 'rollout pause',
  summary: 'Hold the roll-out at its share of traffic',
  args: ['<endpoint>'],
  options: [{ flags: '--reason <text>', description: 'why' }],
  example: 'kiban rollout pause delay',
  run: async ({ client, project }, input) => {
    const reason = option(input, 'reason')
    const data = await client.pauseRollout({
      project: project(),
      endpoint: arg(input, 0),
      ...(reason === undefined ? {} : { reason }),
    })
    return { data, text: `${data.endpoint}: ${data.state}, v${data.to.number} at ${data.weight} %` }
  },
}
