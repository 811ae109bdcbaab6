import type { LineageSource } from '../lineage/index.ts'
import { planOfBuild } from './environments.present.ts'
import { findBuild, findEnvironmentRow } from './environments.store.ts'

/** What environments say of themselves to the lineage graph. */
export const environmentLineage: LineageSource = {
  kinds: ['environment'],
  describe: async (ctx, _project, _kind, ids) => {
    const found = await Promise.all(
      ids.map(async (id) => {
        const row = await findEnvironmentRow(ctx.db, id)
        if (!row) return []
        const build = row.spec_hash === null ? undefined : await findBuild(ctx.db, row.spec_hash)
        const detail = build?.lock_hash
          ? `Python ${planOfBuild(build).python.version}, lock ${build.lock_hash.slice(0, 12)}`
          : 'not built'
        return [[id, { label: `${row.name} (${detail})`, project: row.project }] as const]
      }),
    )
    return new Map(found.flat())
  },
}
