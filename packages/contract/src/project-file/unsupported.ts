import type { Finding } from './file-error.ts'
import { dig, entriesOf, itemsOf } from './raw.ts'
import type { ProjectFile } from './schema.ts'

type Path = readonly (string | number)[]

/**
 * Keys of the language that this version does not run, with what to do instead. `*` is any name or item. They are refused when a file
 * is applied, never ignored in silence. Whoever builds one deletes its line.
 */
const UNSUPPORTED: readonly { readonly path: string; readonly instead?: string }[] = [
  { path: 'include', instead: 'write everything into one file' },
  { path: 'stages', instead: 'there is one stage, production' },
  { path: 'sources', instead: 'commit files with `kiban dataset commit`' },
  { path: 'features' },
  { path: 'components' },
  { path: 'alerts', instead: 'alerts go to the inbox' },
  { path: 'policies' },
  { path: 'workspaces/*' },
  { path: 'environments/*/conda', instead: 'use `python` with `requirements`' },
  { path: 'environments/*/r' },
  { path: 'environments/*/node' },
  { path: 'environments/*/image' },
  { path: 'environments/*/build' },
  { path: 'datasets/*/schedule' },
  { path: 'datasets/*/retention' },
  { path: 'datasets/*/sites' },
  { path: 'datasets/*/access' },
  { path: 'datasets/*/subject' },
  { path: 'defaults/runtime' },
  { path: 'defaults/queue' },
  ...['disk', 'gpu', 'nodes', 'rdma', 'spot', 'custom'].flatMap((key) => [
    { path: `defaults/resources/${key}` },
    { path: `pipelines/*/steps/*/resources/${key}` },
  ]),
  { path: 'defaults/cache/probe', instead: 'use `version`' },
  { path: 'pipelines/*/triggers/*', instead: 'start it by the API, the CLI or a loop' },
  { path: 'pipelines/*/concurrency' },
  { path: 'pipelines/*/timeout', instead: 'give each step a timeout' },
  { path: 'pipelines/*/steps/*/notebook', instead: 'use `run`' },
  { path: 'pipelines/*/steps/*/approval', instead: 'use the approvers of a gate' },
  { path: 'pipelines/*/steps/*/wait' },
  { path: 'pipelines/*/steps/*/matrix' },
  { path: 'pipelines/*/steps/*/runtime' },
  { path: 'pipelines/*/steps/*/queue' },
  { path: 'pipelines/*/steps/*/cache/probe', instead: 'use `version`' },
  { path: 'pipelines/*/steps/*/sweep/pruner' },
  { path: 'pipelines/*/steps/*/sweep/budget/cost' },
  { path: 'pipelines/*/steps/*/sweep/budget/target' },
  { path: 'pipelines/*/steps/*/failFast' },
  { path: 'models/*/signature', instead: 'it is taken from the model' },
  { path: 'models/*/card', instead: 'write it on the page of the version' },
  { path: 'models/*/retention' },
  { path: 'models/*/gate/fourEyes' },
  { path: 'models/*/gate/deadline' },
  { path: 'endpoints/*/variants', instead: 'use one `model`' },
  { path: 'endpoints/*/port' },
  { path: 'endpoints/*/health' },
  { path: 'endpoints/*/environment' },
  { path: 'endpoints/*/env' },
  { path: 'endpoints/*/resources' },
  { path: 'endpoints/*/scaling', instead: 'an endpoint always has one copy' },
  { path: 'endpoints/*/access/public' },
  { path: 'endpoints/*/access/apps' },
  { path: 'endpoints/*/log/keepFor' },
  { path: 'endpoints/*/graph' },
  { path: 'endpoints/*/command' },
  { path: 'endpoints/*/features' },
  { path: 'loops/*/limits/cost' },
]

/** What the file asks for that this version does not run. */
export function findUnsupported(file: ProjectFile, raw: unknown): Finding[] {
  const found = UNSUPPORTED.flatMap(({ path, instead }) =>
    matches(raw, path.split('/'), []).map((at): Finding => {
      const name = at.findLast((part, i) => typeof part === 'string' && path.split('/')[i] !== '*') ?? at.at(-1)
      return {
        path: at,
        at: 'key',
        code: 'not_supported_yet',
        message: `\`${String(name)}\` is part of the language, but this version does not run it yet`,
        ...(instead ? { hint: instead } : {}),
      }
    }),
  )
  for (const [pipeline, spec] of Object.entries(file.pipelines))
    for (const [name, step] of Object.entries(spec.steps)) {
      const at = ['pipelines', pipeline, 'steps', name]
      if (step.uses !== undefined && !step.uses.startsWith('kiban/'))
        found.push({
          path: [...at, 'uses'],
          at: 'value',
          code: 'not_supported_yet',
          message: `\`uses: ${step.uses}\`: this version runs only \`kiban/…\` components`,
          hint: 'use `run` or `sql`',
        })
      if (step.sweep && Array.isArray(step.sweep.objective) && step.sweep.objective.length > 1)
        found.push({
          path: [...at, 'sweep', 'objective'],
          at: 'value',
          code: 'not_supported_yet',
          message: 'a sweep with several objectives is part of the language, but this version searches by one',
        })
      if (step.sweep && step.run === undefined)
        found.push({
          path: [...at, 'sweep'],
          at: 'key',
          code: 'not_supported_yet',
          message: 'this version sweeps over `run` steps only',
        })
    }
  return found
}

function matches(node: unknown, pattern: readonly string[], path: Path): Path[] {
  const [head, ...rest] = pattern
  if (head === undefined) return [path]
  if (head === '*') {
    const children: [string | number, unknown][] = Array.isArray(node) ? [...itemsOf(node).entries()] : entriesOf(node)
    return children.flatMap(([key, value]) => matches(value, rest, [...path, key]))
  }
  const value = dig(node, head)
  return value === undefined ? [] : matches(value, rest, [...path, head])
}
