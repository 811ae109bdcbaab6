import { LineCounter, isAlias, isMap, isScalar, isSeq, parseDocument, visit } from 'yaml'
import type { Document, Node } from 'yaml'
import { checkExpressions } from './check-expressions.ts'
import { checkReferences } from './check-references.ts'
import { MAX_ERRORS } from './file-error.ts'
import type { FileError, Finding } from './file-error.ts'
import { findingsOf } from './issues.ts'
import { dig, entriesOf } from './raw.ts'
import { resolvePlanValues } from './plan-values.ts'
import { ProjectFile } from './schema.ts'
import { findUnsupported } from './unsupported.ts'

const MAX_BYTES = 1 << 20
const MAX_DEPTH = 32
const MAX_ALIASES = 100

export type ParseOptions = {
  /** The file's name in errors. */
  readonly path: string
  /** Also refuse what the language has but this version does not run (`not_supported_yet`). Default: true. */
  readonly supportedOnly?: boolean
}

export type ParseResult =
  | { readonly file: ProjectFile; readonly errors?: never }
  | { readonly errors: readonly FileError[]; readonly file?: never }

/**
 * Reads a project file. Gives the file, with defaults filled in and `vars project stage` resolved wherever they are known at plan, or
 * every fault at once (up to 100), by position. Pure: reads no other file and never throws on bad input.
 */
export function parseProjectFile(text: string, options: ParseOptions): ParseResult {
  const place = placer(text, options.path)
  if (new TextEncoder().encode(text).length > MAX_BYTES)
    return { errors: [place.top('file_too_large', 'a project file has at most 1 MiB')] }
  const document = parseDocument(text, {
    version: '1.2',
    schema: 'core',
    merge: false,
    prettyErrors: false,
    lineCounter: place.lines,
  })
  if (document.errors.length > 0)
    return {
      errors: sorted(onePerLine(document.errors.map((error) => place.yaml(error.code, error.message, error.pos[0])))),
    }
  const structural = checkStructure(document)
  if (structural.length > 0)
    return { errors: sorted(structural.map(({ code, message, offset }) => place.at(offset, '', code, message))) }
  let raw: unknown
  try {
    raw = document.toJS({ maxAliasCount: MAX_ALIASES })
  } catch {
    return { errors: [place.top('too_many_aliases', `aliases may stand for at most ${MAX_ALIASES} values`)] }
  }
  if (typeof raw !== 'object' || raw === null || Array.isArray(raw))
    return { errors: [place.top('wrong_type', 'a project file is a map of keys; the least is `project: <name>`')] }

  dropExtensions(raw)
  markFloats(document, raw)
  const found: Finding[] = [...checkExpressions(raw), ...checkReferences(raw)]
  const planned = resolvePlanValues(raw)
  const parsed = ProjectFile.safeParse(planned)
  // An expression that is at fault has been reported; that it is no duration or number either says nothing new.
  const faulty = new Set(found.map((finding) => finding.path.join('/')))
  if (!parsed.success)
    found.push(...findingsOf(parsed.error.issues, planned).filter((finding) => !faulty.has(finding.path.join('/'))))
  else if (options.supportedOnly ?? true) found.push(...findUnsupported(parsed.data, raw))
  if (parsed.success && found.length === 0) return { file: parsed.data }
  return { errors: sorted(found.map((finding) => place.finding(document, finding))) }
}

/** One slip makes the YAML parser stumble several times in a line: the first says it. */
function onePerLine(errors: readonly FileError[]): FileError[] {
  const lines = new Set<number>()
  return errors.filter((error) => !lines.has(error.line) && lines.add(error.line))
}

function sorted(errors: readonly FileError[]): FileError[] {
  const seen = new Set<string>()
  return errors
    .filter((error) => {
      const key = `${error.line}:${error.column}:${error.code}:${error.message}`
      return seen.has(key) ? false : seen.add(key)
    })
    .sort((a, b) => a.line - b.line || a.column - b.column)
    .slice(0, MAX_ERRORS)
}

function checkStructure(document: Document): { code: string; message: string; offset: number }[] {
  const faults: { code: string; message: string; offset: number }[] = []
  visit(document, {
    Node: (_key, node, path) => {
      if (path.filter((parent) => isMap(parent) || isSeq(parent)).length <= MAX_DEPTH) return undefined
      faults.push({ code: 'too_deep', message: `values nest at most ${MAX_DEPTH} deep`, offset: node.range?.[0] ?? 0 })
      return visit.BREAK
    },
    Pair: (_key, pair) => {
      if (isScalar(pair.key) && pair.key.value === '<<')
        faults.push({
          code: 'merge_key',
          message: 'the merge key `<<` is not part of YAML 1.2; repeat the keys or use `defaults`',
          offset: pair.key.range?.[0] ?? 0,
        })
    },
  })
  return faults
}

/** `x-*` keys are for the user's own anchors and tools. Never inside a map of the user's own names, where none may start so. */
function dropExtensions(node: unknown): void {
  if (Array.isArray(node)) for (const item of node) dropExtensions(item)
  else if (typeof node === 'object' && node !== null)
    for (const [key, value] of Object.entries(node)) {
      if (key.startsWith('x-')) Reflect.deleteProperty(node, key)
      else dropExtensions(value)
    }
}

/** `{ low: 0.0, high: 2.0 }` is a range of floats: YAML's numbers would forget how they were written. */
function markFloats(document: Document, raw: object): void {
  for (const [pipeline, spec] of entriesOf(dig(raw, 'pipelines')))
    for (const [step, body] of entriesOf(dig(spec, 'steps')))
      for (const [name, entry] of entriesOf(dig(body, 'sweep', 'space'))) {
        const path = ['pipelines', pipeline, 'steps', step, 'sweep', 'space', name]
        const isFloat = ['low', 'high', 'step'].some((key) => {
          const { value } = find(document, [...path, key])
          return dig(entry, key) !== undefined && isScalar(value) && /[.eE]/.test(value.source ?? '')
        })
        if (isFloat && typeof entry === 'object' && entry !== null && dig(entry, 'type') === undefined)
          Reflect.set(entry, 'type', 'float')
      }
}

function placer(text: string, file: string) {
  const lines = new LineCounter()
  const at = (offset: number, pointer: string, code: string, message: string, hint?: string): FileError => {
    const { line, col } = lines.linePos(offset)
    return {
      file,
      line: Math.max(1, line),
      column: Math.max(1, col),
      pointer,
      code,
      message,
      ...(hint ? { hint } : {}),
      docs: `project-file#${section(pointer)}`,
    }
  }
  return {
    lines,
    at,
    top: (code: string, message: string): FileError => ({ ...at(0, '', code, message), line: 1, column: 1 }),
    yaml: (code: string, message: string, offset: number): FileError => {
      const { line } = lines.linePos(offset)
      const flow = (text.split('\n')[Math.max(0, line - 1)] ?? '').includes('${{')
      const hint = flow ? 'put a value with ${{ … }} in quotes when it stands inside { } or [ ]' : undefined
      return at(
        offset,
        '',
        code === 'DUPLICATE_KEY' ? 'duplicate_key' : 'yaml_syntax',
        code === 'DUPLICATE_KEY' ? 'this key stands twice in its map' : message,
        hint,
      )
    },
    finding: (document: Document, finding: Finding): FileError => {
      const node = find(document, finding.path)
      const target = finding.at === 'key' ? (node.key ?? node.value) : (node.value ?? node.key)
      const start = target?.range?.[0] ?? 0
      const offset = finding.offset === undefined || !target ? start : offsetInScalar(text, target, finding.offset)
      const pointer = finding.path
        .map((part) => `/${String(part).replaceAll('~', '~0').replaceAll('/', '~1')}`)
        .join('')
      return at(offset, pointer, finding.code, finding.message, finding.hint)
    },
  }
}

/** The nodes of the longest part of `path` that exists. */
function find(
  document: Document,
  path: readonly (string | number)[],
): { key: Node | undefined; value: Node | undefined } {
  let key: Node | undefined
  let value = document.contents ?? undefined
  for (const part of path) {
    const node: Node | undefined = isAlias(value) ? value.resolve(document) : value
    if (isMap(node)) {
      const pair = node.items.find((item) => isScalar(item.key) && String(item.key.value) === String(part))
      if (!pair) break
      key = isScalar(pair.key) ? pair.key : undefined
      value = (pair.value as Node | null) ?? undefined // the values of a parsed map are nodes or null
    } else if (isSeq(node)) {
      const item = node.items[Number(part)]
      if (item === undefined) break
      key = undefined
      value = item as Node // the items of a parsed list are nodes
    } else break
  }
  return { key, value }
}

/** Where the character `index` of a scalar's value stands in the file: counted from the nearest `${{` before it, so that quotes and folding do no harm. */
function offsetInScalar(text: string, node: Node, index: number): number {
  const start = node.range?.[0] ?? 0
  if (!isScalar(node) || typeof node.value !== 'string') return start
  const source = text.slice(start, node.range?.[1] ?? start)
  const count = node.value.slice(0, index + 3).split('${{').length - 1
  let inValue = -1
  let inSource = -1
  for (let n = 0; n < count; n += 1) {
    inValue = node.value.indexOf('${{', inValue + 1)
    inSource = source.indexOf('${{', inSource + 1)
  }
  return inSource < 0 ? start : start + inSource + Math.max(0, index - inValue)
}

function section(pointer: string): string {
  const [, top, , kind] = pointer.split('/')
  if (!top) return 'keys'
  return top === 'pipelines' && kind === 'steps' ? 'step' : top
}
