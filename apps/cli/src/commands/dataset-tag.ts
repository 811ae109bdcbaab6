import { UsageError, arg } from '../command.ts'
import type { CommandSpec } from '../command.ts'

/** `kiban dataset tag`: point a tag at a version. */
export const datasetTag: CommandSpec = {
  name: 'dataset tag',
  summary: 'Point a tag at a version',
  args: ['<dataset>', '<version>', '<tag>'],
  example: 'kiban dataset tag flights 3 golden',
  run: async ({ client, project }, input) => {
    const version = Number(arg(input, 1))
    if (!Number.isInteger(version) || version < 1)
      throw new UsageError(`a version is a number from 1, not ${JSON.stringify(arg(input, 1))}`)
    const data = await client.setDatasetTag({ project: project(), dataset: arg(input, 0), tag: arg(input, 2), version })
    return { data, text: `${data.dataset} ${data.number} is now @${arg(input, 2)}` }
  },
}
