import type { CommandSpec } from '../command.ts'
import { table } from '../print.ts'

/** `kiban monitor list`: monitors and how they stand. */
export const monitorList: CommandSpec = {
  name: 'monitor list',
  summary: 'Monitors and how they stand',
  example: 'kiban monitor list',
  run: async ({ client, project }) => {
    const data = await client.listMonitors({ project: project() })
    const rows = data.monitors.map((one) => [
      one.name,
      one.state,
      one.lastWindow?.label ?? '',
      one.openAlerts,
      one.reason,
    ])
    return { data, text: table(['NAME', 'STATE', 'WINDOW', 'ALERTS', 'REASON'], rows) }
  },
}
