import { spawn } from 'node:child_process'
import type { ChildProcessWithoutNullStreams } from 'node:child_process'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { z } from 'zod'
import { Json } from '@kiban/contract/primitives'
import type { TrialState } from '@kiban/contract/tuning'

const SCRIPT = fileURLToPath(new URL('./sampler.py', import.meta.url))
const Answer = z.object({
  ready: z.boolean().optional(),
  ask: z.number().optional(),
  values: z.record(z.string(), Json).optional(),
  error: z.string().optional(),
})
// Importing Optuna on a busy machine took up to 20 s.
const ANSWER_TIMEOUT_MS = 120_000

export type Point = {
  readonly values: Readonly<Record<string, Json>>
  readonly state: TrialState
  readonly objective: number | null
}

export type SamplerSetup = {
  readonly python: string
  readonly space: Json
  readonly direction: 'minimize' | 'maximize'
  readonly sampler: string
  readonly options: Json
  readonly seed: number
}

/** The sampler said that it can't go on, and why: the user's fault. A sampler that merely died throws another error and is started again. */
export class SamplerFault extends Error {}

/** One warm Python process that suggests points. It has no network address, no secret and no state. */
export class Sampler {
  readonly #child: ChildProcessWithoutNullStreams
  readonly #ready: Promise<void>
  #waiting: { resolve: (answer: z.infer<typeof Answer>) => void; reject: (error: Error) => void } | undefined
  #stderr = ''
  #ended = false

  constructor(setup: SamplerSetup) {
    this.#child = spawn(setup.python, ['-I', SCRIPT], {
      env: { PATH: '/usr/bin:/bin', LANG: 'C.UTF-8', OMP_NUM_THREADS: '1' },
      stdio: ['pipe', 'pipe', 'pipe'],
    })
    this.#child.stderr
      .setEncoding('utf8')
      .on('data', (text: string) => (this.#stderr = (this.#stderr + text).slice(-2000)))
    this.#child.on('error', (error) => this.#end(error))
    this.#child.on('close', () =>
      this.#end(new Error(`the sampler ended. ${this.#stderr.trim().split('\n').at(-1) ?? ''}`)),
    )
    this.#child.stdin.on('error', () => {}) // told by `close`
    createInterface({ input: this.#child.stdout }).on('line', (line) => this.#take(line))
    const { python: _python, ...first } = setup
    this.#ready = this.#exchange(first).then((answer) => {
      if (answer.error !== undefined) throw new SamplerFault(answer.error)
    })
    this.#ready.catch(() => {}) // told to whoever asks
  }

  get ended(): boolean {
    return this.#ended
  }

  /** The next point, given all that is known. Throws `SamplerFault`, or another Error when the process died. */
  async ask(number: number, history: readonly Point[]): Promise<Record<string, Json>> {
    await this.#ready
    const answer = await this.#exchange({ ask: number, history })
    if (answer.error !== undefined || !answer.values)
      throw new SamplerFault(answer.error ?? 'the sampler gave no values')
    return answer.values
  }

  close(): void {
    this.#child.stdin.end()
    this.#child.kill('SIGKILL')
  }

  #exchange(message: unknown): Promise<z.infer<typeof Answer>> {
    if (this.#ended) return Promise.reject(new Error('the sampler has ended'))
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => this.close(), ANSWER_TIMEOUT_MS)
      const done = (): void => {
        clearTimeout(timer)
        this.#waiting = undefined
      }
      this.#waiting = {
        resolve: (answer) => {
          done()
          resolve(answer)
        },
        reject: (error) => {
          done()
          reject(error)
        },
      }
      this.#child.stdin.write(`${JSON.stringify(message)}\n`)
    })
  }

  #take(line: string): void {
    try {
      this.#waiting?.resolve(Answer.parse(JSON.parse(line)))
    } catch {
      this.#waiting?.reject(new Error(`the sampler wrote ${JSON.stringify(line.slice(0, 200))}`))
    }
  }

  #end(error: Error): void {
    this.#ended = true
    this.#waiting?.reject(error)
  }
}
