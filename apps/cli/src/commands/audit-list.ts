import type { CommandSpec } from '../command.ts'
import { instant, table } from '../print.ts'

/** `kiban audit list`: what was changed by whom, newest first. */
export const auditList: CommandSpec = {
  name: 'audit list',
  summary: 'What was changed by whom, newest first',
  example: 'kiban audit list',
  run: async ({ client, project }) => {
    const data = await client.listAuditEvents({ project: project() })
    return {
      data,
      text: table(
        ['AT', 'ACTOR', 'ACTION', 'RESOURCE'],
        data.events.map((one) => [instant(one.time), one.actor, one.action, `${one.resource.kind} ${one.resource.id}`]),
      ),
    }
  },
}
