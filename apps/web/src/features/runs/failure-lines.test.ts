import { expect, test } from 'vitest'
import { failureOf } from './failure-lines.ts'

test('the user’s own line is found below the frames of libraries', () => {
  const lines = [
    'loaded',
    'Traceback (most recent call last):',
    '  File "/home/jobs/job_1/1/work/release.py", line 41, in <module>',
    '    onx = convert_sklearn(pipe, initial_types=types)',
    '  File "/home/environments/ab/lib/python3.11/site-packages/skl2onnx/convert.py", line 12, in convert',
    '    raise TypeError',
    'TypeError: Expected an int, got a boolean.',
  ]
  expect(failureOf(lines)).toEqual({
    title: 'TypeError: Expected an int, got a boolean.',
    own: { file: 'release.py', line: 41, code: 'onx = convert_sklearn(pipe, initial_types=types)' },
  })
})

test('a log without a traceback names nothing', () => {
  expect(failureOf(['all fine', 'exit status 1'])).toEqual({ title: null, own: null })
})
