import { arg, option } from '../command.ts'
import type { CommandSpec } from '../command.ts'

/** `kiban model promote`: move an alias to a version; against its gate only with --override and a reason. */
export const modelPromote: CommandSpec = {
  name: 'model promote',
  summary: 'Move an alias to a version; against its gate only with --override and a reason',
  args: ['<model>', '<version>'],
  options: [
    { flags: '--alias <alias>', description: 'the alias', default: 'production' },
    { flags: '--reason <text>', description: 'why' },
    { flags: '--override', description: 'although the gate refused it' },
  ],
  example: 'kiban model promote delay 3 --reason "night fix" --override',
  run: async ({ client, project }, input) => {
    const alias = option(input, 'alias') ?? 'production'
    const model = await client.getModel({ project: project(), model: arg(input, 0) })
    const expected = model.aliases.find((one) => one.alias === alias)?.number ?? null
    const data = await client.promoteModelVersion({
      project: project(),
      model: arg(input, 0),
      version: arg(input, 1),
      alias,
      expected,
      reason: option(input, 'reason') ?? '',
      override: input.options['override'] === true,
    })
    return { data, text: `@${data.alias} of ${arg(input, 0)} is now version ${data.to}` }
  },
}
