/** One fault in a project file (project-file §9). Lines and columns count from 1. */
export type FileError = {
  readonly file: string
  readonly line: number
  readonly column: number
  /** JSON pointer of the value or key: `/pipelines/train/steps/fit`. */
  readonly pointer: string
  readonly code: string
  readonly message: string
  readonly hint?: string
  readonly docs: string
}

/** A fault before it is placed in the text. `offset` is a place in the value's text, for expressions. */
export type Finding = {
  readonly path: readonly (string | number)[]
  readonly at: 'key' | 'value'
  readonly offset?: number
  readonly code: string
  readonly message: string
  readonly hint?: string
}

/** At most this many errors are given. */
export const MAX_ERRORS = 100

/** The candidate nearest to `found` by Damerau-Levenshtein distance, if it is near: at most max(1, length / 3). */
export function nearest(found: string, candidates: readonly string[]): string | undefined {
  const limit = Math.max(1, Math.floor(found.length / 3))
  let best: string | undefined
  let bestDistance = limit + 1
  for (const candidate of candidates) {
    if (Math.abs(candidate.length - found.length) > limit) continue
    const distance = damerauLevenshtein(found, candidate)
    if (distance < bestDistance) {
      best = candidate
      bestDistance = distance
    }
  }
  return best
}

/** The number of insertions, deletions, replacements and swaps of neighbours between two texts (optimal string alignment). */
export function damerauLevenshtein(a: string, b: string): number {
  let beforeLast: number[] = []
  let last = Array.from({ length: b.length + 1 }, (_, j) => j)
  for (let i = 1; i <= a.length; i += 1) {
    const row = [i]
    for (let j = 1; j <= b.length; j += 1) {
      const cost = a[i - 1] === b[j - 1] ? 0 : 1
      let value = Math.min((last[j] ?? 0) + 1, (row[j - 1] ?? 0) + 1, (last[j - 1] ?? 0) + cost)
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1])
        value = Math.min(value, (beforeLast[j - 2] ?? 0) + 1)
      row.push(value)
    }
    beforeLast = last
    last = row
  }
  return last[b.length] ?? 0
}

/** The message with its hint: `… is not a key of a step; did you mean `environment`?`. */
export function errorSentence(error: FileError): string {
  return error.hint ? `${error.message}; ${error.hint}` : error.message
}

/** The errors as a terminal shows them, each with its line of the file. */
export function renderFileErrors(errors: readonly FileError[], text: string): string {
  const lines = text.split('\n')
  return errors
    .map((error) => {
      const head = `${error.file}:${error.line}:${error.column}: error: ${errorSentence(error)} [${error.code}]`
      const line = (lines[error.line - 1] ?? '').trimEnd()
      const shown = line.length > 70 ? `${line.slice(0, 69)}…` : line
      return `${head}\n${String(error.line).padStart(5)} | ${shown.padEnd(24)}  docs: ${error.docs}`
    })
    .join('\n')
}
