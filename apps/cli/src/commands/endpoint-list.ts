import type { CommandSpec } from '../command.ts'
import { table } from '../print.ts'

/** `kiban endpoint list`: endpoints with their traffic. */
export const endpointList: CommandSpec = {
  name: 'endpoint list',
  summary: 'Endpoints with their traffic',
  example: 'kiban endpoint list',
  run: async ({ client, project }) => {
    const data = await client.listEndpoints({ project: project() })
    const rows = data.items.map((one) => [
      one.name,
      one.state,
      one.traffic.map((part) => `v${part.version.number} ${part.weight} %`).join(', '),
      one.live?.totalRequests ?? null,
      one.urls.rest,
    ])
    return { data, text: table(['NAME', 'STATE', 'TRAFFIC', 'REQUESTS', 'ADDRESS'], rows) }
  },
}
