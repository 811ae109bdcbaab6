import { AppError } from '@kiban/kit/errors'

/** `metric` and friends are rows by key; `attribute` is a column of the thing itself. */
export type SearchEntity = 'metric' | 'param' | 'tag' | 'attribute' | 'dataset'
export type SearchOperator =
  | '='
  | '!='
  | '<'
  | '<='
  | '>'
  | '>='
  | 'LIKE'
  | 'ILIKE'
  | 'IN'
  | 'NOT IN'
  | 'IS NULL'
  | 'IS NOT NULL'
  | 'BETWEEN'

export type Comparison = {
  readonly kind: 'comparison'
  readonly entity: SearchEntity
  /** Key of the row, or name of the attribute after its aliases were resolved. */
  readonly key: string
  /** What of a metric is compared: its latest value unless `min(…)` or `max(…)` was asked for. */
  readonly of: 'latest' | 'min' | 'max'
  readonly operator: SearchOperator
  /** A number, a text, a list (IN), two numbers (BETWEEN), or nothing (IS NULL). */
  readonly value: number | string | readonly string[] | readonly number[] | null
}
export type Filter =
  | Comparison
  | { readonly kind: 'and' | 'or'; readonly terms: readonly Filter[] }
  | { readonly kind: 'not'; readonly term: Filter }

/** What a field may be compared by. `list`: also IN and NOT IN. `nullable`: also IS [NOT] NULL. */
export type FieldRule = {
  readonly entity: SearchEntity
  readonly key: string
  readonly type: 'number' | 'text'
  readonly list: boolean
  readonly nullable: boolean
}

/** The names that one kind of search knows; a prefix is what stands before the first dot. */
export type SearchVocabulary = {
  /** Field for `prefix.key` or a lone `key`; undefined when there is none. */
  readonly field: (prefix: string | undefined, key: string) => FieldRule | undefined
  /** For the message when a field is unknown. */
  readonly valid: string
  /** MLflow's logged-model search takes text without quotes. */
  readonly bareText?: boolean
}

export type ParseOptions = {
  /** Kiban's own extension: OR, NOT, parentheses, IN on every text, BETWEEN, min(metrics.x), max(metrics.x). */
  readonly extended?: boolean
}

const MAX_LENGTH = 100_000
const MAX_TERMS = 500
const MAX_DEPTH = 32

type Token = {
  readonly type: 'word' | 'number' | 'text' | 'backtick' | 'operator' | 'open' | 'close' | 'comma' | 'end'
  readonly text: string
  readonly raw: string
  readonly at: number
}

/**
 * Parses a filter in the search grammar of MLflow (reference/mlflow.md §2.1), or in Kiban's strict superset of it. Returns undefined
 * for an empty filter. Throws `filter_invalid` with the position of the token that is wrong.
 */
export function parseFilter(
  text: string,
  vocabulary: SearchVocabulary,
  options: ParseOptions = {},
): Filter | undefined {
  if (text.length > MAX_LENGTH)
    throw invalid(`The filter has ${text.length} characters; at most ${MAX_LENGTH} are allowed.`, 0, text.length)
  const tokens = tokenize(text)
  if (tokens.length === 1) return undefined
  return new FilterParser(tokens, vocabulary, options.extended ?? false).parse()
}

/** A refusal that marks `length` characters at `position` of the text. */
export function invalid(message: string, position: number, length: number): AppError {
  return new AppError('filter_invalid', { message, details: { position, length: Math.max(1, length) } })
}

const TOKEN =
  /\s+|(?<text>'(?:[^']|'')*'|"(?:[^"]|"")*")|(?<backtick>`[^`]+`)|(?<number>[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?(?![\w]))|(?<operator>!=|<=|>=|=|<|>)|(?<open>\()|(?<close>\))|(?<comma>,)|(?<word>[\p{L}_][\p{L}\p{N}_/.:-]*)/uy

function tokenize(text: string): Token[] {
  const tokens: Token[] = []
  TOKEN.lastIndex = 0
  let at = 0
  while (at < text.length) {
    TOKEN.lastIndex = at
    const match = TOKEN.exec(text)
    if (!match) throw invalid(`Invalid clause(s) in filter string: ${JSON.stringify(text.slice(at, at + 40))}`, at, 1)
    const raw = match[0]
    const found = Object.entries(match.groups ?? {}).find(([, value]) => value !== undefined)
    // The named groups of TOKEN are token types.
    if (found) tokens.push({ type: found[0] as Token['type'], raw, at, text: unquote(found[0], raw) })
    at += raw.length
  }
  tokens.push({ type: 'end', text: '', raw: 'the end', at })
  return tokens
}

function unquote(type: string, raw: string): string {
  if (type === 'backtick') return raw.slice(1, -1)
  if (type !== 'text') return raw
  const quote = raw.charAt(0)
  return raw.slice(1, -1).replaceAll(quote + quote, quote)
}

/** Recursive descent over the tokens: or > and > not > comparison. A class because the position is its life. */
class FilterParser {
  readonly #tokens: readonly Token[]
  readonly #vocabulary: SearchVocabulary
  readonly #extended: boolean
  #next = 0
  #terms = 0

  constructor(tokens: readonly Token[], vocabulary: SearchVocabulary, extended: boolean) {
    this.#tokens = tokens
    this.#vocabulary = vocabulary
    this.#extended = extended
  }

  parse(): Filter {
    const filter = this.#or(0)
    const rest = this.#peek()
    if (rest.type !== 'end') throw this.#unexpected(rest)
    return filter
  }

  #or(depth: number): Filter {
    if (depth > MAX_DEPTH) throw this.#error('The filter is nested too deep.', this.#peek())
    const terms = [this.#and(depth)]
    while (this.#extended && this.#isWord('or')) {
      this.#take()
      terms.push(this.#and(depth))
    }
    return terms.length === 1 ? (terms[0] as Filter) : { kind: 'or', terms } // one term, so the first exists
  }

  #and(depth: number): Filter {
    const terms = [this.#not(depth)]
    while (this.#isWord('and')) {
      this.#take()
      if (this.#peek().type === 'end') break // MLflow tolerates a trailing AND
      terms.push(this.#not(depth))
    }
    return terms.length === 1 ? (terms[0] as Filter) : { kind: 'and', terms } // one term, so the first exists
  }

  #not(depth: number): Filter {
    if (this.#extended && this.#isWord('not')) {
      this.#take()
      if (depth > MAX_DEPTH) throw this.#error('The filter is nested too deep.', this.#peek())
      return { kind: 'not', term: this.#not(depth + 1) }
    }
    if (this.#extended && this.#peek().type === 'open') {
      this.#take()
      const inner = this.#or(depth + 1)
      this.#expect('close', '")"')
      return inner
    }
    return this.#comparison()
  }

  #comparison(): Filter {
    this.#terms += 1
    if (this.#terms > MAX_TERMS) throw this.#error(`The filter has more than ${MAX_TERMS} comparisons.`, this.#peek())
    const start = this.#peek()
    const of = this.#aggregate()
    const field = this.#field()
    if (of !== 'latest') this.#expect('close', '")"')
    if (of !== 'latest' && field.entity !== 'metric') throw this.#error(`${of}(…) takes a metric.`, start)
    const base = { kind: 'comparison', entity: field.entity, key: field.key, of } as const
    const token = this.#take()
    if (token.type === 'operator') {
      const value = this.#value(field, token.text)
      if (field.type === 'text' && token.text !== '=' && token.text !== '!=') throw this.#badOperator(field, token)
      return { ...base, operator: token.text as SearchOperator, value } // the tokenizer knows only these operators
    }
    const word = token.text.toUpperCase()
    if (token.type !== 'word') throw this.#unexpected(token)
    if (word === 'IS') return { ...base, operator: this.#isNull(field, token), value: null }
    if (word === 'LIKE' || word === 'ILIKE') {
      if (field.type !== 'text') throw this.#badOperator(field, token)
      return { ...base, operator: word, value: this.#value(field, word) }
    }
    if (word === 'IN' || (word === 'NOT' && this.#isWord('in'))) {
      if (word === 'NOT') this.#take()
      if (!field.list && !(this.#extended && field.type === 'text')) throw this.#noList(field, token)
      return { ...base, operator: word === 'IN' ? 'IN' : 'NOT IN', value: this.#list(field) }
    }
    if (word === 'BETWEEN' && this.#extended && field.type === 'number') {
      const low = this.#number(field)
      if (!this.#isWord('and')) throw this.#unexpected(this.#peek())
      this.#take()
      return { ...base, operator: 'BETWEEN', value: [low, this.#number(field)] }
    }
    throw this.#unexpected(token)
  }

  #aggregate(): Comparison['of'] {
    const word = this.#peek().text.toLowerCase()
    if (!this.#extended || (word !== 'min' && word !== 'max') || this.#tokens[this.#next + 1]?.type !== 'open')
      return 'latest'
    this.#take()
    this.#take()
    return word
  }

  #field(): FieldRule {
    const token = this.#take()
    if (token.type !== 'word' && token.type !== 'backtick' && token.type !== 'text') throw this.#unexpected(token)
    let prefix: string | undefined
    let key = token.text
    if (token.type === 'word') {
      if (['and', 'or', 'not'].includes(token.text.toLowerCase())) throw this.#unexpected(token)
      const dot = token.text.indexOf('.')
      if (dot >= 0) {
        prefix = token.text.slice(0, dot)
        key = token.text.slice(dot + 1)
        const quoted = this.#peek()
        if (
          key === '' &&
          (quoted.type === 'backtick' || quoted.type === 'text') &&
          quoted.at === token.at + token.raw.length
        )
          key = this.#take().text
      }
    }
    const field = key === '' ? undefined : this.#vocabulary.field(prefix, key)
    if (!field)
      throw this.#error(
        `Invalid search field ${JSON.stringify(token.text.slice(0, 100))}. Valid are ${this.#vocabulary.valid}.`,
        token,
      )
    return field
  }

  #value(field: FieldRule, operator: string): number | string {
    return field.type === 'number' ? this.#number(field) : this.#text(field, operator)
  }

  #number(field: FieldRule): number {
    const token = this.#take()
    if (token.type !== 'number')
      throw this.#error(
        `Expected numeric value type for ${field.entity === 'attribute' ? `numeric attribute: ${field.key}` : field.entity}. Found ${token.text.slice(0, 100)}`,
        token,
      )
    return Number(token.text)
  }

  #text(field: FieldRule, operator: string): string {
    const token = this.#take()
    if (token.type === 'text') return token.text
    if (this.#vocabulary.bareText && (token.type === 'word' || token.type === 'number')) return token.text
    const noun = field.entity === 'param' ? 'parameter' : field.entity === 'attribute' ? 'attribute' : field.entity
    if (token.type === 'open' && field.entity === 'attribute') throw this.#noList(field, token)
    throw this.#error(
      `Expected a quoted string value for ${noun} (e.g. 'my-value') after ${operator}. Got value ${token.raw.slice(0, 100)}`,
      token,
    )
  }

  #list(field: FieldRule): string[] {
    this.#expect('open', "a list such as ('a', 'b')")
    const values: string[] = []
    do {
      const token = this.#take()
      if (token.type !== 'text')
        throw this.#error(
          `While parsing a list in the query, expected string value, punctuation, or whitespace, but got different type in list: ${token.raw.slice(0, 100)} (field ${field.key})`,
          token,
        )
      values.push(token.text)
    } while (this.#peek().type === 'comma' && this.#take())
    this.#expect('close', '")"')
    return values
  }

  #isNull(field: FieldRule, is: Token): 'IS NULL' | 'IS NOT NULL' {
    if (!field.nullable) throw this.#badOperator(field, is)
    const not = this.#isWord('not')
    if (not) this.#take()
    if (!this.#isWord('null')) throw this.#unexpected(this.#peek())
    this.#take()
    return not ? 'IS NOT NULL' : 'IS NULL'
  }

  #isWord(word: string): boolean {
    const token = this.#peek()
    return token.type === 'word' && token.text.toLowerCase() === word
  }

  #peek(): Token {
    return this.#tokens[this.#next] as Token // the last token is `end` and is never passed
  }

  #take(): Token {
    const token = this.#peek()
    if (token.type !== 'end') this.#next += 1
    return token
  }

  #expect(type: Token['type'], what: string): void {
    const token = this.#take()
    if (token.type !== type)
      throw this.#error(
        `Invalid clause(s) in filter string: expected ${what}, found ${JSON.stringify(token.raw.slice(0, 40))}`,
        token,
      )
  }

  #badOperator(field: FieldRule, token: Token): AppError {
    const noun = field.type === 'number' ? 'a number takes =, !=, <, <=, >, >=' : 'a text takes =, !=, LIKE, ILIKE'
    return this.#error(
      `Invalid comparison operator ${JSON.stringify(token.raw)} for ${field.entity} ${JSON.stringify(field.key.slice(0, 100))}: ${noun}.`,
      token,
    )
  }

  #noList(field: FieldRule, token: Token): AppError {
    if (field.entity === 'attribute')
      return this.#error("Only the 'run_id' attribute supports comparison with a list of quoted string values.", token)
    return this.#badOperator(field, token)
  }

  #unexpected(token: Token): AppError {
    return this.#error(
      `Invalid clause(s) in filter string: ${token.type === 'end' ? 'it ends too early' : `'${token.raw.slice(0, 100)}'`}`,
      token,
    )
  }

  #error(message: string, token: Token): AppError {
    return invalid(message, token.at, token.type === 'end' ? 1 : token.raw.length)
  }
}
