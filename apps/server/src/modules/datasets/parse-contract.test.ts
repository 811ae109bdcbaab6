import { describe, expect, test } from 'vitest'
import { AppError } from '@kiban/kit/errors'
import { parseContract } from './parse-contract.ts'

const HEAD = 'apiVersion: v3.1.0\nkind: DataContract\nid: c\nversion: 1.0.0\nstatus: active\n'

function problemsOf(body: string): string {
  try {
    parseContract(HEAD + body, { file: 'c.odcs.yaml', dataset: 'orders' })
  } catch (error) {
    expect(error).toBeInstanceOf(AppError)
    expect((error as AppError).code).toBe('contract_invalid')
    return (error as AppError).message
  }
  throw new Error('the contract was accepted')
}

describe('a contract that cannot be executed is refused where it says so', () => {
  test.each([
    ['a syntax error', 'schema: [', /^c\.odcs\.yaml:6:\d+: /],
    [
      'an unknown key',
      'schema:\n  - name: orders\n    relationships: []\n',
      /^c\.odcs\.yaml:8:\d+: `relationships` is not supported/,
    ],
    [
      'an engine of somebody else',
      'schema:\n  - name: orders\n    quality:\n      - { type: custom, engine: soda, implementation: x }\n',
      /^c\.odcs\.yaml:9:\d+: the engine soda is not supported/,
    ],
    [
      'two operators',
      'schema:\n  - name: orders\n    quality:\n      - { metric: rowCount, mustBe: 1, mustBeLessThan: 5 }\n',
      /:9:\d+: a rule has one operator, not both mustBe and mustBeLessThan/,
    ],
    [
      'a limit without an operator',
      'schema:\n  - name: orders\n    quality:\n      - { metric: rowCount }\n',
      /rowCount needs an operator/,
    ],
    [
      'a pattern that RE2 does not know',
      'schema:\n  - name: orders\n    properties:\n      - { name: a, logicalTypeOptions: { pattern: "(?=x)" } }\n',
      /look-around/,
    ],
    [
      'a unique key of unknown columns',
      'schema:\n  - name: orders\n    quality:\n      - { metric: duplicateValues, mustBe: 0, arguments: { properties: [nope] } }\n',
      /:9:\d+: there is no column nope/,
    ],
    [
      'an sql rule without a limit',
      'schema:\n  - name: orders\n    quality:\n      - { type: sql, query: SELECT 1 }\n',
      /needs an operator/,
    ],
    ['a table of another name among several', 'schema:\n  - { name: a }\n  - { name: b }\n', /none is named orders/],
    [
      'a schedule',
      'schema:\n  - name: orders\n    quality:\n      - { metric: rowCount, mustBeGreaterThan: 0, schedule: 0 20 * * * }\n',
      /`schedule` is not supported/,
    ],
  ])('%s', (_what, body, message) => {
    expect(problemsOf(body)).toMatch(message)
  })

  test('the version of the standard is checked', () => {
    expect(() =>
      parseContract('apiVersion: v2.2.2\nkind: DataContract\nid: c\nversion: 1\nstatus: a\nschema: [{ name: x }]\n', {
        file: 'f',
        dataset: 'x',
      }),
    ).toThrow(/f:1:13: .*v3\.1/)
  })

  test('every problem is told at once', () => {
    expect(
      problemsOf('schema:\n  - name: orders\n    nope: 1\n    properties:\n      - { name: a, nope: 2 }\n').split('\n'),
    ).toHaveLength(2)
  })
})

test('what only documents is accepted, and of several tables the dataset’s own is taken', () => {
  const contract = parseContract(
    `${HEAD}team: { name: data }\nslaProperties: [{ property: latency, value: 4, unit: d }]\nschema:\n  - { name: other }\n  - { name: orders, description: all orders }\n`,
    { file: 'f', dataset: 'orders' },
  )
  expect(contract.table.name).toBe('orders')
})
