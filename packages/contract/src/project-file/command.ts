import type { Json } from '../primitives.ts'
import { evaluate, renderInText } from './evaluate.ts'
import type { Scope } from './evaluate.ts'
import { ExpressionError } from './expression.ts'
import { rewriteScript } from './shell.ts'
import { renderTemplate } from './template.ts'

/** Text in which the paths of inputs and outputs are known only where the job runs. */
export type PathText = string | readonly (string | { readonly input: string } | { readonly output: string })[]

/** What to start: a script for bash, whose values are in `variables`, or an argv that no shell sees. */
export type Command =
  | { readonly script: string; readonly argv?: never; readonly variables: Readonly<Record<string, PathText>> }
  | {
      readonly argv: readonly PathText[]
      readonly script?: never
      readonly variables: Readonly<Record<string, PathText>>
    }

const MARK = '\u0001'

/** What stands for the path of an input or output artifact in a scope: becomes a piece of `PathText` once rendered. */
export function pathMark(kind: 'input' | 'output', name: string): string {
  return `${MARK}${kind}:${name}${MARK}`
}

/** The pieces of a rendered text. */
export function pathText(text: string): PathText {
  if (!text.includes(MARK)) return text
  return text
    .split(MARK)
    .map((piece, i) => {
      if (i % 2 === 0) return piece
      const [kind, name] = piece.split(':')
      return kind === 'input' ? { input: name ?? '' } : { output: name ?? '' }
    })
    .filter((piece) => piece !== '')
}

/**
 * Evaluates a step's `run`. In a script every expression becomes a variable `KIBAN_E<n>`; in a list each item is one argument. Throws
 * `ExpressionError`, also for a value (null, a list, an object) that is no text.
 */
export function renderCommand(run: string | readonly (string | number)[], scope: Scope): Command {
  if (typeof run !== 'string')
    return {
      argv: run.map((item) => (typeof item === 'number' ? String(item) : renderText(item, scope))),
      variables: {},
    }
  const { script, variables } = rewriteScript(run)
  const values = variables.map(({ name, expr }): [string, PathText] => [
    name,
    pathText(renderInText(evaluate(expr, scope), expr.at)),
  ])
  return { script, variables: Object.fromEntries(values) }
}

/** Evaluates a value of `env` or one argument: always a text. Throws `ExpressionError`. */
export function renderText(text: string, scope: Scope): PathText {
  const value: Json = renderTemplate(text, scope)
  if (value === null || typeof value === 'object')
    throw new ExpressionError(
      'type_mismatch',
      `${value === null ? 'null' : 'a list or object'} can't be an argument or variable; use toJson(…)`,
      0,
    )
  return pathText(String(value))
}
