import type {
  EndpointRoute,
  RoutingTable,
  TableResult,
  VersionEntry,
  VersionStatus,
} from '@kiban/contract/inference-control'
import type { Logger } from '@kiban/kit/log'
import { Batcher } from './batcher.ts'
import { loadOnnxModel } from './runtimes/onnx/onnx-runtime.ts'
import type { LoadedModel } from './runtimes/onnx/onnx-runtime.ts'

/** A version that answers, with the requests it is answering. */
export type ServedVersion = {
  readonly entry: VersionEntry
  readonly model: LoadedModel
  readonly batcher: Batcher
  inFlight: number
}

/** An endpoint as requests meet it. `variants` are ready. */
export type ServedEndpoint = {
  readonly route: EndpointRoute
  readonly variants: readonly { readonly name: string; readonly weight: number; readonly version: ServedVersion }[]
  readonly shadow: readonly ServedVersion[]
  readonly fallback: ServedVersion | undefined
}

/**
 * Which versions are loaded and which endpoints route to them. A table is taken in order: load what is new, then change every route
 * at once, then let go of what is no longer routed to, after its last request. A route never leads to what is not loaded.
 */
export class Registry {
  readonly #log: Logger
  #table: RoutingTable = { revision: 0, versions: [], endpoints: [] }
  #endpoints: ReadonlyMap<string, ServedEndpoint> = new Map()
  #held: string[] = []
  readonly #loaded = new Map<string, ServedVersion>()
  readonly #failed = new Map<string, string>()
  readonly #loading = new Set<string>()
  readonly #draining = new Set<ServedVersion>()
  #turn: Promise<unknown> = Promise.resolve()

  constructor(log: Logger) {
    this.#log = log
  }

  get revision(): number {
    return this.#table.revision
  }

  /** Takes a routing table; tables are taken one after the other. An older revision than the present one is ignored. */
  apply(table: RoutingTable): Promise<TableResult> {
    const turn = this.#turn.then(() => this.#take(table))
    this.#turn = turn.catch(() => undefined)
    return turn
  }

  find(project: string, endpoint: string): ServedEndpoint | undefined {
    return this.#endpoints.get(`${project}/${endpoint}`)
  }

  /** The routed endpoints of one project, or of all. */
  list(project?: string): readonly ServedEndpoint[] {
    const all = [...this.#endpoints.values()]
    return project === undefined ? all : all.filter((endpoint) => endpoint.route.project === project)
  }

  /** All that the table asks for is loaded and routed. */
  isReady(): boolean {
    return this.#held.length === 0 && this.#loading.size === 0
  }

  statuses(): VersionStatus[] {
    const asked = this.#table.versions.map((entry): VersionStatus => {
      const version = this.#loaded.get(entry.id)
      if (version)
        return {
          id: entry.id,
          state: 'ready',
          error: null,
          signature: { inputs: [...version.model.inputs], outputs: [...version.model.outputs] },
          inFlight: version.inFlight,
        }
      const error = this.#failed.get(entry.id)
      return {
        id: entry.id,
        state: error === undefined ? 'loading' : 'failed',
        error: error ?? null,
        signature: null,
        inFlight: 0,
      }
    })
    const draining = [...this.#draining].map((version): VersionStatus => ({
      id: version.entry.id,
      state: 'draining',
      error: null,
      signature: null,
      inFlight: version.inFlight,
    }))
    return [...asked, ...draining]
  }

  /** Counts a request in and out of a version, so that the version is released only after its last one. */
  async hold<T>(version: ServedVersion, work: () => Promise<T>): Promise<T> {
    version.inFlight += 1
    try {
      return await work()
    } finally {
      version.inFlight -= 1
      if (version.inFlight === 0 && this.#draining.delete(version)) await this.#release(version)
    }
  }

  async #take(table: RoutingTable): Promise<TableResult> {
    if (table.revision >= this.#table.revision) {
      this.#table = table
      await this.#load(table.versions)
      this.#switch(table)
      await this.#letGo()
    }
    return { revision: this.#table.revision, versions: this.statuses(), held: this.#held }
  }

  async #load(entries: readonly VersionEntry[]): Promise<void> {
    for (const entry of entries) {
      if (this.#loaded.has(entry.id)) continue
      this.#loading.add(entry.id)
      try {
        const model = await loadOnnxModel(entry.path)
        this.#loaded.set(entry.id, { entry, model, batcher: new Batcher(model), inFlight: 0 })
        this.#failed.delete(entry.id)
        this.#log.info({ version: entry.id, model: entry.model, number: entry.number }, 'model version loaded')
      } catch (error) {
        const message = error instanceof Error ? error.message.slice(0, 1000) : String(error)
        this.#failed.set(entry.id, message)
        this.#log.error(
          { version: entry.id, model: entry.model, number: entry.number, err: error },
          'model version failed to load',
        )
      } finally {
        this.#loading.delete(entry.id)
      }
    }
  }

  #switch(table: RoutingTable): void {
    const next = new Map<string, ServedEndpoint>()
    const held: string[] = []
    for (const route of table.endpoints) {
      const key = `${route.project}/${route.name}`
      const variants = route.variants.flatMap(({ name, weight, versionId }) => {
        const version = this.#loaded.get(versionId)
        return version ? [{ name, weight, version }] : []
      })
      const shadow = route.shadow.flatMap((id) => this.#loaded.get(id) ?? [])
      const fallback = route.fallback === null ? undefined : this.#loaded.get(route.fallback)
      const isWhole = variants.length === route.variants.length && shadow.length === route.shadow.length
      if (!isWhole) held.push(route.id)
      const old = this.#endpoints.get(key)
      if (!isWhole && old) next.set(key, old)
      else if (variants.some((variant) => variant.weight > 0)) next.set(key, { route, variants, shadow, fallback })
    }
    this.#endpoints = next
    this.#held = held
  }

  async #letGo(): Promise<void> {
    const needed = new Set(this.#table.versions.map((entry) => entry.id))
    for (const endpoint of this.#endpoints.values())
      for (const version of [
        ...endpoint.variants.map((variant) => variant.version),
        ...endpoint.shadow,
        ...(endpoint.fallback ? [endpoint.fallback] : []),
      ])
        needed.add(version.entry.id)
    for (const [id, version] of this.#loaded) {
      if (needed.has(id)) continue
      this.#loaded.delete(id)
      if (version.inFlight > 0) this.#draining.add(version)
      else await this.#release(version)
    }
    for (const id of this.#failed.keys()) if (!needed.has(id)) this.#failed.delete(id)
  }

  async #release(version: ServedVersion): Promise<void> {
    try {
      await version.model.release()
      this.#log.info({ version: version.entry.id, number: version.entry.number }, 'model version released')
    } catch (error) {
      this.#log.warn({ version: version.entry.id, err: error }, 'model version could not be released')
    }
  }
}
