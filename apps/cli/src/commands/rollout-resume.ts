import { arg, option } from '../command.ts'
import type { CommandSpec } from '../command.ts'

/** `kiban rollout resume`: go on with a paused roll-out. */
export const rolloutResume: CommandSpec = {
  name: 'rollout resume',
  summary: 'Go on with a paused roll-out',
  args: ['<endpoint>'],
  options: [{ flags: '--reason <text>', description: 'why' }],
  example: 'kiban rollout resume delay',
  run: async ({ client, project }, input) => {
    const reason = option(input, 'reason')
    const data = await client.resumeRollout({
      project: project(),
      endpoint: arg(input, 0),
      ...(reason === undefined ? {} : { reason }),
    })
    return { data, text: `${data.endpoint}: ${data.state}, v${data.to.number} at ${data.weight} %` }
  },
}
