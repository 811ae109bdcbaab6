import { invalid } from './search-grammar.ts'
import type { FieldRule, SearchVocabulary } from './search-grammar.ts'

export type Order = { readonly field: FieldRule; readonly descending: boolean; readonly of: 'latest' | 'min' | 'max' }

const CLAUSE =
  /^\s*(?:(?<aggregate>min|max)\s*\(\s*)?(?:(?<prefix>[\p{L}_]\w*)\.)?(?:`(?<backtick>[^`]+)`|"(?<quoted>[^"]+)"|(?<bare>[^\s`"()]+))\s*(?<close>\))?(?:\s+(?<direction>asc|desc))?\s*$/iu

/** Parses `order_by` clauses such as `metrics.auc DESC`. Throws `filter_invalid`, also when a field is named twice. */
export function parseOrderBy(clauses: readonly string[], vocabulary: SearchVocabulary): Order[] {
  const seen = new Set<string>()
  return clauses.map((clause) => {
    const parts = clause.length <= 1000 ? CLAUSE.exec(clause)?.groups : undefined
    if (!parts || (parts['aggregate'] === undefined) !== (parts['close'] === undefined))
      throw invalid(
        `Invalid order_by clause '${clause.slice(0, 100)}'. Give a field and optionally ASC or DESC, such as "metrics.auc DESC".`,
        0,
        clause.length,
      )
    const key = parts['backtick'] ?? parts['quoted'] ?? parts['bare'] ?? ''
    const field = vocabulary.field(parts['prefix'], key)
    if (!field || field.entity === 'dataset')
      throw invalid(
        `Invalid order_by entity '${clause.slice(0, 100)}'. Valid are ${vocabulary.valid}.`,
        0,
        clause.length,
      )
    // `of` is only ever min, max or absent: the expression allows nothing else.
    const of = (parts['aggregate']?.toLowerCase() ?? 'latest') as Order['of']
    if (of !== 'latest' && field.entity !== 'metric')
      throw invalid(`${of}(…) takes a metric, not '${key}'.`, 0, clause.length)
    const identity = `${field.entity} ${field.key}`
    if (seen.has(identity))
      throw invalid(`\`order_by\` contains duplicate fields: '${key}'. Name each field once.`, 0, clause.length)
    seen.add(identity)
    return { field, descending: parts['direction']?.toLowerCase() === 'desc', of }
  })
}
