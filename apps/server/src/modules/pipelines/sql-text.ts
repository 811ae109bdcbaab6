import type { Json } from '@kiban/contract/primitives'

/** A `$name` in a SQL text that no parameter gives. */
export class UnknownParameter extends Error {}

/**
 * Puts literals in place of `$name`, outside strings, comments, quoted names and dollar quotes. A text becomes one quoted literal, so no
 * value can become SQL; unlike a bound parameter it may stand in a view, and takes the type of what it is compared with.
 */
export function fillParameters(sql: string, values: Readonly<Record<string, Json>>): string {
  let out = ''
  let i = 0
  while (i < sql.length) {
    const rest = sql.slice(i)
    const opaque = /^(?:'(?:[^']|'')*'|"(?:[^"]|"")*"|--[^\n]*|\/\*[\s\S]*?\*\/)/.exec(rest) ?? dollarQuote(rest)
    if (opaque) {
      out += opaque[0]
      i += opaque[0].length
      continue
    }
    const parameter = /^\$([A-Za-z_][A-Za-z0-9_]*)/.exec(rest)
    if (parameter) {
      const name = parameter[1] ?? ''
      const value = Object.hasOwn(values, name) ? values[name] : undefined
      if (value === undefined)
        throw new UnknownParameter(
          `$${name} is not an input of the step; there is ${
            Object.keys(values)
              .map((key) => `$${key}`)
              .join(', ') || 'no value'
          }`,
        )
      out += literal(value)
      i += parameter[0].length
      continue
    }
    // A name or number may contain $ and is copied whole.
    const word = /^[A-Za-z0-9_][A-Za-z0-9_$]*/.exec(rest)
    out += word ? word[0] : (sql[i] ?? '')
    i += word ? word[0].length : 1
  }
  return out
}

/** `$tag$ … $tag$`. */
function dollarQuote(text: string): RegExpExecArray | null {
  return /^\$([A-Za-z_][A-Za-z0-9_]*)?\$[\s\S]*?\$\1\$/.exec(text)
}

function literal(value: Json): string {
  if (value === null) return 'NULL'
  if (typeof value === 'number' || typeof value === 'boolean')
    return typeof value === 'number' && value < 0 ? `(${value})` : String(value)
  if (typeof value === 'string') return quote(value)
  if (Array.isArray(value)) return `[${value.map(literal).join(', ')}]`
  return quote(JSON.stringify(value))
}

function quote(text: string): string {
  return `'${text.replaceAll("'", "''")}'`
}
