import type { z } from 'zod'
import { nearest } from './file-error.ts'
import type { Finding } from './file-error.ts'
import { sameName } from './scalars.ts'
import { KNOWN_KEYS, UNKNOWN_KEY_MARK } from './shape.ts'

type Issue = z.core.$ZodIssue
type Path = readonly (string | number)[]

/** Turns the schema's issues into findings with codes, plain words and suggestions. `raw` is the value that was parsed. */
export function findingsOf(issues: readonly Issue[], raw: unknown): Finding[] {
  return issues.flatMap((issue) => convert(issue, [], raw))
}

function convert(issue: Issue, base: Path, raw: unknown): Finding[] {
  const path: Path = [...base, ...issue.path.map((part) => (typeof part === 'symbol' ? String(part) : part))]
  const shown = `\`${String(path.findLast((part) => typeof part === 'string') ?? 'the file')}\``
  switch (issue.code) {
    case 'unrecognized_keys':
      return issue.keys.map((key) => unknownKey(key, path, issue.message))
    case 'invalid_key':
      return [{ path, at: 'key', code: 'bad_name', message: badName(String(path.at(-1))) }]
    case 'invalid_type':
      if (valueAt(raw, path) === undefined)
        return [
          {
            path: path.slice(0, -1),
            at: 'key',
            code: 'missing_key',
            message: `${shown} is missing${path.length > 1 ? ` in \`${String(path.at(-2))}\`` : ''}`,
            hint: `expected ${plain(issue.expected)}`,
          },
        ]
      if (issue.message === 'unquoted_version')
        return [
          {
            path,
            at: 'value',
            code: 'unquoted_version',
            message: `${shown} is a number, so 3.10 would become 3.1`,
            hint: `put it in quotes: "${String(valueAt(raw, path))}"`,
          },
        ]
      return [wrongType(path, shown, plain(issue.expected), raw)]
    case 'invalid_union':
      return union(issue, path, shown, raw)
    case 'invalid_value': {
      const found = valueAt(raw, path)
      if (found === undefined)
        return [
          {
            path: path.slice(0, -1),
            at: 'key',
            code: 'missing_key',
            message: `${shown} is missing`,
            hint: `one of ${issue.values.map(String).join(', ')}`,
          },
        ]
      if (path.length === 1 && path[0] === 'kiban')
        return [
          {
            path,
            at: 'value',
            code: 'newer_format',
            message: `this file has format ${String(found)}; this version of Kiban reads format 1`,
            hint: 'update Kiban',
          },
        ]
      const near = typeof found === 'string' ? nearest(found, issue.values.map(String)) : undefined
      return [
        {
          path,
          at: 'value',
          code: typeof found === 'string' ? 'out_of_range' : 'wrong_type',
          message: `${show(found)} is not allowed for ${shown}; one of ${issue.values.map(String).join(', ')}`,
          ...(near ? { hint: `did you mean \`${near}\`?` } : {}),
        },
      ]
    }
    case 'invalid_format':
      if (issue.message === 'bad_name')
        return [{ path, at: 'value', code: 'bad_name', message: badName(String(valueAt(raw, path))) }]
      return [
        {
          path,
          at: 'value',
          code: 'out_of_range',
          message: `${show(valueAt(raw, path))} is not allowed for ${shown}: ${issue.message}`,
        },
      ]
    case 'too_small':
    case 'too_big': {
      const small = issue.code === 'too_small'
      const bound = small ? issue.minimum : issue.maximum
      const what = issue.origin === 'string' ? ' characters' : issue.origin === 'array' ? ' items' : ''
      const least = small
        ? issue.inclusive === false
          ? 'more than'
          : 'at least'
        : issue.inclusive === false
          ? 'less than'
          : 'at most'
      return [
        {
          path,
          at: 'value',
          code: 'out_of_range',
          message: `${shown} is ${show(valueAt(raw, path))}; ${least} ${String(bound)}${what} is allowed`,
        },
      ]
    }
    default:
      return [
        {
          path,
          at: 'value',
          code: issue.code === 'custom' ? 'out_of_range' : 'wrong_type',
          message: `${shown}: ${issue.message}`,
        },
      ]
  }
}

function unknownKey(key: string, path: Path, message: string): Finding {
  const kind = message.startsWith(UNKNOWN_KEY_MARK) ? message.slice(UNKNOWN_KEY_MARK.length) : ''
  const near =
    nearest(key, KNOWN_KEYS.get(kind) ?? []) ??
    (KNOWN_KEYS.get(kind) ?? []).find((known) => sameName(known) === sameName(key))
  const home = near ? undefined : [...KNOWN_KEYS].find(([other, known]) => other !== kind && known.includes(key))?.[0]
  const renamed = RENAMED[key]
  const hint = near
    ? `did you mean \`${near}\`?`
    : renamed
      ? `it is called \`${renamed}\` here`
      : home
        ? `\`${key}\` is a key of ${home}`
        : undefined
  return {
    path: [...path, key],
    at: 'key',
    code: 'unknown_key',
    message: `\`${key}\` is not a key of ${kind || 'this object'}`,
    ...(hint ? { hint } : {}),
  }
}

/** Words of other tools for what is here (project-file §11). */
const RENAMED: Readonly<Record<string, string>> = {
  foreach: 'matrix',
  with: 'inputs',
  script: 'run',
  command: 'run',
  depends_on: 'needs',
  dependsOn: 'needs',
}

/** A union failed: the branch that got furthest tells best what is wrong. */
function union(issue: Issue & { code: 'invalid_union' }, path: Path, shown: string, raw: unknown): Finding[] {
  const found = valueAt(raw, path)
  if (found === undefined)
    return [{ path: path.slice(0, -1), at: 'key', code: 'missing_key', message: `${shown} is missing` }]
  const branches = issue.errors.filter(
    (branch) =>
      !branch.some(
        (inner) =>
          inner.path.length === 0 &&
          (inner.code === 'invalid_type' || (inner.code === 'invalid_value' && typeof found === 'object')),
      ),
  )
  const best = branches.find((branch) => !branch.some((inner) => inner.path.length === 0)) ?? branches[0]
  if (best) return best.flatMap((inner) => convert(inner, path, raw))
  const expected = issue.errors
    .flat()
    .flatMap((inner) =>
      inner.code === 'invalid_type'
        ? [plain(inner.expected)]
        : inner.code === 'invalid_value'
          ? inner.values.map(String)
          : [],
    )
  return [wrongType(path, shown, [...new Set(expected)].join(' or '), raw)]
}

function wrongType(path: Path, shown: string, expected: string, raw: unknown): Finding {
  const found = valueAt(raw, path)
  return {
    path,
    at: 'value',
    code: 'wrong_type',
    message: `${shown} is ${show(found)}; expected ${expected || 'another type'}`,
  }
}

function badName(name: string): string {
  return `\`${name}\` is not a name: a letter, then at most 62 letters, digits, - or _`
}

function plain(expected: string): string {
  const words: Readonly<Record<string, string>> = {
    string: 'a text',
    number: 'a number',
    int: 'a whole number',
    boolean: 'true or false',
    array: 'a list',
    object: 'a map',
    record: 'a map',
    null: 'nothing',
  }
  return words[expected] ?? expected
}

function show(value: unknown): string {
  if (value === undefined || value === null) return 'empty'
  if (Array.isArray(value)) return 'a list'
  if (typeof value === 'object') return 'a map'
  const json = JSON.stringify(value)
  return json.length > 60 ? `${json.slice(0, 59)}…` : json
}

function valueAt(raw: unknown, path: Path): unknown {
  let value = raw
  for (const part of path) {
    if (typeof value !== 'object' || value === null) return undefined
    value = Reflect.get(value, part)
  }
  return value
}
