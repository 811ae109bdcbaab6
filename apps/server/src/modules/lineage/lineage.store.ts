import type { Relation } from '@kiban/contract/lineage'
import type { Ctx } from '@kiban/kit/context'

/** `from_node` and `to_node` are `kind:id`, read as a sentence: run used dataset_version, run generated model_version. */
export type EdgeRow = { id: string; from_node: string; relation: Relation; to_node: string; at: number }

declare module '@kiban/kit/database' {
  interface Tables {
    lineage_edges: EdgeRow
  }
}

export async function insertEdges(ctx: Ctx, rows: readonly EdgeRow[]): Promise<void> {
  if (rows.length === 0) return
  await ctx.db
    .insertInto('lineage_edges')
    .values([...rows])
    .onConflict((c) => c.doNothing())
    .execute()
}

export async function listEdges(
  ctx: Ctx,
  nodes: readonly string[],
  side: 'from_node' | 'to_node',
  limit: number,
): Promise<EdgeRow[]> {
  if (nodes.length === 0) return []
  return ctx.db
    .selectFrom('lineage_edges')
    .selectAll()
    .where(side, 'in', [...nodes])
    .orderBy('id', 'desc')
    .limit(limit)
    .execute()
}
