import { ExpressionError, references } from './expression.ts'
import type { ContextName, Expr } from './expression.ts'
import { nearest } from './file-error.ts'
import type { Finding } from './file-error.ts'
import { dig, entriesOf, keysOf } from './raw.ts'
import { rewriteScript } from './shell.ts'
import { mismatch, typeOf } from './static-types.ts'
import { parseTemplate } from './template.ts'

type Path = readonly (string | number)[]

const PLAN: readonly ContextName[] = ['vars', 'project', 'stage']
const RUN: readonly ContextName[] = [...PLAN, 'params', 'run', 'trigger']
const STEP: readonly ContextName[] = [...RUN, 'steps', 'matrix', 'trial']

/** Every expression of the file: its syntax, that its contexts are known where it stands, and that what it names exists. */
export function checkExpressions(raw: unknown): Finding[] {
  const found: Finding[] = []
  visitTexts(raw, [], (text, path) => {
    if (text.includes('${{')) found.push(...checkText(raw, text, path))
    else if (isCondition(path))
      found.push({
        path,
        at: 'value',
        code: 'type_mismatch',
        message: '`if` is a text, not true or false',
        hint: 'write `${{ … }}`',
      })
  })
  return found
}

function visitTexts(node: unknown, path: Path, visit: (text: string, path: Path) => void): void {
  if (typeof node === 'string') visit(node, path)
  else if (Array.isArray(node)) for (const [i, item] of node.entries()) visitTexts(item, [...path, i], visit)
  else for (const [key, value] of entriesOf(node)) visitTexts(value, [...path, key], visit)
}

function checkText(raw: unknown, text: string, path: Path): Finding[] {
  const finding = (error: ExpressionError): Finding => {
    const near = error.found ? nearest(error.found, error.candidates) : undefined
    return {
      path,
      at: 'value',
      offset: error.at,
      code: error.code,
      message: error.message,
      ...(near ? { hint: `did you mean \`${near}\`?` } : {}),
    }
  }
  try {
    const parts = parseTemplate(text)
    const found: Finding[] = []
    const place = contextsAt(raw, path)
    for (const part of parts) {
      if (part.kind !== 'expression') continue
      for (const error of checkExpr(raw, part.expr, part.at, path, place)) found.push(finding(error))
      const wrong = mismatch(part.expr, typesAt(raw, path))
      if (wrong) found.push(finding(new ExpressionError('type_mismatch', wrong.message, part.at + wrong.at)))
    }
    if (found.length === 0 && isCondition(path)) {
      const [only] = parts
      const type = parts.length === 1 && only?.kind === 'expression' ? typeOf(only.expr, typesAt(raw, path)) : 'string'
      if (type !== 'bool' && type !== 'unknown')
        found.push({
          path,
          at: 'value',
          code: 'type_mismatch',
          message: `\`if\` is ${type === 'string' ? 'a text' : `of type ${type}`}, not true or false`,
          hint: 'compare it: `${{ … == … }}`',
        })
    }
    if (found.length === 0 && path.at(-1) === 'run' && stepOf(path)) rewriteScript(text)
    return found
  } catch (error) {
    if (error instanceof ExpressionError) return [finding(error)]
    throw error
  }
}

type Place = { readonly allowed: readonly ContextName[]; readonly why: string }

function contextsAt(raw: unknown, path: Path): Place {
  const [top, , section, , key] = path
  if (top === 'vars') return { allowed: [], why: 'constants hold no expressions' }
  if (top === 'sources' && section === 'auth')
    return { allowed: [...PLAN, 'secrets'], why: 'here only vars, project, stage and secrets are known' }
  if (top === 'alerts')
    return { allowed: [...PLAN, 'secrets'], why: 'here only vars, project, stage and secrets are known' }
  if (top === 'environments' || top === 'endpoints') {
    const env = section === 'env'
    return {
      allowed: env ? [...PLAN, 'secrets'] : PLAN,
      why: env ? 'here only vars, project, stage and secrets are known' : 'here only vars, project and stage are known',
    }
  }
  if (top === 'defaults')
    return {
      allowed: path[1] === 'env' ? [...PLAN, 'secrets'] : PLAN,
      why: 'here only vars, project and stage are known',
    }
  if (top === 'components')
    return {
      allowed: ['vars', 'inputs', 'outputs', ...(section === 'env' ? (['secrets'] as const) : [])],
      why: 'a component sees only its inputs, outputs and vars',
    }
  if (top === 'loops')
    return { allowed: [...PLAN, 'trigger'], why: 'in a loop only vars, project, stage and trigger are known' }
  if (top !== 'pipelines') return { allowed: PLAN, why: 'here only vars, project and stage are known' }
  if (section === 'triggers')
    return { allowed: [...PLAN, 'trigger'], why: 'in a trigger only vars, project, stage and trigger are known' }
  if (section === 'outputs') return { allowed: [...RUN, 'steps'], why: 'a step’s own values are not known outside it' }
  if (section !== 'steps')
    return { allowed: section === 'concurrency' ? RUN : PLAN, why: 'this is read before any step' }
  const step = dig(raw, ...path.slice(0, 4))
  const own = ['run', 'env', 'sql', 'notebook'].includes(String(key))
  const allowed = STEP.filter(
    (name) =>
      (name !== 'matrix' || dig(step, 'matrix') !== undefined) &&
      (name !== 'trial' || (dig(step, 'sweep') !== undefined && own)),
  )
  if (key === 'sweep')
    return {
      allowed: STEP.filter((name) => name !== 'trial' && name !== 'matrix'),
      why: 'a trial is known only in `run` and `env`',
    }
  if (!own)
    return {
      allowed,
      why:
        key === 'inputs'
          ? 'inputs and outputs are known once the step starts, not while its inputs are gathered'
          : 'this is read before the step starts',
    }
  return {
    allowed: [...allowed, 'inputs', 'outputs', ...(key === 'env' ? (['secrets'] as const) : [])],
    why: '`matrix` needs a matrix, `trial` a sweep, and secrets are given only to `env`',
  }
}

function checkExpr(raw: unknown, expr: Expr, offset: number, path: Path, place: Place): ExpressionError[] {
  const errors: ExpressionError[] = []
  for (const ref of references(expr)) {
    const at = offset + ref.at
    if (!(place.allowed as readonly string[]).includes(ref.context)) {
      errors.push(new ExpressionError('not_available_here', `\`${ref.context}\` is not known here: ${place.why}`, at))
      continue
    }
    const known = knownNames(raw, ref.context, path)
    const [name] = ref.path
    if (known === undefined || name === undefined) continue
    if (!known.includes(String(name))) {
      errors.push(
        new ExpressionError(
          'unknown_reference',
          `\`${ref.context}.${name}\` does not exist${known.length > 0 ? '' : `: there are no ${ref.context}`}`,
          at,
          { found: String(name), candidates: known },
        ),
      )
      continue
    }
    if (ref.context === 'steps') errors.push(...checkStepRef(raw, ref.path, at, path))
  }
  return errors
}

/** The names that exist below a context; undefined when they can't be told from the file. */
function knownNames(raw: unknown, context: string, path: Path): string[] | undefined {
  const pipeline = dig(raw, 'pipelines', path[1] ?? '')
  const own = path[0] === 'components' ? dig(raw, 'components', path[1] ?? '') : dig(pipeline, 'steps', path[3] ?? '')
  switch (context) {
    case 'vars':
      return keysOf(dig(raw, 'vars'))
    case 'project':
      return ['name', 'title']
    case 'stage':
      return ['name']
    case 'params':
      return keysOf(dig(pipeline, 'params'))
    case 'run':
      return ['id', 'number', 'pipeline', 'createdAt', 'createdBy']
    case 'trigger':
      return ['kind', 'id', 'time', 'start', 'end', 'dataset', 'model', 'monitor', 'pipeline', 'body']
    case 'steps':
      return keysOf(dig(pipeline, 'steps'))
    case 'inputs':
      return keysOf(dig(own, 'inputs'))
    case 'outputs':
      return keysOf(dig(own, 'outputs'))
    case 'trial':
      return [...keysOf(dig(own, 'sweep', 'space')), 'number']
    case 'matrix': {
      const matrix = dig(own, 'matrix')
      return typeof matrix === 'object' && matrix !== null && !Array.isArray(matrix) ? Object.keys(matrix) : undefined
    }
    default:
      return undefined
  }
}

const STEP_FACTS = ['outputs', 'metrics', 'status', 'best', 'trials']
const NOT_YET = ['best', 'trials']

function checkStepRef(raw: unknown, ref: readonly (string | number)[], at: number, path: Path): ExpressionError[] {
  const [name, fact, output] = ref.map(String)
  if (name === undefined || fact === undefined) return []
  if (!STEP_FACTS.includes(fact))
    return [
      new ExpressionError('unknown_reference', `a step has no \`${fact}\`, only ${STEP_FACTS.join(', ')}`, at, {
        found: fact,
        candidates: STEP_FACTS,
      }),
    ]
  if (NOT_YET.includes(fact))
    return [
      new ExpressionError(
        'not_supported_yet',
        `\`${fact}\` of a step is part of the language, but this version does not give it yet; let the trial write an output`,
        at,
      ),
    ]
  if (fact !== 'outputs' || output === undefined) return []
  const step = dig(raw, 'pipelines', path[1] ?? '', 'steps', name)
  const declared = keysOf(dig(step, 'outputs'))
  const uses = dig(step, 'uses')
  if (declared.includes(output) || (uses !== undefined && declared.length === 0)) return []
  return [
    new ExpressionError('unknown_reference', `step \`${name}\` has no output \`${output}\``, at, {
      found: output,
      candidates: declared,
    }),
  ]
}

function stepOf(path: Path): boolean {
  return (path[0] === 'pipelines' && path[2] === 'steps' && path.length >= 5) || path[0] === 'components'
}

function isCondition(path: Path): boolean {
  return (
    path.at(-1) === 'if' &&
    ((path[0] === 'pipelines' && path.length === 5 && path[2] === 'steps') ||
      path.at(-3) === 'triggers' ||
      path.at(-3) === 'when')
  )
}

function typesAt(raw: unknown, path: Path): (path: readonly (string | number)[], context: string) => string {
  return (ref, context) => {
    if (context !== 'params' || ref.length !== 1) return 'unknown'
    const param = dig(raw, 'pipelines', path[1] ?? '', 'params', ref[0] ?? '')
    const declared = dig(param, 'type')
    if (typeof declared === 'string') return declared
    return typeof param === 'boolean'
      ? 'bool'
      : typeof param === 'number'
        ? 'float'
        : typeof param === 'string'
          ? 'string'
          : 'unknown'
  }
}
