import type { LineageSource } from '../lineage/index.ts'
import { listDeploymentsById, listDeployments, listEndpointRows } from './endpoints.store.ts'
import { originOfPrediction } from './read-predictions.ts'

/** What endpoints say of themselves, their deployments and their predictions in lineage. */
export const endpointsLineage: LineageSource = {
  kinds: ['endpoint', 'deployment', 'prediction'],
  describe: async (ctx, project, kind, ids) => {
    const endpoints = await listEndpointRows(ctx, project, true)
    if (kind === 'endpoint')
      return new Map(
        endpoints.filter((each) => ids.includes(each.id)).map((each) => [each.id, { label: each.name, project }]),
      )
    if (kind === 'deployment') {
      const rows = await listDeploymentsById(ctx, ids)
      return new Map(
        rows.flatMap((row) => {
          const endpoint = endpoints.find((each) => each.id === row.endpoint_id)
          return endpoint
            ? [[row.id, { label: `${row.model} v${row.number} on ${endpoint.name}`, project }] as const]
            : []
        }),
      )
    }
    const found = new Map<
      string,
      { label: string; project: string; origin: { kind: 'deployment' | 'model_version'; id: string }[] }
    >()
    for (const id of ids.slice(0, 50)) {
      const origin = await originOfPrediction(ctx, project, id)
      if (!origin) continue
      const deployment = origin.deployment ?? (await listDeployments(ctx, [origin.endpoint.id], 'all'))[0]
      found.set(id, {
        label: `Prediction of ${origin.endpoint.name}`,
        project,
        origin: deployment ? [{ kind: 'deployment', id: deployment.id }] : [],
      })
    }
    return found
  },
}
