import type { CommandSpec } from '../command.ts'
import { table } from '../print.ts'

/** `kiban dataset list`: datasets of the project with their newest version. */
export const datasetList: CommandSpec = {
  name: 'dataset list',
  summary: 'Datasets of the project with their newest version',
  example: 'kiban dataset list',
  run: async ({ client, project }) => {
    const data = await client.listDatasets({ project: project() })
    const rows = data.datasets.map((one) => [
      one.name,
      one.latest?.number ?? null,
      one.latest?.state ?? '',
      one.latest?.rows ?? null,
      one.description,
    ])
    return { data, text: table(['NAME', 'VERSION', 'STATE', 'ROWS', 'DESCRIPTION'], rows) }
  },
}
