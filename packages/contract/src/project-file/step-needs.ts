import { ExpressionError, calls, references } from './expression.ts'
import { parseTemplate } from './template.ts'

/** What a step waits for. `optional`: references inside `default()`, whose failure or skip does no harm. */
export type StepNeeds = {
  readonly required: readonly string[]
  readonly optional: readonly string[]
  /** The step's `if` has `always()` or `failed()`: it runs whatever became of what it needs. */
  readonly anyway: boolean
}

/** Every step that a step needs or references (project-file §3). Expressions that don't parse count for nothing here. */
export function stepNeeds(step: unknown): StepNeeds {
  const required = new Set<string>()
  const optional = new Set<string>()
  let anyway = false
  const visit = (node: unknown, key: string): void => {
    if (Array.isArray(node)) for (const item of node) visit(item, key)
    else if (typeof node === 'object' && node !== null) for (const value of Object.values(node)) visit(value, key)
    else if (typeof node === 'string' && node.includes('${{')) {
      for (const expr of expressionsOf(node)) {
        if (key === 'if' && (calls(expr, 'always') || calls(expr, 'failed'))) anyway = true
        for (const ref of references(expr)) {
          const [name] = ref.path
          if (ref.context === 'steps' && name !== undefined) (ref.optional ? optional : required).add(String(name))
        }
      }
    }
  }
  if (typeof step === 'object' && step !== null)
    for (const [key, value] of Object.entries(step)) {
      if (key === 'needs' && Array.isArray(value)) for (const name of value) required.add(String(name))
      visit(value, key)
    }
  return { required: [...required], optional: [...optional].filter((name) => !required.has(name)), anyway }
}

function expressionsOf(text: string) {
  try {
    return parseTemplate(text).flatMap((part) => (part.kind === 'expression' ? [part.expr] : []))
  } catch (error) {
    if (error instanceof ExpressionError) return []
    throw error
  }
}

/** A cycle in a graph of names, as `[a, b, a]`; undefined when there is none. */
export function findCycle(graph: ReadonlyMap<string, readonly string[]>): string[] | undefined {
  const done = new Set<string>()
  const path: string[] = []
  const walk = (node: string): string[] | undefined => {
    const start = path.indexOf(node)
    if (start >= 0) return [...path.slice(start), node]
    if (done.has(node)) return undefined
    path.push(node)
    for (const next of graph.get(node) ?? []) {
      const cycle = walk(next)
      if (cycle) return cycle
    }
    path.pop()
    done.add(node)
    return undefined
  }
  for (const node of graph.keys()) {
    const cycle = walk(node)
    if (cycle) return cycle
  }
  return undefined
}
