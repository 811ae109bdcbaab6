import { DuckDBInstance } from '@duckdb/node-api'
import { describe, expect, test } from 'vitest'
import type { Json } from '@kiban/contract/primitives'
import { fillParameters } from './sql-text.ts'

describe('a SQL text', () => {
  test.each<[string, Record<string, Json>, string]>([
    ['select $a, $b, $c, $d', { a: 1, b: -2.5, c: true, d: null }, 'select 1, (-2.5), true, NULL'],
    ['select $w, \'$w\', "$w" -- $w\n/* $w */', { w: "it's" }, "select 'it''s', '$w', \"$w\" -- $w\n/* $w */"],
    ['select $$ $w $$, $t$ $w $t$, $w', { w: 'x' }, "select $$ $w $$, $t$ $w $t$, 'x'"],
    ['select a$w, $w', { w: 1 }, 'select a$w, 1'],
    ['select $l, $o', { l: [1, 'a'], o: { k: "'" } }, "select [1, 'a'], '{\"k\":\"''\"}'"],
  ])('%j with %j', (sql, values, expected) => expect(fillParameters(sql, values)).toBe(expected))

  test('names a parameter that does not exist', () => {
    expect(() => fillParameters('select $b', { a: 1 })).toThrow('$b is not an input of the step; there is $a')
  })

  test('carries hostile texts through DuckDB unharmed', async () => {
    const connection = await (await DuckDBInstance.create(':memory:')).connect()
    for (const text of ["'; drop table x; --", "a''b", "\\' or 1=1 --", '$$', "E'\\n", '日本\n\t"']) {
      const { length } = text
      const rows = await connection.runAndReadAll(fillParameters('select $v as v, length($v) as n', { v: text }))
      expect(rows.getRows()).toEqual([[text, BigInt(length)]])
    }
  })
})
