import type { NodeKind } from '@kiban/contract/lineage'
import type { Ctx } from '@kiban/kit/context'
import type { LineageEnd } from './record-edges.ts'

export type NodeDescription = {
  readonly label: string
  /** The project it belongs to; null for what belongs to none (people). */
  readonly project: string | null
  /** Where it came from, for things too many to have edges of their own (predictions). */
  readonly origin?: readonly LineageEnd[]
}

/** What a module can say about the things it owns. Ids that it does not know are left out. */
export type LineageSource = {
  readonly kinds: readonly NodeKind[]
  describe(
    ctx: Ctx,
    project: string,
    kind: NodeKind,
    ids: readonly string[],
  ): Promise<ReadonlyMap<string, NodeDescription>>
}
