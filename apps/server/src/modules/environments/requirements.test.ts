import { describe, expect, test } from 'vitest'
import { explainFailure } from './explain-failure.ts'
import { readRequirements } from './requirements.ts'

const read = (files: Record<string, string>) => readRequirements('requirements.txt', (path) => files[path])

describe('requirements', () => {
  test('are read with comments, continued lines, markers and hashes', () => {
    const text =
      '# top\nsix==1.16.0 \\\n  --hash=sha256:aa\n\nnumpy>=2 ; python_version > "3.9"  # why\nhttps://x.example/a.whl#sha256=1\n--index-url https://i.example\n'
    expect(read({ 'requirements.txt': text })).toEqual({
      lines: ['six==1.16.0 --hash=sha256:aa', 'numpy>=2 ; python_version > "3.9"', 'https://x.example/a.whl#sha256=1'],
      constraints: [],
      options: ['--index-url https://i.example'],
    })
  })

  test('name other files from where they stand', () => {
    const files = {
      'requirements.txt': '-r sub/a.txt\n-c limits.txt',
      'sub/a.txt': 'a\n-r b.txt',
      'sub/b.txt': 'b',
      'limits.txt': 'c<2',
    }
    expect(read(files)).toEqual({ lines: ['a', 'b'], constraints: ['c<2'], options: [] })
  })

  test.each([
    [{}, /no file requirements.txt/],
    [{ 'requirements.txt': '\n-r x.txt' }, /no file x.txt, which requirements.txt:2 names/],
    [{ 'requirements.txt': '-r requirements.txt' }, /no file requirements.txt/],
    [{ 'requirements.txt': './lib' }, /requirements.txt:1: "\.\/lib" is a package in a folder/],
    [{ 'requirements.txt': 'x @ file:///x' }, /is a package in a folder/],
    [{ 'requirements.txt': '--user' }, /the option --user is not known/],
  ])('that can not be followed are refused by file and line', (files, message) => {
    expect(() => read(files as Record<string, string>)).toThrow(message)
  })
})

test.each([
  ['cause: Because there is no version of six==99.0 and you require', 'user_error', /no version six==99.0/],
  ['cause: Because nosuch was not found in the package registry and you', 'user_error', /no package nosuch/],
  [
    'ERROR: Could not find a version that satisfies the requirement foo==9 (from versions: 1)',
    'user_error',
    /no matching version for foo==9/,
  ],
  [
    'error: Request failed\n  cause: tcp connect error\n  cause: Connection refused (os error 111)',
    'start_failed',
    /index could not be reached/,
  ],
  ['OSError: [Errno 28] No space left on device', 'start_failed', /disk is full/],
  [
    'The virtual environment was not created because ensurepip is not available.',
    'start_failed',
    /apt install python3-venv/,
  ],
  [
    'No solution found when resolving dependencies:\n  ╰─▶ Because a==1 depends on c<1 and b==1 depends on c>1',
    'user_error',
    /contradict each other: Because a==1/,
  ],
  ['× Failed to build `psycopg2==2.9`', 'user_error', /psycopg2==2.9 has no ready-made wheel/],
  ['something else\n', 'user_error', /ended with exit status 2: something else/],
])('a failed build is explained: %s', (log, cause, message) => {
  expect(explainFailure(log, 'exit status 2')).toMatchObject({
    cause,
    message: expect.stringMatching(message) as string,
  })
})
