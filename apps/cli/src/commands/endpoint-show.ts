import { arg } from '../command.ts'
import type { CommandSpec } from '../command.ts'
import { fields } from '../print.ts'

/** `kiban endpoint show`: one endpoint with its roll-out. */
export const endpointShow: CommandSpec = {
  name: 'endpoint show',
  summary: 'One endpoint with its roll-out',
  args: ['<endpoint>'],
  example: 'kiban endpoint show delay',
  run: async ({ client, project }, input) => {
    const data = await client.getEndpoint({ project: project(), endpoint: arg(input, 0) })
    const rollout =
      data.rollout === null
        ? ''
        : `${data.rollout.state} v${data.rollout.to.number} at ${data.rollout.weight} %: ${data.rollout.message}`
    const text = fields({
      state: data.state,
      reason: data.reason,
      model: data.model,
      traffic: data.traffic.map((part) => `v${part.version.number} ${part.weight} %`).join(', '),
      rollout,
      requests: data.live?.totalRequests,
      'p95 ms': data.live?.p95Ms,
      tensors: data.urls.rest,
      rows: data.urls.rows,
      grpc: data.urls.grpc,
    })
    return { data, text }
  },
}
