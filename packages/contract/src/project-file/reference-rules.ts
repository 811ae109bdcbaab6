import { nearest } from './file-error.ts'
import type { Finding } from './file-error.ts'
import { TRIGGER_KINDS } from './pipeline-schema.ts'
import { dig, entriesOf, keysOf } from './raw.ts'
import { looksLikeUri, parseUri } from './scalars.ts'

export type Path = readonly (string | number)[]

/** A name that must be a key of `known`. */
export function mustExist(
  name: unknown,
  known: readonly string[],
  what: string,
  path: Path,
  at: 'key' | 'value' = 'value',
): Finding[] {
  if (typeof name !== 'string' || known.includes(name) || name.includes('${{')) return []
  const near = nearest(name, known)
  const hint = near
    ? `did you mean \`${near}\`?`
    : known.length > 0
      ? `there is ${known.slice(0, 8).join(', ')}`
      : `the file has no ${what} yet`
  return [{ path, at, code: 'unknown_reference', message: `there is no ${what} \`${name}\``, hint }]
}

/** A URI of a data set, model or feature service of this project that must be declared (or published by a step). */
export function checkUri(raw: unknown, value: unknown, path: Path, kinds?: readonly string[]): Finding[] {
  if (typeof value !== 'string' || value.includes('${{')) return []
  if (!kinds && !looksLikeUri(value)) return []
  const uri = parseUri(value)
  if (!uri || (kinds && !kinds.includes(uri.kind))) {
    const example =
      kinds?.[0] === 'models'
        ? '`models:/name@production` or `models:/name/3`'
        : '`datasets:/name`, `datasets:/name/31` or `datasets:/name@tag`'
    return [{ path, at: 'value', code: 'bad_uri', message: `\`${value}\` is not a URI`, hint: `write ${example}` }]
  }
  if (uri.project !== undefined || uri.kind === 'features') return []
  return mustExist(
    uri.name,
    uri.kind === 'datasets' ? [...keysOf(dig(raw, 'datasets')), ...published(raw)] : keysOf(dig(raw, 'models')),
    uri.kind === 'datasets' ? 'data set' : 'model',
    path,
  )
}

/** Exactly one of `kinds` must be a key of `node`. */
export function exactlyOne(node: unknown, kinds: readonly string[], what: string, code: string, path: Path): Finding[] {
  const present = kinds.filter((kind) => dig(node, kind) !== undefined)
  if (typeof node !== 'object' || node === null || present.length === 1) return []
  const list = kinds.map((kind) => `\`${kind}\``).join(', ')
  const second = present[1]
  if (second === undefined) return [{ path, at: 'key', code, message: `${what} needs one of ${list}` }]
  return [
    {
      path: [...path, second],
      at: 'key',
      code,
      message: `${what} has \`${present.join('` and `')}\`; only one of ${list} is allowed`,
    },
  ]
}

/** A trigger has one kind, and what it names exists. */
export function checkTrigger(raw: unknown, trigger: unknown, path: Path): Finding[] {
  return [
    ...exactlyOne(trigger, TRIGGER_KINDS, 'a trigger', 'trigger_kind', path),
    ...mustExist(dig(trigger, 'monitor'), keysOf(dig(raw, 'monitors')), 'monitor', [...path, 'monitor']),
    ...mustExist(dig(trigger, 'pipeline'), keysOf(dig(raw, 'pipelines')), 'pipeline', [...path, 'pipeline']),
    ...checkUri(raw, dig(trigger, 'dataset'), [...path, 'dataset']),
  ]
}

/** Names of data sets that some step publishes. */
function published(raw: unknown): string[] {
  return entriesOf(dig(raw, 'pipelines')).flatMap(([, pipeline]) =>
    entriesOf(dig(pipeline, 'steps')).flatMap(([, step]) =>
      entriesOf(dig(step, 'outputs')).flatMap(([, output]) => {
        const target = dig(output, 'publish')
        const uri = typeof target === 'string' ? parseUri(target) : undefined
        return uri?.kind === 'datasets' ? [uri.name] : []
      }),
    ),
  )
}
