import { expect, test } from 'vitest'
import { jsonDepth } from './json-depth.ts'

test.each([
  ['1', 0],
  ['{}', 1],
  ['[[],[[]]]', 3],
  ['{"a":{"b":[1]}}', 3],
  ['"[[[["', 0],
  [String.raw`{"a":"\"[[["}`, 1],
  [String.raw`["\\",[]]`, 2],
  ['['.repeat(100_000), 100_000],
])('%s', (text, depth) => {
  expect(jsonDepth(text)).toBe(depth)
})
