import { arg, option } from '../command.ts'
import type { CommandSpec } from '../command.ts'

/** `kiban model rollback`: set an alias back to the version before. */
export const modelRollback: CommandSpec = {
  name: 'model rollback',
  summary: 'Set an alias back to the version before',
  args: ['<model>'],
  options: [
    { flags: '--alias <alias>', description: 'the alias', default: 'production' },
    { flags: '--reason <text>', description: 'why' },
  ],
  example: 'kiban model rollback delay --reason "too many errors"',
  run: async ({ client, project }, input) => {
    const data = await client.rollbackModel({
      project: project(),
      model: arg(input, 0),
      alias: option(input, 'alias') ?? 'production',
      reason: option(input, 'reason') ?? '',
    })
    return { data, text: `@${data.alias} of ${arg(input, 0)} is now version ${data.to}` }
  },
}
