import type { Json } from '../primitives.ts'
import { evaluate, renderInText } from './evaluate.ts'
import type { EvaluationOptions, Scope } from './evaluate.ts'
import { ExpressionError, parseExpression } from './expression.ts'
import type { Expr } from './expression.ts'

/** A text with expressions: literal parts and expressions in turn. `at` is the offset of the expression's inner text. */
export type TemplatePart =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'expression'; readonly expr: Expr; readonly source: string; readonly at: number }

/** Splits a value into text and expressions. `$${{` is a literal `${{`. Throws `ExpressionError` with offsets in the whole text. */
export function parseTemplate(text: string): TemplatePart[] {
  const parts: TemplatePart[] = []
  let literal = ''
  let position = 0
  for (;;) {
    const start = text.indexOf('${{', position)
    if (start < 0) break
    if (start > 0 && text[start - 1] === '$') {
      literal += `${text.slice(position, start - 1)}\${{`
      position = start + 3
      continue
    }
    const end = closing(text, start + 3)
    if (end < 0) throw new ExpressionError('expression_syntax', 'this expression has no closing `}}`', start)
    literal += text.slice(position, start)
    if (literal !== '') parts.push({ kind: 'text', text: literal })
    literal = ''
    const source = text.slice(start + 3, end)
    parts.push({ kind: 'expression', expr: parseAt(source, start + 3), source: source.trim(), at: start + 3 })
    position = end + 2
  }
  literal += text.slice(position)
  if (literal !== '' || parts.length === 0) parts.push({ kind: 'text', text: literal })
  return parts
}

/** Where `}}` closes the expression that starts at `from`, outside quoted texts; -1 when it doesn't. */
function closing(text: string, from: number): number {
  let quoted = false
  for (let i = from; i < text.length; i += 1) {
    if (text[i] === "'") quoted = !quoted
    if (!quoted && text.startsWith('}}', i)) return i
  }
  return -1
}

function parseAt(source: string, offset: number): Expr {
  try {
    return parseExpression(source)
  } catch (error) {
    if (error instanceof ExpressionError)
      throw new ExpressionError(error.code, error.message, offset + error.at, {
        found: error.found,
        candidates: error.candidates,
      })
    throw error
  }
}

/** True when a value holds an expression somewhere. */
export function hasExpression(value: Json | undefined): boolean {
  if (typeof value === 'string') return /(^|[^$])\$\{\{/.test(value)
  if (Array.isArray(value)) return value.some(hasExpression)
  if (value !== null && typeof value === 'object') return Object.values(value).some(hasExpression)
  return false
}

/** Evaluates one text: a lone expression keeps its type, in a text it is rendered. Results are not scanned again. */
export function renderTemplate(text: string, scope: Scope, options: EvaluationOptions = {}): Json {
  const parts = parseTemplate(text)
  const [only] = parts
  if (parts.length === 1 && only?.kind === 'expression') return evaluate(only.expr, scope, options)
  return parts
    .map((part) => (part.kind === 'text' ? part.text : renderInText(evaluate(part.expr, scope, options), part.at)))
    .join('')
}

/** Evaluates every text of a JSON value. Keys are left as they are. */
export function renderValue(value: Json, scope: Scope, options: EvaluationOptions = {}): Json {
  if (typeof value === 'string') return renderTemplate(value, scope, options)
  if (Array.isArray(value)) return value.map((item) => renderValue(item, scope, options))
  if (value !== null && typeof value === 'object')
    return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, renderValue(item, scope, options)]))
  return value
}
