import { ExpressionError } from './expression.ts'
import type { Expr } from './expression.ts'
import { parseTemplate } from './template.ts'

/** A `run` text whose expressions became environment variables `KIBAN_E0`, `KIBAN_E1`, …: no shell parses their values. */
export type SafeScript = {
  readonly script: string
  readonly variables: readonly { readonly name: string; readonly expr: Expr; readonly source: string }[]
}

/** These evaluate or read their arguments as code or as variable names, so a value in them could run something. */
const EVALUATING = new Set([
  'eval',
  'let',
  'declare',
  'typeset',
  'local',
  'export',
  'readonly',
  'source',
  '.',
  'trap',
  'read',
  'readarray',
  'mapfile',
  'unset',
  'alias',
  'ssh',
  'awk',
  'gawk',
  'mawk',
  'su',
  'watch',
  'parallel',
])
const WRAPPERS = new Set([
  'exec',
  'command',
  'builtin',
  'env',
  'nohup',
  'nice',
  'time',
  'timeout',
  'xargs',
  'sudo',
  'setsid',
  'stdbuf',
  'ionice',
  'uv',
  'poetry',
  'conda',
])
const INTERPRETERS =
  /^(?:.*\/)?(?:ba|da|z|k|a)?sh$|^(?:.*\/)?(?:python|perl|ruby|node|deno|bun|php|lua|R|Rscript|julia|psql|mysql|sqlite3|duckdb|sed|find)[\d.]*$/
const CODE_OPTION =
  /^(?:-[a-zA-Z]*[ceEr]|--eval|--command|--expression|-exec|-execdir|-ok)$|^(?:-[ceE].+|--(?:eval|command|expression)=.*)$/
const RESERVED = new Set(['if', 'then', 'else', 'elif', 'do', 'while', 'until', '!', '{', '}', 'fi', 'done'])
const ASSIGNMENT = /^[A-Za-z_][A-Za-z0-9_]*\+?=/
const MARK = '\u0001'

type Frame = {
  readonly kind: 'command' | 'double'
  readonly close: string
  words: string[]
  word: string | undefined
  /** The next word names a command's redirection target, `for` variable, … and is no command. */
  skip: boolean
}

/**
 * Rewrites a bash script. Every expression must stand where the shell takes its value as data; elsewhere (single quotes, backticks,
 * here-documents, `${ }`, `(( ))`, `[[ ]]`, as a command's name, after `eval let declare …`, in an interpreter's `-c`) throws
 * `ExpressionError` with code `unsafe_expression` at the expression.
 */
export function rewriteScript(text: string): SafeScript {
  const parts = parseTemplate(text)
  const expressions = parts.filter((part) => part.kind === 'expression')
  if (expressions.length === 0)
    return { script: parts.map((part) => (part.kind === 'text' ? part.text : '')).join(''), variables: [] }
  const marked = parts.map((part) => (part.kind === 'text' ? part.text.replaceAll(MARK, '') : MARK)).join('')
  const variables = expressions.map((part, i) => ({ name: `KIBAN_E${i}`, expr: part.expr, source: part.source }))
  let next = 0
  const refuse = (where: string): never => {
    const at = expressions[next]?.at ?? 0
    throw new ExpressionError(
      'unsafe_expression',
      `an expression can't stand ${where}, where the shell would read its value as code; give it as an argument, use a list for \`run\`, or read $KIBAN_PARAMS`,
      Math.max(0, at - 3),
    )
  }
  return { script: scan(marked, () => (next += 1) - 1, refuse), variables }
}

function scan(text: string, taken: () => number, refuse: (where: string) => never): string {
  const stack: Frame[] = [{ kind: 'command', close: '', words: [], word: undefined, skip: false }]
  const heredocs: { word: string; tabs: boolean }[] = []
  let out = ''
  let i = 0
  const top = (): Frame => stack.at(-1) ?? { kind: 'command', close: '', words: [], word: undefined, skip: false }
  const command = (): Frame => stack.findLast((frame) => frame.kind === 'command') ?? top()
  const add = (frame: Frame, piece: string): void => {
    frame.word = (frame.word ?? '') + piece
  }
  const endWord = (frame: Frame): void => {
    if (frame.word !== undefined && !frame.skip) frame.words.push(frame.word)
    if (frame.word !== undefined) frame.skip = false
    frame.word = undefined
  }
  const endCommand = (frame: Frame): void => {
    endWord(frame)
    frame.words = []
    frame.skip = false
  }
  /** Copies `text` up to and with `end`; an expression inside is refused. */
  const opaque = (from: number, end: string, where: string): number => {
    const found = text.indexOf(end, from)
    const stop = found < 0 ? text.length : found + end.length
    if (text.slice(from, stop).includes(MARK)) refuse(where)
    return stop
  }
  /** Where the bracket that opened just before `from` closes, nesting counted. */
  const balanced = (from: number, open: string, close: string, where: string): number => {
    let depth = 1
    let at = from
    while (at < text.length && depth > 0) {
      if (text[at] === MARK) refuse(where)
      if (text[at] === '\\') at += 1
      else if (text[at] === open) depth += 1
      else if (text[at] === close) depth -= 1
      at += 1
    }
    return at
  }

  while (i < text.length) {
    const frame = top()
    const char = text[i] ?? ''
    const rest = text.slice(i, i + 3)
    if (char === MARK) {
      checkPlace(command(), frame, text.slice(0, i), refuse)
      const n = taken()
      out += frame.kind === 'double' ? `\${KIBAN_E${n}}` : `"\${KIBAN_E${n}}"`
      add(command(), MARK)
      i += 1
      continue
    }
    let stop = i + 1
    if (char === '\\') {
      stop = i + 2
      if (text[i + 1] === MARK) refuse('after a backslash')
      if (text[i + 1] !== '\n') add(command(), text[i + 1] ?? '')
    } else if (char === '`') {
      stop = opaque(i + 1, '`', 'in backticks')
      add(command(), '`')
    } else if (rest === '$((') {
      // `$((` opens two brackets; counting from the second one finds both.
      stop = balanced(i + 2, '(', ')', 'in (( ))')
      add(command(), '$')
    } else if (rest.startsWith('$(')) {
      add(command(), '$')
      stack.push({ kind: 'command', close: ')', words: [], word: undefined, skip: false })
      stop = i + 2
    } else if (rest.startsWith('${')) {
      stop = balanced(i + 2, '{', '}', 'in ${ }')
      add(command(), '$')
    } else if (frame.kind === 'double') {
      if (char === '"') stack.pop()
      else add(command(), char)
    } else if (rest.startsWith("$'")) {
      stop = balanced(i + 2, '\0', "'", "in $'…'")
      add(frame, '$')
    } else if (char === "'") {
      stop = opaque(i + 1, "'", 'in single quotes')
      add(frame, text.slice(i + 1, stop - 1))
    } else if (char === '"') {
      add(frame, '')
      stack.push({ kind: 'double', close: '"', words: [], word: undefined, skip: false })
    } else if (char === '#' && frame.word === undefined) {
      const line = text.indexOf('\n', i)
      stop = line < 0 ? text.length : line
      if (text.slice(i, stop).includes(MARK)) refuse('in a comment')
    } else if (rest.startsWith('((') && frame.word === undefined && commandWords(frame).length === 0) {
      stop = balanced(i + 1, '(', ')', 'in (( ))')
    } else if (rest.startsWith('[[') && frame.word === undefined) {
      stop = opaque(i + 2, ']]', 'in [[ ]]')
      add(frame, '[[')
    } else if (rest === '<<<') {
      endWord(frame)
      stop = i + 3
    } else if (rest.startsWith('<<')) {
      endWord(frame)
      const match = /^<<(-?)[ \t]*(?:'([^'\n]*)'|"([^"\n]*)"|\\?([^\s;&|<>()'"]+))/.exec(text.slice(i))
      if (match?.[0].includes(MARK)) refuse('in a here-document')
      if (match) heredocs.push({ word: match[2] ?? match[3] ?? match[4] ?? '', tabs: match[1] === '-' })
      stop = i + (match?.[0].length ?? 2)
    } else if (rest.startsWith('<(') || rest.startsWith('>(')) {
      stack.push({ kind: 'command', close: ')', words: [], word: undefined, skip: false })
      stop = i + 2
    } else if (char === '<' || char === '>') {
      if (frame.word !== undefined && /^\d+$/.test(frame.word)) frame.word = undefined
      endWord(frame)
      if (text[i + 1] === '>' || text[i + 1] === '&' || text[i + 1] === '|') stop = i + 2
      frame.skip = true
    } else if (char === '\n') {
      endCommand(frame)
      if (heredocs.length > 0) stop = hereDocuments(text, i + 1, heredocs, refuse)
    } else if (char === ' ' || char === '\t') {
      endWord(frame)
    } else if (char === ';' || char === '&' || char === '|') {
      endCommand(frame)
    } else if (char === '(') {
      endCommand(frame)
      stack.push({ kind: 'command', close: ')', words: [], word: undefined, skip: false })
    } else if (char === ')') {
      if (frame.close === ')' && stack.length > 1) stack.pop()
      else endCommand(frame)
    } else {
      add(frame, char)
    }
    out += text.slice(i, stop)
    i = stop
  }
  return out
}

function hereDocuments(
  text: string,
  from: number,
  heredocs: { word: string; tabs: boolean }[],
  refuse: (where: string) => never,
): number {
  let at = from
  for (const { word, tabs } of heredocs.splice(0)) {
    while (at < text.length) {
      const end = text.indexOf('\n', at)
      const line = text.slice(at, end < 0 ? text.length : end)
      at = end < 0 ? text.length : end + 1
      if (line.includes(MARK)) refuse('in a here-document')
      if ((tabs ? line.replace(/^\t+/, '') : line) === word) break
    }
  }
  return at
}

/** The words of the command so far, without assignments, reserved words, and wrappers with their options. */
function commandWords(frame: Frame): string[] {
  let words = frame.words.slice()
  for (;;) {
    const [first] = words
    if (first === undefined) return words
    if (ASSIGNMENT.test(first) || RESERVED.has(first)) words = words.slice(1)
    else if (WRAPPERS.has(first)) {
      words = words.slice(1)
      // An option's value (`sudo -u bob bash -c`) may stand before the command: look for what would read code.
      const reader = words.findIndex((word) => EVALUATING.has(word) || INTERPRETERS.test(word))
      if (reader > 0) return words.slice(reader)
      while (
        words[0] !== undefined &&
        (words[0].startsWith('-') || /^\d+[smhd]?$/.test(words[0]) || words[0] === 'run')
      )
        words = words.slice(1)
    } else return words
  }
}

function checkPlace(frame: Frame, inner: Frame, before: string, refuse: (where: string) => never): void {
  if (frame.skip) return // the target of a redirection
  const words = commandWords(frame)
  const word = frame.word ?? ''
  const [name] = words
  if (name === undefined) {
    if (ASSIGNMENT.test(word)) return
    refuse("as a command's name")
  }
  if (name === 'for' || name === 'select') {
    if (words.length < 2) refuse("as a loop's variable")
    return
  }
  if (name === 'case') return
  if (name !== undefined && EVALUATING.has(name)) refuse(`after \`${name}\``)
  if ((name === 'test' || name === '[') && words.at(-1) === '-v') refuse(`after \`${name} -v\``)
  if (name === 'printf' && words.includes('-v')) refuse('after `printf -v`')
  if (name !== undefined && INTERPRETERS.test(name)) {
    const previous = words.at(-1) ?? ''
    if (CODE_OPTION.test(previous) && !previous.includes('=')) refuse(`in the code of \`${name} ${previous}\``)
    if (CODE_OPTION.test(word) && word.length > 2) refuse(`in the code of \`${name}\``)
    if (/^(?:.*\/)?sed$/.test(name) && words.length === 1) refuse('in the program of `sed`')
  }
  if (inner.kind === 'command' && before.endsWith('$')) refuse('after `$`')
}
