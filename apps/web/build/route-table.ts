import { dirname, join } from 'node:path'
import { createRequire } from 'node:module'
import { pathToFileURL } from 'node:url'
import type { Plugin } from 'vite'

const ID = 'virtual:kiban-routes'

/**
 * Gives the browser the contract's routes and nothing else of it: `{ listDatasets: ['GET', '/projects/:project/datasets'] }`, with the
 * query's keys as a third member where a body exists too. The types still come from the contract; zod (which wants `eval`, and
 * 50 KB) stays out of the page.
 */
export function routeTable(): Plugin {
  return {
    name: 'kiban-route-table',
    resolveId(id) {
      return id === ID ? `\0${ID}` : undefined
    },
    async load(id) {
      if (id !== `\0${ID}`) return undefined
      const entry = join(dirname(createRequire(import.meta.url).resolve('@kiban/contract')), 'index.ts')
      const contract = (await import(`${pathToFileURL(entry).href}?t=${Date.now()}`)) as Record<string, unknown>
      return `export default ${JSON.stringify(routesOf(contract))}`
    },
  }
}

type RouteEntry = [method: string, path: string, queryKeys?: string[]]

/** The routes of every endpoint constant in every namespace of the contract. */
export function routesOf(contract: Record<string, unknown>): Record<string, RouteEntry> {
  const routes: Record<string, RouteEntry> = {}
  for (const namespace of Object.values(contract)) {
    if (typeof namespace !== 'object' || namespace === null) continue
    for (const value of Object.values(namespace)) {
      if (!isEndpoint(value)) continue
      const keys = value.query === undefined || value.method === 'GET' ? undefined : Object.keys(value.query.shape)
      routes[value.name] = keys === undefined ? [value.method, value.path] : [value.method, value.path, keys]
    }
  }
  return routes
}

function isEndpoint(
  value: unknown,
): value is { name: string; method: string; path: string; query?: { shape: object } } {
  return typeof value === 'object' && value !== null && 'method' in value && 'path' in value && 'summary' in value
}
