import { expect, test } from 'vitest'
import { classifyEnd } from './classify-end.ts'
import type { AttemptEnd } from './classify-end.ts'

const end = (change: Partial<AttemptEnd>): AttemptEnd => ({
  status: 1,
  ending: null,
  kernelKilled: false,
  tail: [],
  timeoutMs: 60_000,
  memoryBytes: 2 ** 30,
  ...change,
})

test.each<[string, Partial<AttemptEnd>, object]>([
  ['status 0 ends well', { status: 0 }, { outcome: 'ended_well' }],
  ['a cancel is no cause, whatever the status', { status: 143, ending: 'cancel' }, { outcome: 'cancelled' }],
  ['a cancel whose process vanished is a cancel', { status: null, ending: 'cancel' }, { outcome: 'cancelled' }],
  ['asked to leave and left: preempted', { status: 143, ending: 'preempt' }, { cause: 'preempted' }],
  ['no status: lost', { status: null }, { cause: 'lost', exitCode: null }],
  ['a timeout that vanished is a timeout', { status: null, ending: 'timeout' }, { cause: 'timeout' }],
  ['killed at its timeout', { status: 137, ending: 'timeout' }, { cause: 'timeout', signal: 'SIGKILL' }],
  ['killed for its memory', { status: 137, ending: 'memory' }, { cause: 'oom' }],
  ['killed while the kernel killed for memory', { status: 137, kernelKilled: true }, { cause: 'oom' }],
  ['killed from outside', { status: 137 }, { cause: 'user_error', signal: 'SIGKILL' }],
  [
    'its own exit while the kernel killed another',
    { status: 2, kernelKilled: true },
    { cause: 'user_error', exitCode: 2 },
  ],
  ['a Python MemoryError', { tail: ['Traceback', 'MemoryError'] }, { cause: 'oom' }],
  ['numpy', { tail: ['numpy._core._exceptions._ArrayMemoryError: Unable to allocate 1 TiB'] }, { cause: 'oom' }],
  ['CUDA', { tail: ['torch.cuda.OutOfMemoryError: CUDA out of memory. Tried'] }, { cause: 'oom' }],
  ['a word about MemoryError in a sentence is none', { tail: ['no MemoryError here'] }, { cause: 'user_error' }],
  ['a crash', { status: 139 }, { cause: 'user_error', signal: 'SIGSEGV' }],
])('%s', (_name, change, expected) => {
  expect(classifyEnd(end(change))).toMatchObject(expected)
})

test('the message ends with the last 20 lines that say something', () => {
  const tail = [...Array.from({ length: 30 }, (_, i) => `line ${i}`), '', '  ']
  const result = classifyEnd(end({ tail }))
  const lines = result.outcome === 'failed' ? result.message.split('\n') : []
  expect(lines).toHaveLength(21)
  expect(lines.at(-1)).toBe('line 29')
})
