import { expect, test } from 'vitest'
import { selectCode } from './select-code.ts'

const files = ['kiban.yaml', 'README.md', 'train.py', 'src/a.py', 'src/deep/b.py', 'data/f-1.parquet', 'docs/x.md'].map(
  (path) => ({ path, hash: 'a'.repeat(64), sizeBytes: 1 }),
)
const paths = (code: string[] | undefined): string[] =>
  selectCode(files, code, ['data/f-*.parquet']).files.map((file) => file.path)

test('the default is everything but the project file, prose and data', () => {
  expect(paths(undefined)).toEqual(['train.py', 'src/a.py', 'src/deep/b.py'])
})

test('code names files, globs and folders with all below', () => {
  expect(paths(['train.py', 'src'])).toEqual(['train.py', 'src/a.py', 'src/deep/b.py'])
  expect(paths(['./src/*.py'])).toEqual(['src/a.py'])
  expect(paths(['**/*.py'])).toEqual(['train.py', 'src/a.py', 'src/deep/b.py'])
})

test('a pattern that fits nothing is named', () => {
  expect(selectCode(files, ['train.py', 'trian.py', 'sr'], []).unmatched).toEqual(['trian.py', 'sr'])
})
