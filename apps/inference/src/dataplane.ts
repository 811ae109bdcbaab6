import { newId } from '@kiban/kit/ids'
import type { Logger } from '@kiban/kit/log'
import type { PredictionRecord } from '@kiban/contract/inference-control'
import { Counters, countRequest } from './counters.ts'
import type { Counter } from './counters.ts'
import { InferError, toInferError } from './infer-error.ts'
import type { PredictionLog } from './prediction-log.ts'
import { predictionRecords } from './prediction-record.ts'
import type { Registry, ServedEndpoint, ServedVersion } from './registry.ts'
import { pick, spread } from './routing.ts'
import { elementToJson, firstNonFinite } from './tensor.ts'
import type { NamedTensor, Tensor } from './tensor.ts'
import { modelFeeds, selectOutputs } from './validate.ts'

/** A request to one endpoint, free of any protocol. */
export type InferRequest = {
  readonly project: string
  readonly endpoint: string
  /** A version's number; absent: the routing decides. */
  readonly version?: string | undefined
  readonly id?: string | undefined
  readonly inputs: ReadonlyMap<string, Tensor>
  /** Names of the wanted outputs; absent: all. */
  readonly outputs?: readonly string[] | undefined
  readonly header: (name: string) => string | undefined
  /** When the request had been read, by performance.now(). */
  readonly startedAt: number
}

export type InferResult = {
  readonly model: string
  readonly version: string
  readonly id: string
  /** Id of the logged prediction; row i is `<predictionId>-<i>`. Null: not logged (turned off, or not in the sample). */
  readonly predictionId: string | null
  readonly rows: number
  readonly outputs: readonly NamedTensor[]
}

type Target = { readonly variant: string; readonly version: ServedVersion }
type Run = { readonly outputs: NamedTensor[]; readonly rows: number; readonly latencyMs: number }

/** Answers requests: picks the version, runs it in a batch with others, checks, logs, counts. Knows no HTTP and no gRPC. */
export class DataPlane {
  readonly registry: Registry
  readonly counters = new Counters()
  readonly predictions: PredictionLog
  readonly #log: Logger
  readonly #warned = new Map<string, { at: number; untold: number }>()

  constructor(parts: { registry: Registry; predictions: PredictionLog; log: Logger }) {
    this.registry = parts.registry
    this.predictions = parts.predictions
    this.#log = parts.log
  }

  /** The endpoint of that name. Throws a 404 InferError that names those there are. */
  endpoint(project: string, name: string): ServedEndpoint {
    const endpoint = this.registry.find(project, name)
    if (endpoint) return endpoint
    const names = this.registry.list(project).map((other) => other.route.name)
    throw new InferError(
      404,
      `There is no endpoint "${name}" in project "${project}" that serves a model${names.length > 0 ? `; there is ${names.join(', ')}` : ''}.`,
    )
  }

  /** The version behind an endpoint by its number, or the one that gets most of the traffic. Throws a 404 InferError. */
  version(endpoint: ServedEndpoint, number?: string): ServedVersion {
    const all = [...endpoint.variants.map((variant) => variant.version), ...endpoint.shadow]
    const main = endpoint.variants.toSorted((a, b) => b.weight - a.weight)[0]?.version
    const found = number === undefined ? main : all.find((version) => String(version.entry.number) === number)
    if (found) return found
    throw new InferError(
      404,
      `Endpoint "${endpoint.route.name}" does not serve version ${JSON.stringify(number)}; it serves ${all.map((version) => version.entry.number).join(', ')}.`,
    )
  }

  /** Answers a request. Throws an InferError: 4xx names what is wrong with the request, 5xx is the model's fault or ours. */
  async infer(request: InferRequest): Promise<InferResult> {
    const endpoint = this.endpoint(request.project, request.endpoint)
    const predictionId = newId('pred')
    const receivedAt = Date.now()
    const target = this.#route(endpoint, request, predictionId)
    const answer = await this.#answer(endpoint, request, target)
    const isLogged =
      endpoint.route.log !== null &&
      (endpoint.route.log.sample >= 1 || spread(`log ${predictionId}`) < endpoint.route.log.sample)
    const records = (
      version: ServedVersion,
      variant: string,
      status: PredictionRecord['status'],
      run: Run,
      id: string,
    ) =>
      predictionRecords({
        route: endpoint.route,
        predictionId: id,
        versionId: version.entry.id,
        variant,
        status,
        receivedAt,
        latencyMs: run.latencyMs,
        rows: run.rows,
        inputs: request.inputs,
        outputs: run.outputs,
      })
    const outputs = selectOutputs(answer.run.outputs, request.outputs)
    if (isLogged)
      await this.#append(
        endpoint,
        answer.version,
        records(answer.version, answer.variant, answer.isFallback ? 'fallback' : 'ok', answer.run, predictionId),
      )
    for (const shadow of endpoint.shadow)
      void this.#shadow(endpoint, request, shadow)
        .then(async (run) => {
          if (run && isLogged)
            await this.#append(endpoint, shadow, records(shadow, 'shadow', 'shadow', run, newId('pred')))
        })
        // Told by #append; nobody waits for a shadow.
        .catch(() => undefined)
    return {
      model: endpoint.route.name,
      version: String(answer.version.entry.number),
      id: request.id ?? predictionId,
      predictionId: isLogged ? predictionId : null,
      rows: answer.run.rows,
      outputs,
    }
  }

  async #append(endpoint: ServedEndpoint, version: ServedVersion, records: PredictionRecord[]): Promise<void> {
    try {
      await this.predictions.append(endpoint.route.id, records)
    } catch (error) {
      this.#warn(endpoint, version, error)
      throw error
    }
  }

  #route(endpoint: ServedEndpoint, request: InferRequest, predictionId: string): Target {
    if (request.version !== undefined) {
      const version = this.version(endpoint, request.version)
      return { variant: endpoint.variants.find((variant) => variant.version === version)?.name ?? 'shadow', version }
    }
    const chosen = pick(
      endpoint.variants,
      spread(`${endpoint.route.id} ${stickyValue(endpoint, request) ?? predictionId}`),
    )
    if (!chosen) throw new InferError(503, `Endpoint "${endpoint.route.name}" has no version with traffic.`)
    return { variant: chosen.name, version: chosen.version }
  }

  /** The target's answer, or the fallback's if the target fails with a 5xx or refuses what the running version takes. */
  async #answer(
    endpoint: ServedEndpoint,
    request: InferRequest,
    target: Target,
  ): Promise<{ run: Run; version: ServedVersion; variant: string; isFallback: boolean }> {
    const counter = this.#counter(endpoint, target)
    try {
      return { run: await this.#run(endpoint, request, target, counter), ...target, isFallback: false }
    } catch (error) {
      const failure = toInferError(error)
      const fallback = endpoint.fallback && endpoint.fallback !== target.version ? endpoint.fallback : undefined
      const isModelsFault = failure.status >= 500 || (fallback !== undefined && takes(endpoint, fallback, request))
      const latencyMs = performance.now() - request.startedAt
      if (isModelsFault) {
        countRequest(counter, { rows: 0, latencyMs, failed: true })
        this.#warn(endpoint, target.version, failure)
      } else counter.rejected += 1
      if (!isModelsFault || !fallback) throw failure
      const second = {
        variant: endpoint.variants.find((variant) => variant.version === fallback)?.name ?? 'fallback',
        version: fallback,
      }
      const secondCounter = this.#counter(endpoint, second)
      const run = await this.#run(endpoint, request, second, secondCounter).catch((again: unknown) => {
        countRequest(secondCounter, { rows: 0, latencyMs: performance.now() - request.startedAt, failed: true })
        throw toInferError(again)
      })
      secondCounter.fallbacks += 1
      return { run, ...second, isFallback: true }
    }
  }

  async #shadow(endpoint: ServedEndpoint, request: InferRequest, version: ServedVersion): Promise<Run | undefined> {
    const target = { variant: 'shadow', version }
    const counter = this.#counter(endpoint, target)
    const startedAt = performance.now()
    try {
      return await this.#run(endpoint, { ...request, startedAt }, target, counter)
    } catch (error) {
      countRequest(counter, { rows: 0, latencyMs: performance.now() - startedAt, failed: true })
      this.#warn(endpoint, version, error)
      return undefined
    }
  }

  async #run(endpoint: ServedEndpoint, request: InferRequest, target: Target, counter: Counter): Promise<Run> {
    const { feeds, rows } = modelFeeds(target.version.model, endpoint.route, request.inputs)
    counter.inFlight += 1
    try {
      const outputs = await this.registry.hold(target.version, () =>
        target.version.batcher.run({
          feeds,
          rows,
          batching: endpoint.route.batching,
          deadline: Date.now() + endpoint.route.timeoutMs,
        }),
      )
      for (const output of outputs) {
        const at = firstNonFinite(output)
        if (at >= 0)
          throw new InferError(
            500,
            `The model gave ${String(output.data[at])} in its output "${output.name}" (element ${at}); a prediction must be a finite number.`,
          )
      }
      const latencyMs = performance.now() - request.startedAt
      countRequest(counter, { rows, latencyMs, failed: false })
      return { outputs, rows, latencyMs }
    } finally {
      counter.inFlight -= 1
    }
  }

  /** One line a second and version: a model that fails every request must not fill the disk. */
  #warn(endpoint: ServedEndpoint, version: ServedVersion, error: unknown): void {
    const key = `${endpoint.route.id} ${version.entry.id}`
    const now = Date.now()
    const last = this.#warned.get(key) ?? { at: 0, untold: 0 }
    if (now - last.at < 1000) {
      last.untold += 1
      this.#warned.set(key, last)
      return
    }
    this.#warned.set(key, { at: now, untold: 0 })
    this.#log.warn(
      { endpoint: endpoint.route.name, version: version.entry.number, untold: last.untold, err: error },
      'a request failed',
    )
  }

  #counter(endpoint: ServedEndpoint, target: Target): Counter {
    const { route } = endpoint
    return this.counters.for({
      endpointId: route.id,
      versionId: target.version.entry.id,
      variant: target.variant,
      project: route.project,
      endpoint: route.name,
      number: target.version.entry.number,
    })
  }
}

function takes(endpoint: ServedEndpoint, version: ServedVersion, request: InferRequest): boolean {
  try {
    modelFeeds(version.model, endpoint.route, request.inputs)
    return true
  } catch {
    return false
  }
}

function stickyValue(endpoint: ServedEndpoint, request: InferRequest): string | undefined {
  const by = endpoint.route.stickyBy
  if (by === null) return undefined
  if (by.startsWith('header:')) return request.header(by.slice('header:'.length))
  const tensor = request.inputs.get(by)
  const value = tensor && elementToJson(tensor, 0)
  return value === undefined || value === null ? undefined : String(value)
}
