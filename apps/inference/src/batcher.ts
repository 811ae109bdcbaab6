import { InferError } from './infer-error.ts'
import type { LoadedModel } from './runtimes/onnx/onnx-runtime.ts'
import { concatRows, sliceRows } from './tensor.ts'
import type { NamedTensor, Tensor } from './tensor.ts'

export type Batching = { readonly maxSize: number; readonly maxDelayMs: number }

type Waiting = {
  readonly feeds: ReadonlyMap<string, Tensor>
  readonly rows: number
  readonly group: string
  readonly deadline: number
  readonly resolve: (outputs: NamedTensor[]) => void
  readonly reject: (error: unknown) => void
}

const MAX_WAITING_ROWS = 100_000

/**
 * Natural batching of one model version: what arrives within one turn of the event loop, or while the model runs, goes as one batch.
 * It waits for nothing unless `maxDelayMs` says so, and costs nothing alone (reference/serving.md §4.3: 2 to 7 times the requests).
 */
export class Batcher {
  readonly #model: LoadedModel
  #waiting: Waiting[] = []
  #waitingRows = 0
  #running = false
  #scheduled = false
  #batching: Batching = { maxSize: 64, maxDelayMs: 0 }
  /** Runs of the model, for the statistics. */
  executions = 0

  constructor(model: LoadedModel) {
    this.#model = model
  }

  /** Runs the model on these rows, together with others. Throws 503 when too much waits, 504 past the deadline, 500 if the model fails. */
  run(input: {
    feeds: ReadonlyMap<string, Tensor>
    rows: number
    batching: Batching
    deadline: number
  }): Promise<NamedTensor[]> {
    if (this.#waitingRows + input.rows > MAX_WAITING_ROWS && this.#waiting.length > 0)
      return Promise.reject(new InferError(503, 'Too many rows wait for this model; try again in a moment.'))
    this.#batching = input.batching
    return new Promise((resolve, reject) => {
      this.#waiting.push({
        feeds: input.feeds,
        rows: input.rows,
        group: this.#model.batchable ? trailingShapes(input.feeds) : '',
        deadline: input.deadline,
        resolve,
        reject,
      })
      this.#waitingRows += input.rows
      this.#schedule()
    })
  }

  #schedule(): void {
    if (this.#scheduled || this.#running) return
    this.#scheduled = true
    const flush = () => {
      this.#scheduled = false
      void this.#flush()
    }
    if (this.#batching.maxDelayMs > 0 && this.#waitingRows < this.#batching.maxSize)
      setTimeout(flush, this.#batching.maxDelayMs)
    else setImmediate(flush)
  }

  async #flush(): Promise<void> {
    if (this.#running) return
    this.#running = true
    try {
      for (let batch = this.#take(); batch.length > 0; batch = this.#take()) await this.#execute(batch)
    } finally {
      this.#running = false
    }
  }

  /** The next batch: the oldest request and those behind it that fit with it. */
  #take(): Waiting[] {
    const now = Date.now()
    const batch: Waiting[] = []
    const rest: Waiting[] = []
    let rows = 0
    for (const item of this.#waiting) {
      const group = batch[0]?.group ?? item.group
      const fits =
        batch.length === 0 ||
        (this.#model.batchable && item.group === group && rows + item.rows <= this.#batching.maxSize)
      if (item.deadline < now) {
        this.#waitingRows -= item.rows
        item.reject(new InferError(504, 'The request waited longer than the time-out of the endpoint.'))
      } else if (fits) {
        batch.push(item)
        rows += item.rows
      } else rest.push(item)
    }
    this.#waiting = rest
    this.#waitingRows -= rows
    return batch
  }

  async #execute(batch: readonly Waiting[]): Promise<void> {
    const first = batch[0]
    if (!first) return
    this.executions += 1
    try {
      if (batch.length === 1) {
        first.resolve(await this.#model.run(first.feeds))
        return
      }
      const feeds = new Map<string, Tensor>()
      for (const name of first.feeds.keys())
        feeds.set(name, concatRows(batch.map((item) => item.feeds.get(name)).filter((tensor) => tensor !== undefined)))
      const outputs = await this.#model.run(feeds)
      const total = batch.reduce((sum, item) => sum + item.rows, 0)
      if (outputs.some((output) => output.shape[0] !== total)) {
        // The free first dimension of this output is no batch: its rows cannot be told apart.
        for (const item of batch) await this.#execute([item])
        return
      }
      let row = 0
      for (const item of batch) {
        item.resolve(outputs.map((output) => ({ name: output.name, ...sliceRows(output, row, item.rows) })))
        row += item.rows
      }
    } catch (error) {
      if (batch.length === 1) first.reject(error)
      // One request's rows must not fail another's: each runs again alone.
      else for (const item of batch) await this.#execute([item])
    }
  }
}

function trailingShapes(feeds: ReadonlyMap<string, Tensor>): string {
  let text = ''
  for (const tensor of feeds.values()) if (tensor.shape.length > 1) text += `${tensor.shape.slice(1).join('x')};`
  return text
}
