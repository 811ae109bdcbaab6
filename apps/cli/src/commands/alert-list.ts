import type { CommandSpec } from '../command.ts'
import { table } from '../print.ts'

/** `kiban alert list`: alerts, newest first. */
export const alertList: CommandSpec = {
  name: 'alert list',
  summary: 'Alerts, newest first',
  example: 'kiban alert list',
  run: async ({ client, project }) => {
    const data = await client.listAlerts({ project: project() })
    return {
      data,
      text: table(
        ['ID', 'STATE', 'SEVERITY', 'MONITOR', 'WINDOW', 'REASON'],
        data.alerts.map((one) => [one.id, one.state, one.severity, one.monitor, one.windowLabel, one.reason]),
      ),
    }
  },
}
