import { arg } from '../command.ts'
import type { CommandSpec } from '../command.ts'
import { bytes, instant, table } from '../print.ts'

/** `kiban dataset show`: versions of a dataset, newest first. */
export const datasetShow: CommandSpec = {
  name: 'dataset show',
  summary: 'Versions of a dataset, newest first',
  args: ['<dataset>'],
  example: 'kiban dataset show flights',
  run: async ({ client, project }, input) => {
    const data = await client.listDatasetVersions({ project: project(), dataset: arg(input, 0) })
    const rows = data.versions.map((one) => [
      one.number,
      one.state,
      one.rows,
      bytes(one.sizeBytes),
      instant(one.createdAt),
      one.message,
      one.stateReason,
    ])
    return { data, text: table(['VERSION', 'STATE', 'ROWS', 'SIZE', 'AT', 'MESSAGE', 'REASON'], rows) }
  },
}
