import { describe, expect, test } from 'vitest'
import { AppError } from '@kiban/kit/errors'
import { checkParams } from './check-params.ts'

const fault = (
  spec: Parameters<typeof checkParams>[1][string],
  value: Parameters<typeof checkParams>[2][string],
): string => {
  try {
    checkParams('p', { x: spec }, { x: value })
    return 'fine'
  } catch (error) {
    if (error instanceof AppError) return error.message
    throw error
  }
}

describe('parameters of a run', () => {
  test('take the default, whose type a bare value tells', () => {
    expect(checkParams('p', { a: 8, b: { type: 'date', default: '2013-04-01' }, c: null }, {})).toEqual({
      a: 8,
      b: '2013-04-01',
      c: null,
    })
    expect(fault(8, 'eight')).toContain('x: "eight" is not a whole number')
    expect(fault(8, 8.5)).toContain('is not a whole number')
    expect(fault(true, 1)).toContain('is not true or false')
    expect(fault('abc', 1)).toContain('is not a text')
  })

  test.each([
    [{ type: 'date' }, '2013-02-29', 'is not a date'],
    [{ type: 'date' }, '2012-02-29', 'fine'],
    [{ type: 'datetime' }, 'noon', 'is not a time'],
    [{ type: 'duration' }, '10', 'is not a duration'],
    [{ type: 'duration' }, '10m', 'fine'],
    [{ type: 'int[]' }, [1, 2], 'fine'],
    [{ type: 'int[]' }, [1, 'b'], 'is not a whole number'],
    [{ type: 'int[]' }, 1, 'is not a list'],
    [{ type: 'int', min: 1, max: 3 }, 4, 'is above 3'],
    [{ type: 'int', min: 1, max: 3 }, 0, 'is below 1'],
    [{ type: 'date', max: '2013-12-31' }, '2014-01-01', 'is above 2013-12-31'],
    [{ type: 'string', enum: ['a', 'b'] }, 'c', 'is not one of "a", "b"'],
    [{ type: 'string', pattern: '[a-z]+' }, 'ab1', 'does not match'],
    [{ type: 'json' }, { a: [1] }, 'fine'],
  ])('%j given %j: %s', (spec, value, message) => expect(fault(spec, value)).toContain(message))

  test('name every fault at once', () => {
    expect(() => checkParams('train', { a: { type: 'int' }, b: 1 }, { b: 'x', c: 1 })).toThrow(
      'The parameters of train are not right. c: there is no such parameter (there is a, b); a: is required (int); b: "x" is not a whole number.',
    )
  })
})
