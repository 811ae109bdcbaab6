import { checkTrigger, checkUri, exactlyOne, mustExist } from './reference-rules.ts'
import type { Path } from './reference-rules.ts'
import type { Finding } from './file-error.ts'
import { STEP_KINDS } from './pipeline-schema.ts'
import { dig, entriesOf, itemsOf, keysOf } from './raw.ts'
import { parseUri } from './scalars.ts'
import { findCycle, stepNeeds } from './step-needs.ts'

/** The steps of every pipeline: kinds, needs, cycles, inputs, sweeps, triggers. */
export function checkPipelines(raw: unknown): Finding[] {
  const pipelines = entriesOf(dig(raw, 'pipelines'))
  return [
    ...pipelines.flatMap(([name, pipeline]) => {
      const path = ['pipelines', name]
      const steps = entriesOf(dig(pipeline, 'steps'))
      return [
        ...steps.flatMap(([step, spec]) =>
          checkStep(
            raw,
            spec,
            steps.map(([key]) => key),
            [...path, 'steps', step],
          ),
        ),
        ...checkCycle(steps, path),
        ...itemsOf(dig(pipeline, 'triggers')).flatMap((trigger, i) =>
          checkTrigger(raw, trigger, [...path, 'triggers', i]),
        ),
        ...entriesOf(dig(pipeline, 'params')).flatMap(([param, spec]) => checkParam(spec, [...path, 'params', param])),
      ]
    }),
    ...checkSubPipelines(pipelines),
  ]
}

function checkStep(raw: unknown, step: unknown, siblings: readonly string[], path: Path): Finding[] {
  const environments = keysOf(dig(raw, 'environments'))
  const uses = dig(step, 'uses')
  return [
    ...exactlyOne(step, STEP_KINDS, 'a step', 'step_kind', path),
    ...itemsOf(dig(step, 'needs')).flatMap((name, i) => mustExist(name, siblings, 'step', [...path, 'needs', i])),
    ...mustExist(dig(step, 'environment'), environments, 'environment', [...path, 'environment']),
    ...entriesOf(dig(step, 'inputs')).flatMap(([name, value]) => checkUri(raw, value, [...path, 'inputs', name])),
    ...entriesOf(dig(step, 'outputs')).flatMap(([name, output]) => checkOutput(output, [...path, 'outputs', name])),
    ...checkUses(raw, uses, path),
    ...(dig(step, 'matrix') !== undefined && dig(step, 'sweep') !== undefined
      ? [
          {
            path: [...path, 'sweep'],
            at: 'key',
            code: 'step_kind',
            message: 'a step has a `matrix` or a `sweep`, not both',
          } satisfies Finding,
        ]
      : []),
    ...checkSweep(dig(step, 'sweep'), [...path, 'sweep']),
  ]
}

function checkOutput(output: unknown, path: Path): Finding[] {
  const publish = dig(output, 'publish')
  if (typeof publish !== 'string' || publish.includes('${{')) return []
  const uri = parseUri(publish)
  if (
    !uri ||
    uri.kind !== 'datasets' ||
    uri.version !== undefined ||
    uri.tag !== undefined ||
    uri.project !== undefined
  )
    return [
      {
        path: [...path, 'publish'],
        at: 'value',
        code: 'bad_uri',
        message: `\`${publish}\` can't be published to`,
        hint: 'write `datasets:/name`; every success makes its next version',
      },
    ]
  const type = dig(output, 'type')
  if (type !== 'dataset' && type !== 'folder' && type !== 'file')
    return [
      {
        path: [...path, 'publish'],
        at: 'value',
        code: 'type_mismatch',
        message: `an output of type ${String(type)} can't become a version of a data set`,
      },
    ]
  return []
}

/** `kiban/…` steps that the platform has. */
const COMPONENTS = [
  'kiban/clean',
  'kiban/validate',
  'kiban/features',
  'kiban/materialize',
  'kiban/evaluate',
  'kiban/explain',
  'kiban/automl',
  'kiban/predict',
  'kiban/release',
]

function checkUses(raw: unknown, uses: unknown, path: Path): Finding[] {
  const at = [...path, 'uses']
  if (typeof uses !== 'string') return []
  if (uses.startsWith('kiban/')) return mustExist(uses, COMPONENTS, 'component', at)
  if (uses.startsWith('pipelines/'))
    return mustExist(uses.slice('pipelines/'.length), keysOf(dig(raw, 'pipelines')), 'pipeline', at)
  return uses.includes('/') ? [] : mustExist(uses, keysOf(dig(raw, 'components')), 'component', at)
}

function checkSweep(sweep: unknown, path: Path): Finding[] {
  if (typeof sweep !== 'object' || sweep === null) return []
  const found = entriesOf(dig(sweep, 'space')).flatMap(([name, entry]) =>
    checkDimension(entry, [...path, 'space', name]),
  )
  if (keysOf(dig(sweep, 'space')).length === 0)
    found.push({
      path: [...path, 'space'],
      at: 'key',
      code: 'missing_key',
      message: 'a sweep needs at least one dimension in `space`',
    })
  const budget = dig(sweep, 'budget')
  if (budget !== undefined && ['trials', 'time', 'cost', 'target'].every((key) => dig(budget, key) === undefined))
    found.push({
      path: [...path, 'budget'],
      at: 'value',
      code: 'missing_key',
      message: 'a budget needs a limit',
      hint: 'one of trials, time, cost, target',
    })
  return found
}

function checkDimension(entry: unknown, path: Path): Finding[] {
  const low = dig(entry, 'low')
  const high = dig(entry, 'high')
  const choices = dig(entry, 'choices')
  if (choices !== undefined) {
    if (low === undefined && high === undefined) return []
    return [
      { path, at: 'value', code: 'wrong_type', message: 'a dimension has `choices` or `low` and `high`, not both' },
    ]
  }
  if (typeof low !== 'number' || typeof high !== 'number')
    return low === undefined || high === undefined
      ? [{ path, at: 'value', code: 'missing_key', message: 'a dimension needs `low` and `high`, or `choices`' }]
      : []
  if (low > high)
    return [
      {
        path: [...path, 'low'],
        at: 'value',
        code: 'out_of_range',
        message: `\`low\` ${low} is above \`high\` ${high}`,
      },
    ]
  if (dig(entry, 'log') === true && low <= 0)
    return [
      {
        path: [...path, 'low'],
        at: 'value',
        code: 'out_of_range',
        message: `\`low\` is ${low}; on a log scale it must be above 0`,
      },
    ]
  if (
    dig(entry, 'log') === true &&
    dig(entry, 'step') !== undefined &&
    !(Number.isInteger(low) && dig(entry, 'step') === 1)
  )
    return [
      { path: [...path, 'step'], at: 'key', code: 'wrong_type', message: 'a dimension on a log scale has no `step`' },
    ]
  return []
}

function checkParam(spec: unknown, path: Path): Finding[] {
  const pattern = dig(spec, 'pattern')
  if (typeof pattern !== 'string') return []
  try {
    new RegExp(pattern, 'u')
    return []
  } catch {
    return [
      {
        path: [...path, 'pattern'],
        at: 'value',
        code: 'out_of_range',
        message: `\`${pattern}\` is not a regular expression`,
      },
    ]
  }
}

function checkCycle(steps: readonly [string, unknown][], path: Path): Finding[] {
  const graph = new Map(
    steps.map(([name, spec]) => {
      const needs = stepNeeds(spec)
      return [name, [...needs.required, ...needs.optional]] as const
    }),
  )
  const cycle = findCycle(graph)
  const [first] = cycle ?? []
  if (!cycle || first === undefined) return []
  return [
    {
      path: [...path, 'steps', first],
      at: 'key',
      code: 'cycle',
      message: `steps wait for each other: ${cycle.toReversed().join(' > ')}`,
    },
  ]
}

function checkSubPipelines(pipelines: readonly [string, unknown][]): Finding[] {
  const graph = new Map(
    pipelines.map(([name, pipeline]) => [
      name,
      entriesOf(dig(pipeline, 'steps')).flatMap(([, step]) => {
        const uses = dig(step, 'uses')
        return typeof uses === 'string' && uses.startsWith('pipelines/') ? [uses.slice('pipelines/'.length)] : []
      }),
    ]),
  )
  const cycle = findCycle(graph)
  const [first] = cycle ?? []
  if (!cycle || first === undefined) return []
  return [
    {
      path: ['pipelines', first],
      at: 'key',
      code: 'cycle',
      message: `pipelines call each other: ${cycle.join(' > ')}`,
    },
  ]
}
