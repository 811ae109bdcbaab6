import { describe, expect, test } from 'vitest'
import { AppError } from '@kiban/kit/errors'
import { seededRandom } from '@kiban/kit/statistics/random'
import { parseOrderBy } from './order-by.ts'
import { RUN_VOCABULARY } from './run-vocabulary.ts'
import { parseFilter } from './search-grammar.ts'
import type { Filter } from './search-grammar.ts'

const strict = (text: string) => parseFilter(text, RUN_VOCABULARY)
const extended = (text: string) => parseFilter(text, RUN_VOCABULARY, { extended: true })
const refusal = (parse: () => unknown): AppError => {
  try {
    parse()
  } catch (error) {
    if (error instanceof AppError) return error
    throw error
  }
  throw new Error('was accepted')
}

describe('the MLflow search grammar', () => {
  test('reads metrics, params, tags and attributes with all their prefixes', () => {
    for (const prefix of ['metric', 'metrics'])
      expect(strict(`${prefix}.auc >= -1e0`)).toMatchObject({ entity: 'metric', key: 'auc', operator: '>=', value: -1 })
    for (const prefix of ['param', 'params', 'parameter', 'parameters'])
      expect(strict(`${prefix}.x != "a"`)).toMatchObject({ entity: 'param', key: 'x', operator: '!=', value: 'a' })
    for (const prefix of ['', 'attribute.', 'attributes.', 'attr.', 'run.'])
      expect(strict(`${prefix}status = 'FINISHED'`)).toMatchObject({ entity: 'attribute', key: 'status' })
    expect(strict("tags.`a b` ilike '%x%'")).toMatchObject({
      entity: 'tag',
      key: 'a b',
      operator: 'ILIKE',
      value: '%x%',
    })
    expect(strict("tags.\"mlflow.user\" = 'it''s'")).toMatchObject({ key: 'mlflow.user', value: "it's" })
    expect(strict('tags.mlflow.parentRunId = "1"')).toMatchObject({ key: 'mlflow.parentRunId' })
    expect(strict('`Run name` = "a"')).toMatchObject({ key: 'run_name' })
  })

  test('an empty filter matches everything and a trailing AND is tolerated', () => {
    expect(strict('  ')).toBeUndefined()
    expect(strict('metrics.a > 1 and ')).toMatchObject({ kind: 'comparison' })
  })

  test('lists are for run_id and datasets only, IS NULL for params and tags only', () => {
    expect(strict("run_id IN ('a', 'b')")).toMatchObject({ operator: 'IN', value: ['a', 'b'] })
    expect(strict("datasets.name not in ('a')")).toMatchObject({ operator: 'NOT IN' })
    expect(strict('params.x IS NOT NULL')).toMatchObject({ operator: 'IS NOT NULL', value: null })
    expect(refusal(() => strict("status IN ('a')")).message).toBe(
      "Only the 'run_id' attribute supports comparison with a list of quoted string values.",
    )
    expect(refusal(() => strict('metrics.x IS NULL')).code).toBe('filter_invalid')
  })

  test('refuses OR, NOT and parentheses as MLflow does, and says where', () => {
    const error = refusal(() => strict('metrics.a > 1 or metrics.b > 2'))
    expect(error.message).toBe("Invalid clause(s) in filter string: 'or'")
    expect(error.details).toEqual({ position: 14, length: 2 })
    for (const text of [
      '(metrics.a > 1)',
      'not metrics.a > 1',
      'metrics.a',
      'metrics.a >',
      'metrics.a > 1 metrics.b > 2',
      'and',
      "metrics.a > 'a'",
      'params.a = 1',
      'params.a > "x"',
      'experiment_id = "1"',
      'foo.a = 1',
      'metrics. = 1',
      "'",
    ])
      expect(refusal(() => strict(text)).code, text).toBe('filter_invalid')
  })

  test('the superset has OR, NOT, parentheses, IN, BETWEEN, min and max', () => {
    expect(extended("not (metrics.a > 1 or params.o in ('x','y')) and max(metrics.b) between 0 and 1")).toEqual({
      kind: 'and',
      terms: [
        {
          kind: 'not',
          term: {
            kind: 'or',
            terms: [
              { kind: 'comparison', entity: 'metric', key: 'a', of: 'latest', operator: '>', value: 1 },
              { kind: 'comparison', entity: 'param', key: 'o', of: 'latest', operator: 'IN', value: ['x', 'y'] },
            ],
          },
        },
        { kind: 'comparison', entity: 'metric', key: 'b', of: 'max', operator: 'BETWEEN', value: [0, 1] },
      ],
    })
    expect(refusal(() => extended('('.repeat(100) + 'metrics.a > 1')).message).toContain('too deep')
    expect(refusal(() => extended('not '.repeat(100) + 'metrics.a > 1')).message).toContain('too deep')
  })

  test('whatever is printed from a tree parses back to that tree (property)', () => {
    const random = seededRandom(7)
    for (let i = 0; i < 2000; i++) {
      const tree = randomFilter(random.below, 3)
      expect(extended(print(tree))).toEqual(tree)
    }
  })

  test('no text makes the parser fail in another way than by refusing (property)', () => {
    const random = seededRandom(11)
    const pieces = [
      'metrics.a',
      'params.`b c`',
      "'x'",
      '"',
      '`',
      '(',
      ')',
      'AND',
      'or',
      'not',
      '<',
      '>=',
      '!',
      '1e5',
      '-',
      '.',
      ',',
      'IN',
      'is',
      'null',
      'LIKE',
      ' ',
      '\u0000',
      '日本',
      '\\',
      ';',
      'min(',
    ]
    for (let i = 0; i < 5000; i++) {
      const text = Array.from({ length: random.below(12) }, () => pieces[random.below(pieces.length)]).join(
        random.below(2) ? ' ' : '',
      )
      for (const parse of [strict, extended])
        try {
          parse(text)
        } catch (error) {
          expect((error as AppError).code, text).toBe('filter_invalid')
        }
    }
  })
})

test('order_by takes fields with a direction, once each', () => {
  expect(
    parseOrderBy(['metrics.auc DESC', 'params."a b"', '`Created` asc', 'max(metrics.x) desc'], RUN_VOCABULARY),
  ).toMatchObject([
    { field: { entity: 'metric', key: 'auc' }, descending: true, of: 'latest' },
    { field: { entity: 'param', key: 'a b' }, descending: false },
    { field: { entity: 'attribute', key: 'start_time' } },
    { field: { key: 'x' }, of: 'max', descending: true },
  ])
  for (const clauses of [
    ['metrics.a', 'metric.a DESC'],
    ['nothing'],
    ['datasets.name'],
    ['metrics.a sideways'],
    [''],
    ['max(metrics.a'],
  ])
    expect(refusal(() => parseOrderBy(clauses, RUN_VOCABULARY)).code).toBe('filter_invalid')
})

type Below = (bound: number) => number

function randomFilter(below: Below, depth: number): Filter {
  const pick = depth === 0 ? 0 : below(5)
  if (pick === 1 || pick === 2) {
    const kind = pick === 1 ? 'and' : 'or'
    const terms = Array.from({ length: 2 + below(2) }, () => randomFilter(below, depth - 1)).filter(
      (term) => term.kind !== kind,
    )
    return terms.length > 1 ? { kind, terms } : randomFilter(below, 0)
  }
  if (pick === 3) return { kind: 'not', term: randomFilter(below, depth - 1) }
  if (below(2))
    return {
      kind: 'comparison',
      entity: 'metric',
      key: `k${below(9)}`,
      of: (['latest', 'min', 'max'] as const)[below(3)] ?? 'latest',
      operator: (['<', '>=', '=', '!='] as const)[below(4)] ?? '=',
      value: (below(2000) - 1000) / 8,
    }
  const text = ["it's", 'a"b', '', '日本 %_', '\\'][below(5)] ?? ''
  return {
    kind: 'comparison',
    entity: below(2) ? 'param' : 'tag',
    key: `with space ${below(3)}`,
    of: 'latest',
    operator: (['=', 'LIKE', 'ILIKE'] as const)[below(3)] ?? '=',
    value: text,
  }
}

function print(filter: Filter): string {
  if (filter.kind === 'not') return `NOT (${print(filter.term)})`
  if (filter.kind !== 'comparison')
    return filter.terms.map((term) => `(${print(term)})`).join(` ${filter.kind.toUpperCase()} `)
  const field = `${filter.entity}s.\`${filter.key}\``
  const value =
    typeof filter.value === 'number' ? String(filter.value) : `'${String(filter.value).replaceAll("'", "''")}'`
  return `${filter.of === 'latest' ? field : `${filter.of}(${field})`} ${filter.operator} ${value}`
}
