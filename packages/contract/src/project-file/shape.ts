import { z } from 'zod'
import { NAME_PATTERN } from './scalars.ts'

/** Every object of the language takes these (project-file §2). */
const COMMON = {
  description: z.string().optional(),
  owner: z.string().optional(),
  labels: z.record(z.string(), z.string()).optional(),
  renamedFrom: z.string().regex(NAME_PATTERN).optional(),
}

/** What an object of each kind may contain; for suggestions. Filled as the schemas are built. */
export const KNOWN_KEYS = new Map<string, readonly string[]>()

/** Marks the message of an `unrecognized_keys` issue with the kind of object it is in. */
export const UNKNOWN_KEY_MARK = 'unknown key of '

/** An object of the language: `kind` names it in errors (`a step`); unknown keys are refused, `x-*` keys are dropped by the parser. */
export function keys<S extends z.ZodRawShape>(kind: string, shape: S): z.ZodObject<S & typeof COMMON, z.core.$strict> {
  KNOWN_KEYS.set(kind, [...Object.keys(shape), ...Object.keys(COMMON)])
  return z.strictObject(
    { ...COMMON, ...shape },
    { error: (issue) => (issue.code === 'unrecognized_keys' ? UNKNOWN_KEY_MARK + kind : undefined) },
  )
}

/** A map from user-given names; absent means empty. */
export function named<S extends z.ZodType>(value: S): z.ZodRecord<z.ZodString, S> {
  return z.record(z.string().regex(NAME_PATTERN, 'bad_name'), value)
}

/** One value or a list of them; gives the list. */
export function oneOrMore<S extends z.ZodType>(item: S) {
  return z.union([z.array(item), item])
}
