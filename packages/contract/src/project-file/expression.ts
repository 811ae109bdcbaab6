import type { Json } from '../primitives.ts'

/** A parsed expression (grammar: project-file §3). `at` is the offset of its first character in the expression's text. */
export type Expr =
  | { readonly kind: 'literal'; readonly value: Json; readonly at: number }
  | { readonly kind: 'ref'; readonly context: string; readonly path: readonly (string | number)[]; readonly at: number }
  | { readonly kind: 'call'; readonly fn: FunctionName; readonly args: readonly Expr[]; readonly at: number }
  | { readonly kind: 'list'; readonly items: readonly Expr[]; readonly at: number }
  | { readonly kind: 'not'; readonly operand: Expr; readonly at: number }
  | {
      readonly kind: 'binary'
      readonly op: '||' | '&&' | '==' | '!=' | '<' | '<=' | '>' | '>=' | 'in'
      readonly left: Expr
      readonly right: Expr
      readonly at: number
    }

export const FUNCTIONS = {
  contains: [2, 2],
  startsWith: [2, 2],
  endsWith: [2, 2],
  length: [1, 1],
  default: [2, 2],
  choose: [3, 3],
  min: [1, 100],
  max: [1, 100],
  join: [1, 2],
  range: [1, 3],
  date: [1, 3],
  shift: [2, 2],
  toJson: [1, 1],
  fromJson: [1, 1],
  always: [0, 0],
  failed: [0, 0],
} as const satisfies Record<string, readonly [number, number]>
export type FunctionName = keyof typeof FUNCTIONS

export const CONTEXTS = [
  'vars',
  'project',
  'stage',
  'params',
  'run',
  'trigger',
  'steps',
  'matrix',
  'trial',
  'inputs',
  'outputs',
  'secrets',
] as const
export type ContextName = (typeof CONTEXTS)[number]

export const MAX_EXPRESSION = 1000

/** A fault in an expression; `at` is the offset in the expression's text. */
export class ExpressionError extends Error {
  readonly code: string
  readonly at: number
  readonly candidates: readonly string[]
  readonly found: string

  constructor(
    code: string,
    message: string,
    at: number,
    suggest: { found?: string; candidates?: readonly string[] } = {},
  ) {
    super(message)
    this.code = code
    this.at = at
    this.found = suggest.found ?? ''
    this.candidates = suggest.candidates ?? []
  }
}

type Token =
  | { readonly kind: 'number'; readonly value: number; readonly at: number }
  | { readonly kind: 'string'; readonly value: string; readonly at: number }
  | { readonly kind: 'ident'; readonly value: string; readonly at: number }
  | { readonly kind: 'op'; readonly value: string; readonly at: number }
  | { readonly kind: 'end'; readonly value: ''; readonly at: number }

const OPERATOR = /^(\|\||&&|==|!=|<=|>=|<|>|!|\(|\)|\[|\]|,|\.)/
const NUMBER = /^-?\d+(\.\d+)?([eE][+-]?\d+)?/
const IDENT = /^[A-Za-z_][A-Za-z0-9_-]*/

function lex(text: string): Token[] {
  if (text.length > MAX_EXPRESSION)
    throw new ExpressionError(
      'expression_too_long',
      `an expression has at most ${MAX_EXPRESSION} characters, this one has ${text.length}`,
      0,
    )
  const tokens: Token[] = []
  let at = 0
  while (at < text.length) {
    const rest = text.slice(at)
    const space = /^\s+/.exec(rest)
    if (space) {
      at += space[0].length
      continue
    }
    const number = NUMBER.exec(rest)
    if (number) {
      tokens.push({ kind: 'number', value: Number(number[0]), at })
      at += number[0].length
      continue
    }
    if (rest.startsWith("'")) {
      const string = /^'((?:[^']|'')*)'/.exec(rest)
      if (!string) throw new ExpressionError('expression_syntax', "this text has no closing '", at)
      tokens.push({ kind: 'string', value: (string[1] ?? '').replaceAll("''", "'"), at })
      at += string[0].length
      continue
    }
    const operator = OPERATOR.exec(rest)
    if (operator) {
      tokens.push({ kind: 'op', value: operator[0], at })
      at += operator[0].length
      continue
    }
    const ident = IDENT.exec(rest)
    if (ident) {
      tokens.push({ kind: 'ident', value: ident[0], at })
      at += ident[0].length
      continue
    }
    const found = rest[0] ?? ''
    const remedy =
      found === '"' ? "; texts are written in '…'" : '+-*/%'.includes(found) ? '; expressions have no arithmetic' : ''
    throw new ExpressionError('expression_syntax', `\`${found}\` has no meaning in an expression${remedy}`, at)
  }
  tokens.push({ kind: 'end', value: '', at: text.length })
  return tokens
}

const MAX_DEPTH = 50

/** Parses the text between `${{` and `}}`. Throws `ExpressionError`. */
export function parseExpression(text: string): Expr {
  const tokens = lex(text)
  let position = 0
  let depth = 0
  const peek = (): Token => tokens[position] ?? { kind: 'end', value: '', at: text.length }
  const isOp = (value: string): boolean => peek().kind === 'op' && peek().value === value
  const take = (): Token => {
    const token = peek()
    position += 1
    return token
  }
  const expect = (value: string): void => {
    if (!isOp(value)) fail(`expected \`${value}\``)
    position += 1
  }
  const fail = (what: string): never => {
    const token = peek()
    const found = token.kind === 'end' ? 'the expression ends' : `found \`${token.value}\``
    throw new ExpressionError('expression_syntax', `${what}, but ${found}`, token.at)
  }

  const or = (): Expr => {
    depth += 1
    if (depth > MAX_DEPTH)
      throw new ExpressionError('expression_syntax', `expressions nest at most ${MAX_DEPTH} deep`, peek().at)
    let left = and()
    while (isOp('||')) {
      take()
      left = { kind: 'binary', op: '||', left, right: and(), at: left.at }
    }
    depth -= 1
    return left
  }
  const and = (): Expr => {
    let left = not()
    while (isOp('&&')) {
      take()
      left = { kind: 'binary', op: '&&', left, right: not(), at: left.at }
    }
    return left
  }
  const not = (): Expr => {
    if (!isOp('!')) return comparison()
    const { at } = take()
    depth += 1
    if (depth > MAX_DEPTH)
      throw new ExpressionError('expression_syntax', `expressions nest at most ${MAX_DEPTH} deep`, at)
    const operand = not()
    depth -= 1
    return { kind: 'not', operand, at }
  }
  const comparison = (): Expr => {
    const left = primary()
    const token = peek()
    const op =
      token.kind === 'op' && ['==', '!=', '<', '<=', '>', '>='].includes(token.value)
        ? token.value
        : token.kind === 'ident' && token.value === 'in'
          ? 'in'
          : undefined
    if (op === undefined) return left
    take()
    // `op` is one of the seven that were just tested for.
    return { kind: 'binary', op: op as '==' | 'in', left, right: primary(), at: left.at }
  }
  const primary = (): Expr => {
    const token = peek()
    if (token.kind === 'number' || token.kind === 'string') {
      take()
      return { kind: 'literal', value: token.value, at: token.at }
    }
    if (isOp('(')) {
      take()
      const inner = or()
      expect(')')
      return inner
    }
    if (isOp('[')) {
      take()
      const items = list(']')
      return { kind: 'list', items, at: token.at }
    }
    if (token.kind === 'ident') return named(token)
    return fail('expected a value')
  }
  const list = (close: string): Expr[] => {
    const items: Expr[] = []
    if (!isOp(close)) {
      items.push(or())
      while (isOp(',')) {
        take()
        items.push(or())
      }
    }
    expect(close)
    return items
  }
  const named = (token: Token & { kind: 'ident' }): Expr => {
    take()
    if (token.value === 'true' || token.value === 'false')
      return { kind: 'literal', value: token.value === 'true', at: token.at }
    if (token.value === 'null') return { kind: 'literal', value: null, at: token.at }
    if (isOp('(')) {
      if (!Object.hasOwn(FUNCTIONS, token.value))
        throw new ExpressionError('unknown_function', `\`${token.value}\` is not a function`, token.at, {
          found: token.value,
          candidates: Object.keys(FUNCTIONS),
        })
      take()
      const fn = token.value as FunctionName // tested just above
      const args = list(')')
      const [least, most] = FUNCTIONS[fn]
      if (args.length < least || args.length > most)
        throw new ExpressionError(
          'wrong_arguments',
          `\`${fn}\` takes ${least === most ? least : `${least} to ${most}`} argument${most === 1 ? '' : 's'}, not ${args.length}`,
          token.at,
        )
      return { kind: 'call', fn, args, at: token.at }
    }
    if (!(CONTEXTS as readonly string[]).includes(token.value))
      throw new ExpressionError('unknown_reference', `\`${token.value}\` is not a context`, token.at, {
        found: token.value,
        candidates: CONTEXTS,
      })
    const path: (string | number)[] = []
    while (isOp('.') || isOp('[')) {
      if (take().value === '.') {
        const part = peek()
        if (part.kind !== 'ident') fail('expected a name after `.`')
        path.push(String(take().value))
      } else {
        const part = take()
        if (part.kind !== 'string' && !(part.kind === 'number' && Number.isInteger(part.value)))
          throw new ExpressionError('expression_syntax', "expected a number or a '…' text in `[ ]`", part.at)
        path.push(part.value)
        expect(']')
      }
    }
    return { kind: 'ref', context: token.value, path, at: token.at }
  }

  const expression = or()
  if (peek().kind !== 'end') fail('expected the end of the expression')
  return expression
}

/** Every reference in an expression; `optional` when it stands inside `default()`. */
export function references(
  expr: Expr,
  optional = false,
): { context: string; path: readonly (string | number)[]; at: number; optional: boolean }[] {
  switch (expr.kind) {
    case 'literal':
      return []
    case 'ref':
      return [{ context: expr.context, path: expr.path, at: expr.at, optional }]
    case 'call':
      return expr.args.flatMap((arg) => references(arg, optional || expr.fn === 'default'))
    case 'list':
      return expr.items.flatMap((item) => references(item, optional))
    case 'not':
      return references(expr.operand, optional)
    case 'binary':
      return [...references(expr.left, optional), ...references(expr.right, optional)]
  }
}

/** True when the expression calls `fn` somewhere. */
export function calls(expr: Expr, fn: FunctionName): boolean {
  switch (expr.kind) {
    case 'call':
      return expr.fn === fn || expr.args.some((arg) => calls(arg, fn))
    case 'list':
      return expr.items.some((item) => calls(item, fn))
    case 'not':
      return calls(expr.operand, fn)
    case 'binary':
      return calls(expr.left, fn) || calls(expr.right, fn)
    default:
      return false
  }
}
