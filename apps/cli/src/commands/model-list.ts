import type { CommandSpec } from '../command.ts'
import { table } from '../print.ts'

/** `kiban model list`: registered models with their aliases. */
export const modelList: CommandSpec = {
  name: 'model list',
  summary: 'Registered models with their aliases',
  example: 'kiban model list',
  run: async ({ client, project }) => {
    const data = await client.listModels({ project: project() })
    const rows = data.items.map((one) => [
      one.name,
      one.latest,
      one.aliases.map((alias) => `${alias.alias}=${alias.number}`).join(' '),
      one.description,
    ])
    return { data, text: table(['NAME', 'LATEST', 'ALIASES', 'DESCRIPTION'], rows) }
  },
}
