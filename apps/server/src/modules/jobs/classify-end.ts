import { constants } from 'node:os'
import type { JobCause } from '@kiban/contract/jobs'

/** Why the platform itself is ending an attempt; stored before the first signal, so that a restart does not forget it. */
export type Ending = 'cancel' | 'timeout' | 'memory' | 'preempt'

export type AttemptEnd = {
  /** Exit status of the command as a shell reports it (128 + n for signal n); null when the process is gone and left none. */
  readonly status: number | null
  readonly ending: Ending | null
  /** The kernel killed for lack of memory between this attempt's start and end. */
  readonly kernelKilled: boolean
  /** The last lines of the log. */
  readonly tail: readonly string[]
  readonly timeoutMs: number | null
  readonly memoryBytes: number
}

export type Classified =
  | { readonly outcome: 'ended_well' }
  | { readonly outcome: 'cancelled' }
  | {
      readonly outcome: 'failed'
      readonly cause: JobCause
      readonly message: string
      readonly exitCode: number | null
      readonly signal: string | null
    }

const OUT_OF_MEMORY = [
  /^(?:[\w.]+\.)?_?(?:Array)?MemoryError\b/,
  /\bCUDA out of memory\b|\bOutOfMemoryError\b/,
  /JavaScript heap out of memory/,
  /cannot allocate vector of size/,
  /^(?:terminate called after .*)?std::bad_alloc\b/,
]

/**
 * The class of an attempt's end (project-file §6): the first true row of preempted, lost, timeout, out of memory, else its own exit.
 * A cancel is no cause. The message is one sentence and the end of the log.
 */
export function classifyEnd(end: AttemptEnd): Classified {
  if (end.ending === 'cancel') return { outcome: 'cancelled' }
  const signal = end.status !== null && end.status > 128 ? signalName(end.status - 128) : null
  const exitCode = end.status
  const failed = (cause: JobCause, message: string): Classified => ({
    outcome: 'failed',
    cause,
    message,
    exitCode,
    signal,
  })
  if (end.status === 0 && end.ending !== 'memory') return { outcome: 'ended_well' }
  if (end.ending === 'preempt') return failed('preempted', 'It was asked to leave and left.')
  if (end.ending === 'timeout')
    return failed(
      'timeout',
      withTail(
        `It ran longer than its timeout of ${seconds(end.timeoutMs ?? 0)}. Raise \`timeout\` or make it faster.`,
        end.tail,
      ),
    )
  if (end.ending === 'memory')
    return failed(
      'oom',
      `It used more memory than the ${mebibytes(end.memoryBytes)} it asked for. Raise \`resources.memory\`.`,
    )
  if (end.status === null)
    return failed(
      'lost',
      withTail(
        'Its process is gone and left no exit status (the machine or the process was ended from outside).',
        end.tail,
      ),
    )
  if (end.kernelKilled && signal === 'SIGKILL')
    return failed(
      'oom',
      `The machine ran out of memory and the kernel killed it. Raise \`resources.memory\` so that fewer jobs run beside it.`,
    )
  if (end.tail.slice(-30).some((line) => OUT_OF_MEMORY.some((pattern) => pattern.test(line.trim()))))
    return failed('oom', withTail('It ran out of memory.', end.tail))
  return failed('user_error', withTail(exitSentence(end.status, signal), end.tail))
}

function exitSentence(status: number, signal: string | null): string {
  if (signal) return `It was ended by ${signal}.`
  if (status === 127) return 'A command was not found (exit status 127). Is it in the environment of the step?'
  if (status === 126) return 'A command could not be started (exit status 126). Is the file executable?'
  return `It ended with exit status ${status}.`
}

const TAIL_LINES = 20

function withTail(sentence: string, tail: readonly string[]): string {
  const lines = tail.filter((line) => line.trim() !== '').slice(-TAIL_LINES)
  return lines.length === 0
    ? `${sentence} Its log is empty.`
    : `${sentence} The log ends with:\n${lines.map((line) => line.slice(0, 400)).join('\n')}`
}

function signalName(number: number): string {
  return Object.entries(constants.signals).find(([, value]) => value === number)?.[0] ?? `signal ${number}`
}

function seconds(ms: number): string {
  return ms % 60_000 === 0 ? `${ms / 60_000} min` : `${ms / 1000} s`
}

function mebibytes(bytes: number): string {
  return `${Math.round(bytes / 2 ** 20)} MiB`
}
