import type { NodeKind, Relation } from '@kiban/contract/lineage'
import { inTransaction } from '@kiban/kit/context'
import type { Ctx } from '@kiban/kit/context'
import { newId } from '@kiban/kit/ids'
import { insertEdges } from './lineage.store.ts'

export type LineageEnd = { readonly kind: NodeKind; readonly id: string }

/** Records what came of what, in the transaction of the change itself. An edge that is known already stays as it is. */
export async function recordEdges(
  ctx: Ctx,
  edges: readonly { from: LineageEnd; relation: Relation; to: LineageEnd }[],
): Promise<void> {
  const at = ctx.clock.now()
  const rows = edges.map((edge) => ({
    id: newId('lin'),
    from_node: `${edge.from.kind}:${edge.from.id}`,
    relation: edge.relation,
    to_node: `${edge.to.kind}:${edge.to.id}`,
    at,
  }))
  await inTransaction(ctx, (ctx) => insertEdges(ctx, rows))
}
