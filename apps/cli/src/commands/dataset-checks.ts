import { arg } from '../command.ts'
import type { CommandSpec } from '../command.ts'
import { table } from '../print.ts'

/** `kiban dataset checks`: what the contract found in a version. */
export const datasetChecks: CommandSpec = {
  name: 'dataset checks',
  summary: 'What the contract found in a version',
  args: ['<dataset>', '[version]'],
  example: 'kiban dataset checks weather usable',
  run: async ({ client, project }, input) => {
    const data = await client.getDatasetChecks({
      project: project(),
      dataset: arg(input, 0),
      version: input.args[1] ?? 'latest',
    })
    const rows = data.results.map((one) => [
      one.result,
      one.severity,
      one.violations,
      one.unit,
      one.rule,
      one.effect,
      one.title,
    ])
    const text = table(['RESULT', 'SEVERITY', 'COUNT', 'OF', 'RULE', 'EFFECT', 'TITLE'], rows)
    return { data, text: `${arg(input, 0)} ${data.version}: ${data.state}\n${text}` }
  },
}
