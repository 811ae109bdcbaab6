import { checkPipelines } from './check-pipelines.ts'
import { ENVIRONMENT_KINDS } from './data-schema.ts'
import type { Finding } from './file-error.ts'
import { dig, entriesOf, itemsOf, keysOf } from './raw.ts'
import { checkTrigger, checkUri, exactlyOne, mustExist } from './reference-rules.ts'
import type { Path } from './reference-rules.ts'
import { sameName } from './scalars.ts'

/** What the sections say of each other: names, references, cycles, and keys that exclude or need one another. Works on an unchecked tree. */
export function checkReferences(raw: unknown): Finding[] {
  return [
    ...checkNames(raw),
    ...checkPipelines(raw),
    ...checkEnvironments(raw),
    ...checkModels(raw),
    ...checkEndpoints(raw),
    ...checkMonitors(raw),
    ...checkLoops(raw),
  ]
}

const NAMED = [
  'vars',
  'stages',
  'environments',
  'sources',
  'datasets',
  'components',
  'pipelines',
  'models',
  'endpoints',
  'monitors',
  'loops',
  'workspaces',
]

function checkNames(raw: unknown): Finding[] {
  return [
    ...NAMED.flatMap((section) => duplicates(dig(raw, section), [section])),
    ...entriesOf(dig(raw, 'pipelines')).flatMap(([name, pipeline]) =>
      duplicates(dig(pipeline, 'steps'), ['pipelines', name, 'steps']),
    ),
  ]
}

function duplicates(map: unknown, path: Path): Finding[] {
  const seen = new Map<string, string>()
  return keysOf(map).flatMap((name) => {
    const before = seen.get(sameName(name))
    seen.set(sameName(name), name)
    if (before === undefined) return []
    return [
      {
        path: [...path, name],
        at: 'key',
        code: 'duplicate_name',
        message: `\`${name}\` and \`${before}\` are one name: case, - and _ make no difference`,
      } satisfies Finding,
    ]
  })
}

function checkEnvironments(raw: unknown): Finding[] {
  return [
    ...entriesOf(dig(raw, 'environments')).flatMap(([name, spec]) =>
      exactlyOne(spec, ENVIRONMENT_KINDS, 'an environment', 'environment_kind', ['environments', name]),
    ),
    ...mustExist(dig(raw, 'defaults', 'environment'), keysOf(dig(raw, 'environments')), 'environment', [
      'defaults',
      'environment',
    ]),
    ...entriesOf(dig(raw, 'datasets')).flatMap(([name, spec]) =>
      mustExist(dig(spec, 'source', 'from'), keysOf(dig(raw, 'sources')), 'source', [
        'datasets',
        name,
        'source',
        'from',
      ]),
    ),
  ]
}

function checkModels(raw: unknown): Finding[] {
  return entriesOf(dig(raw, 'models')).flatMap(([name, spec]) =>
    itemsOf(dig(spec, 'gate', 'checks')).flatMap((check, i) =>
      checkCheck(check, ['models', name, 'gate', 'checks', i]),
    ),
  )
}

const LIMITS = ['min', 'max', 'notWorseThan', 'betterThan']

function checkCheck(check: unknown, path: Path): Finding[] {
  if (typeof check !== 'object' || check === null || LIMITS.some((limit) => dig(check, limit) !== undefined)) return []
  return [
    { path, at: 'value', code: 'missing_key', message: 'a check needs a limit', hint: `one of ${LIMITS.join(', ')}` },
  ]
}

function checkEndpoints(raw: unknown): Finding[] {
  return entriesOf(dig(raw, 'endpoints')).flatMap(([name, spec]) => {
    const path = ['endpoints', name]
    return [
      ...exactlyOne(spec, ['model', 'variants', 'graph', 'command'], 'an endpoint', 'endpoint_kind', path),
      ...checkUri(raw, dig(spec, 'model'), [...path, 'model'], ['models']),
      ...entriesOf(dig(spec, 'variants')).flatMap(([variant, value]) =>
        checkUri(raw, dig(value, 'model'), [...path, 'variants', variant, 'model'], ['models']),
      ),
      ...mustExist(dig(spec, 'environment'), keysOf(dig(raw, 'environments')), 'environment', [...path, 'environment']),
      ...itemsOf(dig(spec, 'rollout', 'judge')).flatMap((check, i) =>
        checkCheck(check, [...path, 'rollout', 'judge', i]),
      ),
    ]
  })
}

function checkMonitors(raw: unknown): Finding[] {
  return entriesOf(dig(raw, 'monitors')).flatMap(([name, spec]) => {
    const path = ['monitors', name]
    const signals = dig(spec, 'signals')
    const names = Array.isArray(signals) ? signals.map(String) : keysOf(signals)
    const needsLabels = names.findIndex((signal) => signal === 'performance' || signal === 'concept_drift')
    const missing: Finding[] =
      needsLabels >= 0 && dig(spec, 'labels') === undefined && dig(spec, 'endpoint') !== undefined
        ? [
            {
              path: [...path, 'signals', Array.isArray(signals) ? needsLabels : String(names[needsLabels])],
              at: Array.isArray(signals) ? 'value' : 'key',
              code: 'no_labels',
              message: `\`${String(names[needsLabels])}\` compares predictions with outcomes`,
              hint: 'say where they are: `labels: { dataset, column, key }`',
            },
          ]
        : []
    return [
      ...exactlyOne(spec, ['endpoint', 'dataset'], 'a monitor', 'monitor_kind', path),
      ...mustExist(dig(spec, 'endpoint'), keysOf(dig(raw, 'endpoints')), 'endpoint', [...path, 'endpoint']),
      ...checkUri(raw, dig(spec, 'dataset'), [...path, 'dataset'], ['datasets']),
      ...checkUri(raw, dig(spec, 'labels', 'dataset'), [...path, 'labels', 'dataset'], ['datasets']),
      ...checkUri(raw, dig(spec, 'reference'), [...path, 'reference']),
      ...missing,
      ...entriesOf(signals).flatMap(([signal, value]) =>
        itemsOf(dig(value, 'checks')).flatMap((check, i) =>
          checkCheck(check, [...path, 'signals', signal, 'checks', i]),
        ),
      ),
    ]
  })
}

function checkLoops(raw: unknown): Finding[] {
  return entriesOf(dig(raw, 'loops')).flatMap(([name, spec]) => {
    const path = ['loops', name]
    const pipeline = dig(spec, 'pipeline')
    const steps = typeof pipeline === 'string' ? entriesOf(dig(raw, 'pipelines', pipeline, 'steps')) : []
    const releases = steps.some(([, step]) => dig(step, 'uses') === 'kiban/release')
    const known = typeof pipeline === 'string' && dig(raw, 'pipelines', pipeline) !== undefined
    return [
      ...mustExist(pipeline, keysOf(dig(raw, 'pipelines')), 'pipeline', [...path, 'pipeline']),
      ...(known && !releases
        ? [
            {
              path: [...path, 'pipeline'],
              at: 'value',
              code: 'no_release',
              message: `the pipeline \`${String(pipeline)}\` never offers a version: it has no step that \`uses: kiban/release\``,
            } satisfies Finding,
          ]
        : []),
      ...mustExist(dig(spec, 'model'), keysOf(dig(raw, 'models')), 'model', [...path, 'model']),
      ...mustExist(dig(spec, 'endpoint'), keysOf(dig(raw, 'endpoints')), 'endpoint', [...path, 'endpoint']),
      ...keysOf(dig(spec, 'params')).flatMap((param) =>
        known
          ? mustExist(
              param,
              keysOf(dig(raw, 'pipelines', String(pipeline), 'params')),
              'parameter',
              [...path, 'params', param],
              'key',
            )
          : [],
      ),
      ...itemsOf(dig(spec, 'when')).flatMap((trigger, i) => checkTrigger(raw, trigger, [...path, 'when', i])),
    ]
  })
}
