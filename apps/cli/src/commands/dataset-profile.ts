import { arg } from '../command.ts'
import type { CommandSpec } from '../command.ts'
import { table } from '../print.ts'

/** `kiban dataset profile`: types, missing values and spread of every column. */
export const datasetProfile: CommandSpec = {
  name: 'dataset profile',
  summary: 'Types, missing values and spread of every column',
  args: ['<dataset>', '[version]'],
  example: 'kiban dataset profile flights',
  run: async ({ client, project }, input) => {
    const data = await client.getDatasetProfile({
      project: project(),
      dataset: arg(input, 0),
      version: input.args[1] ?? 'usable',
    })
    const rows = data.columns.map((one) => [
      one.name,
      one.type,
      one.nulls,
      one.distinct,
      one.mean,
      JSON.stringify(one.min),
      JSON.stringify(one.max),
    ])
    return { data, text: table(['COLUMN', 'TYPE', 'NULLS', 'DISTINCT', 'MEAN', 'MIN', 'MAX'], rows) }
  },
}
