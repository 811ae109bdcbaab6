import { spawn } from 'node:child_process'

export type ProcessResult = {
  readonly code: number | null
  readonly signal: string | null
  readonly stdout: string
  readonly stderr: string
}

const KEPT_BYTES = 1 << 20

/** Runs an argv (never a shell) to its end, keeping up to 1 MiB of each stream's end. `env` is the whole environment of the child. */
export function runProcess(
  argv: readonly [string, ...string[]],
  options: {
    cwd?: string
    env?: Readonly<Record<string, string>>
    input?: string
    timeoutMs?: number
    signal?: AbortSignal
  } = {},
): Promise<ProcessResult> {
  return new Promise((resolve, reject) => {
    const child = spawn(argv[0], argv.slice(1), {
      cwd: options.cwd,
      env: options.env ?? process.env,
      stdio: ['pipe', 'pipe', 'pipe'],
      timeout: options.timeoutMs,
      signal: options.signal,
      killSignal: 'SIGKILL',
    })
    let stdout = ''
    let stderr = ''
    child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout = (stdout + text).slice(-KEPT_BYTES)))
    child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr = (stderr + text).slice(-KEPT_BYTES)))
    child.on('error', reject)
    child.on('close', (code, signal) => resolve({ code, signal, stdout, stderr }))
    child.stdin.on('error', () => {}) // a child that ends without reading its input
    child.stdin.end(options.input ?? '')
  })
}
