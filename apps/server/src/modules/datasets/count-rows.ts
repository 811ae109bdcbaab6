import { emit, inTransaction } from '@kiban/kit/context'
import type { Ctx } from '@kiban/kit/context'
import { getManifest } from '@kiban/kit/manifests'
import { findVersion, listUncounted, updateVersion } from './datasets.store.ts'
import type { VersionRow } from './datasets.store.ts'
import { withDuckdb } from './duckdb.ts'
import { relationSql, tableFiles } from './table-files.ts'
import type { TableFile } from './table-files.ts'

const BATCH = 50

/**
 * Counts the rows of versions that have no contract (its check counts otherwise). Of an append only the new files are read; one DuckDB
 * serves a batch, so that hundreds of small commits stay cheap. Returns how many versions it counted.
 */
export async function countRows(ctx: Ctx): Promise<number> {
  const due = await listUncounted(ctx, BATCH)
  if (due.length === 0) return 0
  const counted = new Map<string, number | null>()
  const plans = await Promise.all(due.map((row) => planOf(ctx, row)))
  const readable = [...new Set(plans.flatMap((plan) => plan.added.map((file) => file.file)))]
  await withDuckdb({ readable, signal: ctx.signal }, async (duckdb) => {
    for (const plan of plans) {
      let added: number | null = null
      try {
        added =
          plan.added.length === 0
            ? 0
            : Number((await duckdb.rows(`SELECT count(*) AS n FROM (${relationSql(plan.added)})`))[0]?.['n'])
      } catch (error) {
        ctx.signal.throwIfAborted()
        ctx.log.warn({ err: error, version: plan.row.id }, 'rows could not be counted')
      }
      const before = plan.onParent ? (counted.get(plan.parent?.id ?? '') ?? plan.parent?.rows ?? null) : 0
      const rows = added === null || before === null || !plan.isTable ? null : before + added
      counted.set(plan.row.id, rows)
    }
  })
  await inTransaction(ctx, async (ctx) => {
    for (const plan of plans) {
      const rows = counted.get(plan.row.id) ?? null
      const before = plan.parent ? (counted.get(plan.parent.id) ?? plan.parent.rows) : 0
      await updateVersion(ctx, plan.row.id, {
        rows,
        new_rows: rows === null || before === null ? null : rows - before,
        count_due: 0,
      })
    }
    for (const project of new Set(due.map((row) => row.project)))
      emit(ctx, { topic: `projects/${project}/datasets`, kind: 'dataset.counted', id: project })
  })
  return due.length
}

type Plan = {
  readonly row: VersionRow
  readonly parent: VersionRow | undefined
  readonly added: readonly TableFile[]
  readonly onParent: boolean
  readonly isTable: boolean
}

async function planOf(ctx: Ctx, row: VersionRow): Promise<Plan> {
  const parent = row.parent_number === null ? undefined : await findVersion(ctx, row.dataset_id, row.parent_number)
  const files = tableFiles(ctx.platform.blobs, await getManifest(ctx.platform.blobs, row.committed_manifest))
  const before = parent
    ? tableFiles(ctx.platform.blobs, await getManifest(ctx.platform.blobs, parent.committed_manifest))
    : []
  const now = new Set(files.map((file) => `${file.path} ${file.hash}`))
  const known = new Set(before.map((file) => `${file.path} ${file.hash}`))
  // Only where all that was there is still there can the parent's count be built upon.
  const onParent =
    before.length > 0 &&
    before.every((file) => now.has(`${file.path} ${file.hash}`)) &&
    (parent?.rows !== null || parent.count_due === 1)
  return {
    row,
    parent,
    added: onParent ? files.filter((file) => !known.has(`${file.path} ${file.hash}`)) : files,
    onParent,
    isTable: files.length > 0,
  }
}
