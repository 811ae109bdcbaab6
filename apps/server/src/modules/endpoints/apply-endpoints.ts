import { canonicalJson } from '@kiban/kit/canonical-json'
import { emit } from '@kiban/kit/context'
import type { Ctx } from '@kiban/kit/context'
import { newId } from '@kiban/kit/ids'
import type { ApplySection, Change } from '@kiban/kit/module'
import { resolveSpec } from './endpoint-spec.ts'
import {
  insertEndpoint,
  listDeployments,
  listEndpointRows,
  updateDeployment,
  updateEndpoint,
} from './endpoints.store.ts'
import type { EndpointRow } from './endpoints.store.ts'
import { endRollout } from './move-rollout.ts'
import { listActiveRollouts } from './rollouts.store.ts'

/** Makes the endpoints of a project as its file says: new ones appear, changed ones take their new settings, missing ones are archived. */
export const applyEndpoints: ApplySection = async (ctx, { project, file }) => {
  const rows = await listEndpointRows(ctx, project, true)
  const changes: Change[] = []
  for (const [name, spec] of Object.entries(file.endpoints)) {
    const row = rows.find((each) => each.name === name)
    const stored = canonicalJson(resolveSpec(file, name))
    const description = spec.description ?? null
    if (!row) {
      await insertEndpoint(ctx, newRow(ctx, { project, name, description, spec: stored }))
      changes.push({ kind: 'create', noun: 'endpoint', name, detail: spec.model ?? '' })
    } else if (row.archived_at !== null || row.spec !== stored || row.description !== description) {
      await updateEndpoint(ctx, row.id, {
        spec: stored,
        description,
        archived_at: null,
        refused_version_id: null,
        reason: null,
      })
      changes.push({
        kind: row.archived_at === null ? 'update' : 'create',
        noun: 'endpoint',
        name,
        detail: spec.model ?? '',
      })
    }
  }
  for (const row of rows)
    if (row.archived_at === null && !Object.hasOwn(file.endpoints, row.name)) {
      await archive(ctx, row)
      changes.push({ kind: 'archive', noun: 'endpoint', name: row.name })
    }
  if (changes.length > 0) emit(ctx, { topic: `projects/${project}/endpoints`, kind: 'endpoint.changed', id: project })
  return changes
}

async function archive(ctx: Ctx, row: EndpointRow): Promise<void> {
  for (const rollout of await listActiveRollouts(ctx, [row.id]))
    await endRollout(ctx, rollout, { cause: 'archived', message: 'The endpoint left the project file.' })
  for (const deployment of await listDeployments(ctx, [row.id]))
    await updateDeployment(ctx, deployment.id, { role: 'released', state: 'released', weight: 0, release_at: null })
  await updateEndpoint(ctx, row.id, {
    archived_at: ctx.clock.now(),
    running_version_id: null,
    refused_version_id: null,
    reason: null,
  })
}

function newRow(ctx: Ctx, of: Pick<EndpointRow, 'project' | 'name' | 'description' | 'spec'>): EndpointRow {
  return {
    ...of,
    id: newId('ep'),
    archived_at: null,
    reason: null,
    running_version_id: null,
    refused_version_id: null,
    example: null,
    created_at: ctx.clock.now(),
    created_by: ctx.actor.id,
    updated_at: ctx.clock.now(),
  }
}
