import type { Expr } from './expression.ts'

/** What can be told of an expression's type before it runs. */
export type StaticType = 'bool' | 'number' | 'string' | 'list' | 'null' | 'unknown'

/** Gives the declared type of a reference, in the language's words (`int date bool …`), or `unknown`. */
export type TypeLookUp = (path: readonly (string | number)[], context: string) => string

const TEXTS = new Set(['string', 'date', 'datetime', 'duration'])

/** The type of an expression, as far as literals, operators, functions and declared parameters tell. */
export function typeOf(expr: Expr, lookUp: TypeLookUp): StaticType {
  switch (expr.kind) {
    case 'literal':
      if (expr.value === null) return 'null'
      return typeof expr.value === 'boolean' ? 'bool' : typeof expr.value === 'number' ? 'number' : 'string'
    case 'list':
      return 'list'
    case 'not':
    case 'binary':
      return 'bool'
    case 'ref': {
      const type = lookUp(expr.path, expr.context)
      if (type.endsWith('[]')) return 'list'
      if (type === 'bool') return 'bool'
      if (type === 'int' || type === 'float') return 'number'
      return TEXTS.has(type) ? 'string' : 'unknown'
    }
    case 'call':
      if (['contains', 'startsWith', 'endsWith', 'always', 'failed'].includes(expr.fn)) return 'bool'
      if (expr.fn === 'length') return 'number'
      if (['join', 'date', 'shift', 'toJson'].includes(expr.fn)) return 'string'
      return expr.fn === 'range' ? 'list' : 'unknown'
  }
}

/** The first place where types can't fit, if one can be told; `at` is the offset in the expression. */
export function mismatch(
  expr: Expr,
  lookUp: TypeLookUp,
): { readonly message: string; readonly at: number } | undefined {
  switch (expr.kind) {
    case 'literal':
    case 'ref':
      return undefined
    case 'list':
      return firstOf(expr.items, lookUp)
    case 'call':
      return firstOf(expr.args, lookUp)
    case 'not':
      return mismatch(expr.operand, lookUp) ?? notBool(expr.operand, '!', lookUp)
    case 'binary': {
      const inner = firstOf([expr.left, expr.right], lookUp)
      if (inner) return inner
      if (expr.op === '&&' || expr.op === '||')
        return notBool(expr.left, expr.op, lookUp) ?? notBool(expr.right, expr.op, lookUp)
      if (expr.op === '==' || expr.op === '!=') return undefined
      const left = typeOf(expr.left, lookUp)
      const right = typeOf(expr.right, lookUp)
      if (expr.op === 'in')
        return right === 'list' || right === 'unknown'
          ? undefined
          : { message: `\`in\` needs a list on its right, not a ${right}`, at: expr.right.at }
      for (const [side, type] of [
        [expr.left, left],
        [expr.right, right],
      ] as const)
        if (type !== 'number' && type !== 'string' && type !== 'unknown')
          return { message: `\`${expr.op}\` compares numbers or texts, not a ${type}`, at: side.at }
      if (left !== right && left !== 'unknown' && right !== 'unknown')
        return { message: `\`${expr.op}\` can't compare a ${left} with a ${right}`, at: expr.at }
      return undefined
    }
  }
}

function firstOf(exprs: readonly Expr[], lookUp: TypeLookUp) {
  for (const expr of exprs) {
    const found = mismatch(expr, lookUp)
    if (found) return found
  }
  return undefined
}

function notBool(expr: Expr, op: string, lookUp: TypeLookUp) {
  const type = typeOf(expr, lookUp)
  return type === 'bool' || type === 'unknown'
    ? undefined
    : { message: `\`${op}\` needs true or false, not a ${type}`, at: expr.at }
}
