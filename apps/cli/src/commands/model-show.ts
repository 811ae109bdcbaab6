import { arg } from '../command.ts'
import type { CommandSpec } from '../command.ts'
import { table } from '../print.ts'

/** `kiban model show`: one version with the evidence of its gate. */
export const modelShow: CommandSpec = {
  name: 'model show',
  summary: 'One version with the evidence of its gate',
  args: ['<model>', '<version>'],
  example: 'kiban model show delay @production',
  run: async ({ client, project }, input) => {
    const data = await client.getModelVersion({ project: project(), model: arg(input, 0), version: arg(input, 1) })
    const checks = data.evidence[0]?.checks ?? []
    const rows = checks.map((one) => [
      one.verdict,
      one.rule,
      one.value,
      one.reference,
      one.interval === null ? '' : `${one.interval.low.toFixed(4)} to ${one.interval.high.toFixed(4)}`,
      one.reason,
    ])
    const head = `${data.name} ${data.number}: ${data.state}. ${data.stateReason}`
    return {
      data,
      text:
        rows.length === 0
          ? head
          : `${head}\n${table(['VERDICT', 'CHECK', 'VALUE', 'AGAINST', 'INTERVAL', 'REASON'], rows)}`,
    }
  },
}
