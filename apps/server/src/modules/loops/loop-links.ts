import type { LoopLink } from '@kiban/contract/loops'

/** The strip of a firing that has not begun. */
export function newLinks(): LoopLink[] {
  return (['monitor', 'retrain', 'gate', 'approve', 'rollout', 'watch'] as const).map((link) => ({
    link,
    state: 'pending',
    reason: '',
    at: null,
    target: null,
  }))
}

export type LinkChange = { readonly link: LoopLink['link'] } & Partial<Pick<LoopLink, 'state' | 'reason' | 'target'>>

/** The strip after some links changed; `at` is when a link last changed its state. */
export function changeLinks(links: readonly LoopLink[], changes: readonly LinkChange[], atMs: number): LoopLink[] {
  return links.map((link) => {
    const change = changes.find((candidate) => candidate.link === link.link)
    if (!change) return link
    const state = change.state ?? link.state
    return { ...link, ...change, state, at: state === link.state && link.at !== null ? link.at : atMs }
  })
}
