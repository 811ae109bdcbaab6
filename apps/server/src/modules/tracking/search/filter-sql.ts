import { sql } from 'kysely'
import type { RawBuilder } from 'kysely'
import type { Comparison, Filter } from './search-grammar.ts'

type Condition = RawBuilder<boolean>
// LIKE must not take the backslash as its escape (PostgreSQL does by default), so a character that no text has is named instead.
const NO_ESCAPE = '\u0001'

/** Turns a filter into one SQL condition; `compare` makes the condition of one comparison. */
export function filterCondition(filter: Filter, compare: (comparison: Comparison) => Condition): Condition {
  if (filter.kind === 'comparison') return compare(filter)
  if (filter.kind === 'not') return sql<boolean>`not (${filterCondition(filter.term, compare)})`
  const glue = filter.kind === 'and' ? sql` and ` : sql` or `
  return sql<boolean>`(${sql.join(
    filter.terms.map((term) => filterCondition(term, compare)),
    glue,
  )})`
}

/** `column operator value` with bound values; LIKE is case-sensitive, ILIKE is not. */
export function compareColumn(
  column: RawBuilder<unknown>,
  { operator, value }: Pick<Comparison, 'operator' | 'value'>,
): Condition {
  switch (operator) {
    case 'LIKE':
      return sql<boolean>`${column} like ${String(value)} escape ${NO_ESCAPE}`
    case 'ILIKE':
      return sql<boolean>`lower(${column}) like ${String(value).toLowerCase()} escape ${NO_ESCAPE}`
    case 'IN':
    case 'NOT IN': {
      const list = Array.isArray(value) ? value : [value]
      return operator === 'IN'
        ? sql<boolean>`${column} in (${sql.join(list)})`
        : sql<boolean>`${column} not in (${sql.join(list)})`
    }
    case 'BETWEEN': {
      const [low, high] = Array.isArray(value) ? value : [value, value]
      return sql<boolean>`${column} between ${low} and ${high}`
    }
    case 'IS NULL':
      return sql<boolean>`${column} is null`
    case 'IS NOT NULL':
      return sql<boolean>`${column} is not null`
    default:
      return sql<boolean>`${column} ${sql.raw(operator)} ${value}` // the parser knows only = != < <= > >= besides
  }
}

/** `exists` of a row `key = ? and <condition>` in a table that hangs on `owner`; for IS NULL, its absence. */
export function keyedCondition(input: {
  table: string
  owner: RawBuilder<unknown>
  ownerColumn: string
  column: RawBuilder<unknown>
  comparison: Comparison
}): Condition {
  const { comparison } = input
  const rows = sql`select 1 from ${sql.table(input.table)} k where ${sql.ref(`k.${input.ownerColumn}`)} = ${input.owner} and k.key = ${comparison.key}`
  if (comparison.operator === 'IS NULL') return sql<boolean>`not exists (${rows})`
  if (comparison.operator === 'IS NOT NULL') return sql<boolean>`exists (${rows})`
  return sql<boolean>`exists (${rows} and ${compareColumn(input.column, comparison)})`
}
