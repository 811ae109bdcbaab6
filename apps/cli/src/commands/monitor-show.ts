import { arg } from '../command.ts'
import type { CommandSpec } from '../command.ts'
import { table } from '../print.ts'

/** `kiban monitor show`: windows of a monitor, with what each signal said. */
export const monitorShow: CommandSpec = {
  name: 'monitor show',
  summary: 'Windows of a monitor, with what each signal said',
  args: ['<monitor>'],
  example: 'kiban monitor show delays',
  run: async ({ client, project }, input) => {
    const data = await client.listMonitorWindows({ project: project(), monitor: arg(input, 0), grain: 'window' })
    const rows = data.windows.map((one) => [
      one.label,
      one.state,
      one.rows,
      one.labelCoverage,
      one.signals.map((signal) => `${signal.signal}: ${signal.status}`).join(', '),
    ])
    return { data, text: table(['WINDOW', 'STATE', 'ROWS', 'LABELLED', 'SIGNALS'], rows) }
  },
}
