import { expect, test } from 'vitest'
import { globFiles } from './glob-files.ts'

const files = [
  'data/x-1.parquet',
  'data/x-2.parquet',
  'data/y-1.parquet',
  'data/deep/x-3.parquet',
  'dataX/x-1.parquet',
  'readme.md',
].map((path) => ({ path, hash: 'a'.repeat(64), sizeBytes: 1 }))

test.each([
  ['data/x-*.parquet', ['x-1.parquet', 'x-2.parquet']],
  ['data/x-[2-9].parquet', ['x-2.parquet']],
  ['data/{x,y}-1.parquet', ['x-1.parquet', 'y-1.parquet']],
  ['data/**/x-*.parquet', ['x-1.parquet', 'x-2.parquet', 'deep/x-3.parquet']],
  ['data', ['x-1.parquet', 'x-2.parquet', 'y-1.parquet', 'deep/x-3.parquet']],
  ['data/x-1.parquet', ['x-1.parquet']],
  ['./readme.md', ['readme.md']],
  ['*.csv', []],
  ['data/x.1.parquet', []],
])('%s', (pattern, expected) => {
  expect(globFiles(pattern, files).map((file) => file.path)).toEqual(expected)
})
