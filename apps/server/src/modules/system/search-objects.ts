import type { z } from 'zod'
import type { SearchHit } from '@kiban/contract/system'
import type { Ctx } from '@kiban/kit/context'

export type Hit = z.infer<typeof SearchHit>

/** Finds things by the start or a part of their name or id, in one project or in all that the actor may see. */
export type SearchSource = (ctx: Ctx, text: string, project: string | undefined) => Promise<readonly Hit[]>

const MOST = 50

/** Exact names first, then those that begin with the text, then the rest. */
export async function searchObjects(
  ctx: Ctx,
  sources: readonly SearchSource[],
  text: string,
  project: string | undefined,
): Promise<Hit[]> {
  const wanted = text.normalize('NFKC').toLowerCase()
  const hits = (await Promise.all(sources.map((source) => source(ctx, wanted, project)))).flat()
  const rank = (hit: Hit) =>
    hit.name.toLowerCase() === wanted || hit.id === text ? 0 : hit.name.toLowerCase().startsWith(wanted) ? 1 : 2
  return hits.toSorted((a, b) => rank(a) - rank(b) || a.name.localeCompare(b.name)).slice(0, MOST)
}
