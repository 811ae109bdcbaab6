import type { CommandSpec } from '../command.ts'
import { fields } from '../print.ts'

/** `kiban status`: the server and who you are to it. */
export const status: CommandSpec = {
  name: 'status',
  summary: 'The server: version, addresses, who you are, what runs',
  example: 'kiban status',
  run: async ({ client, url }) => {
    const server = await client.getServer()
    const { projects } = await client.listProjects()
    const text = fields({
      address: url,
      version: server.version,
      running: `${Math.round((server.now - server.startedAt) / 1000)} s`,
      database: server.database,
      home: server.home,
      grpc: server.ports.grpc,
      inference: server.ports.inference,
      'signed in as': `${server.actor.name} (${server.actor.kind})`,
      projects: projects.map((one) => one.name).join(', '),
    })
    return { data: { ...server, url, projects: projects.map((one) => one.name) }, text }
  },
}
