import type { CommandSpec } from '../command.ts'
import { table } from '../print.ts'

/** `kiban loop list`: closed loops with their last firing. */
export const loopList: CommandSpec = {
  name: 'loop list',
  summary: 'Closed loops with their last firing',
  example: 'kiban loop list',
  run: async ({ client, project }) => {
    const data = await client.listLoops({ project: project() })
    return {
      data,
      text: table(
        ['NAME', 'ENABLED', 'FIRING', 'STATE', 'REASON'],
        data.loops.map((one) => [
          one.name,
          one.enabled,
          one.lastFiring?.number ?? null,
          one.lastFiring?.state ?? '',
          one.lastFiring?.reason ?? one.blockedReason,
        ]),
      ),
    }
  },
}
