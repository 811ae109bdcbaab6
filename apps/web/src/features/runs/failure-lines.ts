/** What a log's end says about a failure: the error's own sentence, and the last line of the user's code in the traceback. */
export type FailureLines = {
  readonly title: string | null
  readonly own: { readonly file: string; readonly line: number; readonly code: string } | null
}

const FRAME = /^\s*File "([^"]+)", line (\d+)/
const LIBRARY = /(site-packages|dist-packages|lib\/python\d|<frozen|\/environments\/)/
const ERROR = /^((?:[\w.]+\.)?\w*(?:Error|Exception|Interrupt|Exit|Warning))(?:: (.*))?$/

/** Reads a Python traceback, newest error last. Frames of libraries and of the interpreter are not the user's. */
export function failureOf(lines: readonly string[]): FailureLines {
  let title: string | null = null
  let own: FailureLines['own'] = null
  for (const [index, line] of lines.entries()) {
    const frame = FRAME.exec(line)
    if (frame !== null && !LIBRARY.test(frame[1]!))
      own = { file: frame[1]!.split('/').at(-1)!, line: Number(frame[2]), code: (lines[index + 1] ?? '').trim() }
    if (ERROR.test(line.trim()) && !line.startsWith(' ')) title = line.trim()
  }
  return { title, own }
}
