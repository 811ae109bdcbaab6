import { arg } from '../command.ts'
import type { CommandSpec } from '../command.ts'
import { table } from '../print.ts'

/** `kiban model versions`: versions of a model, newest first. */
export const modelVersions: CommandSpec = {
  name: 'model versions',
  summary: 'Versions of a model, newest first',
  args: ['<model>'],
  example: 'kiban model versions delay',
  run: async ({ client, project }, input) => {
    const data = await client.listModelVersions({ project: project(), model: arg(input, 0) })
    const rows = data.items.map((one) => [
      one.number,
      one.state,
      one.aliases.join(' '),
      one.metrics['auc'] ?? null,
      one.metrics['log_loss'] ?? null,
      one.stateReason,
    ])
    return { data, text: table(['VERSION', 'STATE', 'ALIASES', 'AUC', 'LOG-LOSS', 'REASON'], rows) }
  },
}
