/** The value below `path` in a parsed tree that no schema has seen yet; undefined when there is none. */
export function dig(node: unknown, ...path: readonly (string | number)[]): unknown {
  let value = node
  for (const part of path) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, part)) return undefined
    value = Reflect.get(value, part)
  }
  return value
}

/** The entries of a map; none for anything else. */
export function entriesOf(node: unknown): [string, unknown][] {
  return typeof node === 'object' && node !== null && !Array.isArray(node) ? Object.entries(node) : []
}

export function keysOf(node: unknown): string[] {
  return entriesOf(node).map(([key]) => key)
}

/** The items of a list; none for anything else. */
export function itemsOf(node: unknown): unknown[] {
  return Array.isArray(node) ? node : []
}
