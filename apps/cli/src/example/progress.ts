/** What one step of the example's life says while it runs. */
export type Say = (text: string) => void

/** Prints named steps with what they are at and how long they took; a terminal sees one line move, a log sees lines. */
export class Progress {
  readonly #out: NodeJS.WriteStream
  readonly #total: number
  readonly #startedAt = Date.now()
  #number = 0

  constructor(total: number, out: NodeJS.WriteStream = process.stderr) {
    this.#total = total
    this.#out = out
  }

  /** Runs a step. Its result is printed; a failure is printed with its reason and thrown on. */
  async step<T extends { readonly text: string }>(name: string, work: (say: Say) => Promise<T>): Promise<T> {
    this.#number++
    const head = `[${String(this.#number).padStart(2)}/${this.#total}] ${name.padEnd(12)}`
    const startedAt = Date.now()
    let last = ''
    const say: Say = (text) => {
      if (text === last) return
      last = text
      this.#write(`${head}  ${seconds(startedAt)}  ${text}`)
    }
    say('…')
    try {
      const result = await work(say)
      this.#write(`${head}  ${seconds(startedAt)}  ${result.text}`, true)
      return result
    } catch (error) {
      this.#write(
        `${head}  ${seconds(startedAt)}  FAILED: ${error instanceof Error ? error.message : String(error)}`,
        true,
      )
      throw error
    }
  }

  /** Time since the beginning, for people. */
  elapsed(): string {
    return seconds(this.#startedAt).trim()
  }

  #write(line: string, final = false): void {
    if (!this.#out.isTTY) {
      if (final) this.#out.write(`${line}\n`)
      return
    }
    this.#out.write(`\r\u001b[2K${line.slice(0, final ? undefined : this.#out.columns - 1)}${final ? '\n' : ''}`)
  }
}

function seconds(since: number): string {
  const total = Math.round((Date.now() - since) / 1000)
  return `${String(Math.floor(total / 60)).padStart(2)}:${String(total % 60).padStart(2, '0')}`
}
