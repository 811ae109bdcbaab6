import { arg, option } from '../command.ts'
import type { CommandSpec } from '../command.ts'

/** `kiban alert acknowledge`: say that an alert is seen. */
export const alertAcknowledge: CommandSpec = {
  name: 'alert acknowledge',
  summary: 'Say that an alert is seen',
  args: ['<alert>'],
  options: [{ flags: '--note <text>', description: 'a note' }],
  example: 'kiban alert acknowledge alert_01 --note "retraining"',
  run: async ({ client, project }, input) => {
    const data = await client.acknowledgeAlert({
      project: project(),
      alert: arg(input, 0),
      note: option(input, 'note') ?? '',
    })
    return { data, text: `${data.id}: ${data.state}` }
  },
}
