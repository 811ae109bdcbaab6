import type { CacheDifference } from '@kiban/contract/pipelines'
import type { Json, ManifestFile } from '@kiban/contract/primitives'
import type { PathText, StepSpec } from '@kiban/contract/project-file'
import { canonicalJson, sha256 } from '@kiban/kit/canonical-json'
import { outputsOf } from './definition.ts'

/** One ingredient of a cache key. `value` is shown to people when it differs, so long ones are given by their hash. */
export type KeyPart = { readonly part: string; readonly name: string; readonly value: string }

const SALT = 'kiban-cache-1'
const LONGEST_SHOWN = 200

export type KeyInput = {
  readonly step: StepSpec
  /** What runs: script, argv or SQL text, before any value is put in. */
  readonly body: Json
  /** Values of the expressions of the body and of `env`, by variable. */
  readonly variables: Readonly<Record<string, PathText>>
  readonly env: Readonly<Record<string, PathText>>
  /** Variable → name of the secret. */
  readonly secretEnv: Readonly<Record<string, string>>
  /** What a sweep's search depends on besides its definition: the budget as evaluated, and the texts of `env` that use a trial. */
  readonly sweep: { readonly budget: Json; readonly env: Readonly<Record<string, string>> } | null
  readonly code: readonly ManifestFile[]
  readonly environment: {
    readonly name: string
    readonly lockHash: string | null
    readonly env: Readonly<Record<string, string | number | boolean>>
  } | null
  readonly inputs: Readonly<Record<string, { readonly tree: string; readonly type: string } | { readonly value: Json }>>
}

/** All that decides a step's result (project-file §4): not its name, resources, retries or time limit. */
export function keyParts(input: KeyInput): KeyPart[] {
  const { step } = input
  const ignored = new Set(typeof step.cache === 'object' ? (step.cache.ignore ?? []) : [])
  const parts: KeyPart[] = [{ part: 'body', name: step.sql === undefined ? 'run' : 'sql', value: shorten(input.body) }]
  if (step.sweep)
    parts.push({
      part: 'body',
      name: 'sweep',
      value: shorten(
        plain({
          space: step.sweep.space,
          objective: step.sweep.objective,
          sampler: step.sweep.sampler,
          budget: input.sweep?.budget ?? null,
          env: input.sweep?.env ?? {},
        }),
      ),
    })
  if (step.dir !== undefined) parts.push({ part: 'body', name: 'dir', value: step.dir })
  for (const [name, value] of Object.entries(input.variables))
    parts.push({ part: 'values', name, value: shorten(plain(value)) })
  for (const file of input.code)
    parts.push({ part: 'code', name: file.path, value: file.mode === 0o755 ? `${file.hash} executable` : file.hash })
  if (input.environment) {
    parts.push(
      { part: 'environment', name: input.environment.name, value: input.environment.lockHash ?? '' },
      { part: 'environment', name: 'platform', value: `${process.platform}-${process.arch}` },
    )
    for (const [name, value] of Object.entries(input.environment.env))
      parts.push({ part: 'env', name, value: shorten(String(value)) })
  }
  for (const [name, value] of Object.entries(input.inputs))
    if (!ignored.has(name))
      parts.push({
        part: 'inputs',
        name,
        value: 'tree' in value ? `${value.type} ${value.tree}` : shorten(canonicalJson(value.value)),
      })
  for (const [name, value] of Object.entries(input.env))
    if (!ignored.has(name)) parts.push({ part: 'env', name, value: shorten(plain(value)) })
  for (const [name, secret] of Object.entries(input.secretEnv)) parts.push({ part: 'secret', name, value: secret })
  for (const [name, output] of Object.entries(outputsOf(step)))
    parts.push({ part: 'outputs', name, value: output.optional ? `${output.type}, optional` : output.type })
  if (typeof step.cache === 'object' && step.cache.version !== undefined)
    parts.push({ part: 'version', name: 'version', value: step.cache.version })
  return parts.toSorted((a, b) => compare(`${a.part}/${a.name}`, `${b.part}/${b.name}`))
}

/** SHA-256 of the canonical JSON (RFC 8785) of the parts and a salt of the format. */
export function cacheKey(parts: readonly KeyPart[]): string {
  return sha256(canonicalJson({ salt: SALT, parts: parts.map(({ part, name, value }) => [part, name, value]) }))
}

/** What differs between two keys' parts. */
export function differences(before: readonly KeyPart[], after: readonly KeyPart[]): CacheDifference[] {
  const id = (part: KeyPart): string => `${part.part}\n${part.name}`
  const old = new Map(before.map((part) => [id(part), part]))
  const fresh = new Map(after.map((part) => [id(part), part]))
  const changed = after
    .filter((part) => old.get(id(part))?.value !== part.value)
    .map((part) => ({ part: part.part, name: part.name, before: old.get(id(part))?.value ?? null, after: part.value }))
  const gone = before
    .filter((part) => !fresh.has(id(part)))
    .map((part) => ({ part: part.part, name: part.name, before: part.value, after: null }))
  return [...changed, ...gone]
}

function shorten(value: Json): string {
  const text = typeof value === 'string' ? value : canonicalJson(value)
  return text.length <= LONGEST_SHOWN ? text : `sha256:${sha256(text)}`
}

/** A readonly or optional-keyed structure as plain JSON. */
function plain(value: unknown): Json {
  return JSON.parse(JSON.stringify(value)) as Json // what stringify wrote is JSON
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}
