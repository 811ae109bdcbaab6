import { expect, test } from 'vitest'
import { artifactPath } from './artifact-path.ts'

test.each(['model.onnx', 'a/b/c.txt', '日本語/ファイル.csv', 'a b/c-d_e.f', 'a%20b', '...', 'a..b/c'])(
  '%j is a path',
  (path) => {
    expect(artifactPath(path)).toBe(path)
  },
)

test.each([
  '',
  '/',
  '/etc/passwd',
  '../x',
  'a/../../x',
  'a/..',
  '.',
  './a',
  'a/./b',
  'a//b',
  'a/',
  'C:/x',
  'c:\\x',
  'a\\b',
  '..\\x',
  'a\u0000b',
  'a\nb',
  '%2e%2e/x',
  '..%2fx',
  'a%2Fb',
  '%252e%252e%252fx',
  'a%00b',
  'a%5cb',
  'e\u0301.txt',
  'x'.repeat(1025),
])('%j is refused', (path) => {
  expect(() => artifactPath(path)).toThrow(expect.objectContaining({ code: 'bad_request' }))
})
