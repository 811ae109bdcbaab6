import { lineage as contract } from '@kiban/contract'
import { route } from '@kiban/kit/module'
import type { Module } from '@kiban/kit/module'
import { getProject } from '../projects/index.ts'
import { findLineage } from './find-lineage.ts'
import type { LineageSource } from './lineage-source.ts'
import { migrations } from './lineage.migrations.ts'

/** The lineage module, given what the other modules say of the things they own. */
export function lineageModule(sources: readonly LineageSource[]): Module {
  return {
    name: 'lineage',
    migrations,
    routes: [
      route(contract.getLineage, async (ctx, { params, query }) => {
        await getProject(ctx, params.project)
        return findLineage(ctx, [...sources, PEOPLE], { project: params.project, ...query })
      }),
    ],
  }
}

/** People and code belong to no module below; their ids say enough. */
const PEOPLE: LineageSource = {
  kinds: ['person', 'code'],
  describe: async (_ctx, project, kind, ids) =>
    new Map(
      ids.map((id) => [
        id,
        { label: kind === 'code' ? `code ${id.slice(0, 12)}` : id, project: kind === 'code' ? project : null },
      ]),
    ),
}
