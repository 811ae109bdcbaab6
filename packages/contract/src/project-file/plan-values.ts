import type { Json } from '../primitives.ts'
import type { Scope } from './evaluate.ts'
import { ExpressionError, references } from './expression.ts'
import { dig, entriesOf } from './raw.ts'
import { parseTemplate, renderTemplate } from './template.ts'

const PLAN = new Set(['vars', 'project', 'stage'])

/** What `vars project stage` are for a file: known as soon as it is read. */
export function planScope(raw: unknown): Scope {
  const project = dig(raw, 'project')
  const name = typeof project === 'string' ? project : dig(project, 'name')
  const title = dig(project, 'title')
  return {
    vars: (dig(raw, 'vars') ?? {}) as Json, // YAML's core schema gives JSON
    project: { name: typeof name === 'string' ? name : '', title: typeof title === 'string' ? title : null },
    stage: { name: 'production' },
  }
}

/**
 * Puts values in place of the expressions that are known at plan, everywhere but in pipelines and components: there a value must never
 * become script text, so the engine evaluates all of them when the step is ready. One that can't be evaluated stays as it is.
 */
export function resolvePlanValues(raw: unknown): unknown {
  const scope = planScope(raw)
  return Object.fromEntries(
    entriesOf(raw).map(([key, value]) => [
      key,
      key === 'pipelines' || key === 'components' || key === 'vars' ? value : resolve(value, scope),
    ]),
  )
}

function resolve(node: unknown, scope: Scope): unknown {
  if (Array.isArray(node)) return node.map((item) => resolve(item, scope))
  if (typeof node === 'object' && node !== null)
    return Object.fromEntries(entriesOf(node).map(([key, value]) => [key, resolve(value, scope)]))
  if (typeof node !== 'string' || !node.includes('${{')) return node
  try {
    const known = parseTemplate(node).every(
      (part) => part.kind === 'text' || references(part.expr).every((ref) => PLAN.has(ref.context)),
    )
    return known ? renderTemplate(node, scope) : node
  } catch (error) {
    if (error instanceof ExpressionError) return node
    throw error
  }
}
