/** Aliases that only a gate or a person who may promote moves, on every face (access.md §3). */
export const PROTECTED_ALIASES: ReadonlySet<string> = new Set(['production'])

export function isProtected(alias: string): boolean {
  return PROTECTED_ALIASES.has(alias)
}
