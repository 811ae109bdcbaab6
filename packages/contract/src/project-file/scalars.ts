import { z } from 'zod'

const DURATION = /^(\d+(?:\.\d+)?)(ms|s|m|h|d|mo)$/
const SIZE = /^(\d+(?:\.\d+)?)(Ki|Mi|Gi|Ti|B|KB|MB|GB|TB)?$/

const MS: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 }
const BYTES: Readonly<Record<string, number>> = {
  B: 1,
  KB: 1e3,
  MB: 1e6,
  GB: 1e9,
  TB: 1e12,
  Ki: 2 ** 10,
  Mi: 2 ** 20,
  Gi: 2 ** 30,
  Ti: 2 ** 40,
}

/** Calendar months and milliseconds: `1mo` is a month of the calendar, never 30 days. */
export type DurationParts = { readonly months: number; readonly ms: number }

/** Reads `2ms 10s 5m 2h 7d 1mo` (project-file §1); undefined for anything else. */
export function parseDuration(text: string): DurationParts | undefined {
  const match = DURATION.exec(text)
  if (!match) return undefined
  const amount = Number(match[1])
  const unit = match[2] ?? ''
  if (unit === 'mo') return Number.isInteger(amount) ? { months: amount, ms: 0 } : undefined
  return { months: 0, ms: Math.round(amount * (MS[unit] ?? 0)) }
}

/** A duration in milliseconds; a month counts as 30 days. Throws a RangeError on a text that is no duration. */
export function durationMs(text: string): number {
  const parts = parseDuration(text)
  if (!parts) throw new RangeError(`${JSON.stringify(text)} is not a duration such as 10s, 5m, 2h, 7d or 1mo`)
  return parts.ms + parts.months * 30 * 86_400_000
}

/** Adds a duration to an instant, months by the UTC calendar: 31 January + 1mo is the last day of February. */
export function addDuration(atMs: number, parts: DurationParts, sign: 1 | -1 = 1): number {
  if (parts.months === 0) return atMs + sign * parts.ms
  const date = new Date(atMs)
  const day = date.getUTCDate()
  date.setUTCDate(1)
  date.setUTCMonth(date.getUTCMonth() + sign * parts.months)
  const lastDay = new Date(Date.UTC(date.getUTCFullYear(), date.getUTCMonth() + 1, 0)).getUTCDate()
  date.setUTCDate(Math.min(day, lastDay))
  return date.getTime() + sign * parts.ms
}

/** Reads `512Mi 24GB 100` in bytes; undefined for anything else. */
export function parseSize(text: string | number): number | undefined {
  if (typeof text === 'number') return Number.isFinite(text) && text >= 0 ? Math.round(text) : undefined
  const match = SIZE.exec(text)
  if (!match) return undefined
  return Math.round(Number(match[1]) * (BYTES[match[2] ?? 'B'] ?? 1))
}

/** `[A-Za-z][A-Za-z0-9_-]{0,62}`. */
export const NAME_PATTERN = /^[A-Za-z][A-Za-z0-9_-]{0,62}$/

/** Names that differ only in case, `-` and `_` are the same name. */
export function sameName(name: string): string {
  return name.toLowerCase().replaceAll(/[-_]/g, '')
}

export const Duration = z
  .string()
  .regex(DURATION, 'expected a duration such as 500ms, 10s, 5m, 2h, 7d or 1mo')
  .meta({ id: 'Duration' })
export const Size = z
  .union([z.number().nonnegative(), z.string().regex(SIZE, 'expected a size such as 512Mi or 24GB')])
  .meta({ id: 'Size' })

/** A whole value that is an expression; parts of a text are checked separately. */
export const ExpressionText = z
  .string()
  .regex(/\$\{\{[\s\S]*\}\}/, 'expected an expression ${{ … }}')
  .meta({ id: 'Expression' })

/** A value of this schema, or an expression that gives one when it is known. */
export function orExpression<S extends z.ZodType>(schema: S): z.ZodUnion<[S, typeof ExpressionText]> {
  return z.union([schema, ExpressionText])
}

/** A path from the project root that never leaves it. */
export const ProjectPath = z
  .string()
  .min(1)
  .max(1024)
  .refine(
    (path) => !path.startsWith('/') && !/^[A-Za-z]:/.test(path) && !path.split(/[\\/]/).includes('..'),
    'expected a path from the project root that stays inside it',
  )

export const PARAM_TYPES = [
  'string',
  'int',
  'float',
  'bool',
  'date',
  'datetime',
  'duration',
  'json',
  'secret',
  'dataset',
  'model',
  'file',
  'folder',
] as const
export type ParamTypeName = (typeof PARAM_TYPES)[number]
export const ARTIFACT_TYPES: readonly string[] = ['dataset', 'model', 'file', 'folder']

export const ParamType = z
  .string()
  .refine(
    (text) => (PARAM_TYPES as readonly string[]).includes(text.endsWith('[]') ? text.slice(0, -2) : text),
    `expected one of ${PARAM_TYPES.join(', ')}, or a list such as int[]`,
  )

/** A reference to a version of a data set, model or feature service. `project` only in `datasets://other/x`. */
export type Uri = {
  readonly kind: 'datasets' | 'models' | 'features'
  readonly project?: string
  readonly name: string
  /** Absent: the newest. */
  readonly version?: number
  readonly tag?: string
}

/** Reads `datasets:/x`, `/x/31`, `/x@tag`, `datasets://other/x`, `models:/m/3`, `models:/m@production`, `features:/service`. */
export function parseUri(text: string): Uri | undefined {
  const match =
    /^(datasets|models|features):\/(?:\/([A-Za-z][\w-]{0,62})\/)?([A-Za-z][\w-]{0,62})(?:\/(\d{1,9})|@([\w:.+-]{1,64}))?$/.exec(
      text,
    )
  if (!match) return undefined
  const [, kind, project, name, version, tag] = match
  return {
    kind: kind as Uri['kind'], // the pattern's first group has only these three
    name: name ?? '',
    ...(project ? { project } : {}),
    ...(version ? { version: Number(version) } : {}),
    ...(tag ? { tag } : {}),
  }
}

/** True for a text that means to be a URI of ours, well formed or not. */
export function looksLikeUri(text: string): boolean {
  return /^(datasets|models|features):\//.test(text)
}
