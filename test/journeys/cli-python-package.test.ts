import { execFileSync } from 'node:child_process'
import { join } from 'node:path'
import { expect, test } from 'vitest'

const PACKAGE = join(import.meta.dirname, '../../python/kiban')

test('the Python package that jobs may import passes its own tests with nothing but the standard library', () => {
  const program =
    "import unittest, sys; r = unittest.TextTestRunner(stream=sys.stdout).run(unittest.defaultTestLoader.discover('tests')); sys.exit(not r.wasSuccessful())"
  const out = execFileSync('python3', ['-B', '-I', '-c', `import sys; sys.path.insert(0, 'src'); ${program}`], {
    cwd: PACKAGE,
    encoding: 'utf8',
  })
  expect(out).toContain('Ran 5 tests')
})
