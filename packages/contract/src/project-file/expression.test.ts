import { describe, expect, it } from 'vitest'
import type { Json } from '../primitives.ts'
import { evaluate } from './evaluate.ts'
import { ExpressionError, parseExpression } from './expression.ts'
import { parseTemplate, renderTemplate } from './template.ts'

const SCOPE = {
  params: { n: 3, s: 'abc', list: [1, 2, 3], none: null, cutoff: '2013-08-01' },
  steps: { a: { outputs: { o: { rows: 5 } }, status: 'succeeded' }, skipped: { outputs: { o: null } } },
  trigger: { end: '2013-08-01T00:00:00.000Z' },
}
const run = (text: string): Json => evaluate(parseExpression(text), SCOPE)
const codeOf = (text: string): string => {
  try {
    run(text)
  } catch (error) {
    if (error instanceof ExpressionError) return error.code
    throw error
  }
  return 'no error'
}

describe('expressions', () => {
  it.each<[string, Json]>([
    ["params.n == 3 && !(params.s != 'abc')", true],
    ['params.n < 2 || params.n >= 3', true],
    ["'b' in ['a', 'b']", true],
    ["params['s']", 'abc'],
    ['params.list[-1]', 3],
    ["'it''s'", "it's"],
    ['default(params.missing, 7)', 7],
    ['default(params.none, 7)', 7],
    ['default(matrix.shop, 7)', 7],
    ["choose(params.n > 2, 'big', 'small')", 'big'],
    ['min(3, 1, 2)', 1],
    ['max(params.list)', 3],
    ["join(params.list, '-')", '1-2-3'],
    ['range(3)', [0, 1, 2]],
    ['range(4, 0, -2)', [4, 2]],
    ['date(trigger.end)', '2013-08-01'],
    ["date(trigger.end, 'yyyyMMdd HH:mm', 'America/New_York')", '20130731 20:00'],
    ["shift(params.cutoff, '-14d')", '2013-07-18'],
    ["shift('2013-03-31', '-1mo')", '2013-02-28'],
    ["shift('2013-03-31T10:00:00Z', '90m')", '2013-03-31T11:30:00.000Z'],
    ['toJson(params.list)', '[1,2,3]'],
    ['fromJson(\'{"a":1}\')', { a: 1 }],
    ['length(params.s)', 3],
    ["contains(params.list, 2) && startsWith(params.s, 'ab') && endsWith(params.s, 'bc')", true],
    ['steps.a.outputs.o.rows > 1e0', true],
    ['steps.skipped.outputs.o.rows', null],
    ['[1, [2]] == [1, [2]]', true],
  ])('%s is %j', (text, value) => expect(run(text)).toEqual(value))

  it.each([
    ['1 + 2', 'expression_syntax'],
    ['"a"', 'expression_syntax'],
    ['params.', 'expression_syntax'],
    ['(1', 'expression_syntax'],
    ["'a", 'expression_syntax'],
    ['parms.n', 'unknown_reference'],
    ['lenth(1)', 'unknown_function'],
    ['length()', 'wrong_arguments'],
    ['params.missing', 'unknown_reference'],
    ['matrix.a', 'not_available_here'],
    ['params.n && true', 'type_mismatch'],
    ['params.none < 1', 'type_mismatch'],
    ["params.n < '1'", 'type_mismatch'],
    ['range(1, 100000)', 'out_of_range'],
    ["params['constructor']", 'unknown_reference'],
    [`${'('.repeat(80)}1${')'.repeat(80)}`, 'expression_syntax'],
    [`'${'a'.repeat(1000)}'`, 'expression_too_long'],
  ])('%s is refused: %s', (text, code) => expect(codeOf(text)).toBe(code))

  it('keeps the type of a lone expression and renders it inside a text', () => {
    expect(renderTemplate('${{ params.n }}', SCOPE)).toBe(3)
    expect(renderTemplate('n=${{ params.n }} s=${{ params.s }}', SCOPE)).toBe('n=3 s=abc')
    expect(() => renderTemplate('x ${{ params.none }}', SCOPE)).toThrow("null can't stand inside a text")
    expect(renderTemplate('$${{ params.n }}', SCOPE)).toBe('${{ params.n }}')
  })

  it('does not scan results again', () => {
    expect(renderTemplate('a ${{ params.s }}', { params: { s: '${{ params.s }}' } })).toBe('a ${{ params.s }}')
  })

  it('finds the closing braces outside quoted texts', () => {
    expect(parseTemplate("${{ '}}' }}")).toHaveLength(1)
    expect(renderTemplate("${{ '}}' }}", SCOPE)).toBe('}}')
  })
})
